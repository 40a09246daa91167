"""The rules of people and keys in the numbers that people are told.

What a key may do, how it is shown, revoked and counted stands in `tests/api/test_keys.py`, web sockets in
`tests/api/test_websocket.py`, signing in by mail in
`tests/api/test_sign_in.py`, and guessing pairing codes in `tests/adapters/postgres/test_pairing_codes.py`.
"""

import re

from api.api_key_text import new_api_key
from api.settings import Settings
from domain.api_key import Scope
from domain.session import SESSION_LIFE_MS
from domain.sign_in import LINK_LIFE_MS, LINKS_PER_MINUTE_MAX


def test_a_key_is_ak_with_8_characters_to_name_it_and_32_to_keep_secret() -> None:
    key = new_api_key()
    assert re.fullmatch(r"ak_[0-9A-Za-z]{8}[0-9A-Za-z]{32}", key.text)
    assert key.text.startswith(key.prefix)
    assert (key.prefix, len(key.sha256)) == (f"ak_{key.key_id}", 64)


def test_no_two_keys_share_their_name_or_their_secret() -> None:
    texts = [new_api_key().text for _ in range(100)]
    assert len({text[:11] for text in texts}) == len({text[11:] for text in texts}) == 100


def test_a_key_reads_writes_lends_islands_or_administers() -> None:
    assert [scope.value for scope in Scope] == ["read", "write", "islands", "admin"]


def test_a_key_may_ask_a_hundred_times_a_minute_unless_the_network_says_otherwise() -> None:
    assert Settings.model_fields["requests_per_minute"].default == 100


def test_a_link_signs_in_once_within_fifteen_minutes_and_a_session_lasts_thirty_days() -> None:
    """That it works once: `tests/domain/test_sign_in.py`."""
    assert LINK_LIFE_MS == 15 * 60 * 1000
    assert SESSION_LIFE_MS == 30 * 24 * 60 * 60 * 1000


def test_five_links_a_minute() -> None:
    assert Settings.model_fields["sign_ins_per_minute"].default == LINKS_PER_MINUTE_MAX == 5
