"""The authority an island was given when it joined is believed from then on."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.embedded.certificates import Certificates
from adapters.tls import TlsUnusable
from island.authority import AUTHORITY_FILE, authority_file
from island.settings import Settings
from island.state_store import StateStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    store = StateStore.open(tmp_path / "state")
    yield store
    store.close()


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    certificates = Certificates(tmp_path / "tls")
    certificates.renewed((), datetime.now(UTC))
    return certificates.ca_file


def test_without_a_file_the_system_s_list_counts(store: StateStore) -> None:
    assert authority_file(Settings(), store) is None


def test_a_given_file_counts_for_later_starts_even_where_it_is_gone(store: StateStore, ca_file: Path) -> None:
    content = ca_file.read_bytes()
    authority_file(Settings(ca_file=ca_file), store)
    ca_file.unlink()
    kept = authority_file(Settings(), store)
    assert kept is not None
    assert kept.read_bytes() == content


def test_joining_again_without_a_file_forgets_it(store: StateStore, ca_file: Path) -> None:
    authority_file(Settings(ca_file=ca_file), store)
    assert authority_file(Settings(joins_again=True), store) is None
    assert authority_file(Settings(), store) is None


def test_a_file_without_a_certificate_is_named_and_not_kept(store: StateStore, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("rubbish")
    with pytest.raises(TlsUnusable, match=r"wrong\.pem"):
        authority_file(Settings(ca_file=wrong), store)
    assert store.read(AUTHORITY_FILE) is None
