"""Facts in, wanted accounts out: the registrar's fold, without any server."""

from dataclasses import replace

import pytest

from adapters.nats.accounts.nkey import Kind, NKey
from domain import island_events as events
from domain.ids import AccountId, IslandId
from registrar.island_books import PENDING_MS_MAX, IslandBooks, Wanted, wanted

ACCOUNT = IslandId(NKey.new(Kind.ACCOUNT).public)
KEY, OTHER_KEY = (NKey.new(Kind.USER).public for _ in range(2))
OWNER = AccountId("owner")
ENROLLED = events.IslandEnrolled(
    island_id=ACCOUNT, owner_id=None, name="first", enrolled_at_ms=10_000, user_key=KEY
)
VOUCHED = replace(ENROLLED, owner_id=OWNER)
WITH_PASSWORD = replace(VOUCHED, user_key=None, local_id="host-0001", password_sha256="0" * 64)
PAIRED = events.IslandPaired(island_id=ACCOUNT, owner_id=OWNER, name="first", karma=0, paired_at_ms=20_000)
REPLACED = events.IslandKeyReplaced(island_id=ACCOUNT, user_key=OTHER_KEY, replaced_at_ms=30_500)
SUSPENDED = events.IslandSuspended(island_id=ACCOUNT, reason="test", suspended_at_ms=40_000)
REINSTATED = events.IslandReinstated(island_id=ACCOUNT, reinstated_at_ms=50_000)
REVOKED = events.IslandRevoked(island_id=ACCOUNT, reason="test", revoked_at_ms=60_999)
REMOVED = events.IslandRemoved(island_id=ACCOUNT, owner_id=OWNER, reason="test", removed_at_ms=70_000)
REJOINED = replace(ENROLLED, enrolled_at_ms=80_000)


def books(*facts: object) -> IslandBooks:
    told = IslandBooks()
    told.take(7, facts)
    return told


def wanted_after(*facts: object, now_ms: int = 90_000) -> Wanted:
    book = books(*facts).get(ACCOUNT)
    assert book is not None
    return wanted(book, now_ms)


@pytest.mark.parametrize(
    ("facts", "is_paired", "has_queue", "is_barred", "revoked_before_s", "issued_at_s"),
    [
        ([ENROLLED], False, False, False, 0, 10),
        ([ENROLLED, PAIRED], True, True, False, 0, 20),
        ([VOUCHED], True, True, False, 0, 10),
        ([WITH_PASSWORD], True, False, False, 0, 10),
        ([VOUCHED, REPLACED], True, True, False, 30, 30),
        ([VOUCHED, SUSPENDED], False, False, True, 0, 40),
        ([VOUCHED, SUSPENDED, REINSTATED], True, True, False, 0, 50),
        ([VOUCHED, REVOKED], False, False, True, 60, 60),
        ([VOUCHED, REVOKED, replace(REPLACED, replaced_at_ms=61_000)], False, False, False, 61, 61),
        ([VOUCHED, REMOVED, REJOINED], False, False, False, 70, 80),
        ([VOUCHED, SUSPENDED, REMOVED], None, False, False, 0, 0),
        ([VOUCHED, REMOVED], None, False, False, 0, 0),
    ],
)
def test_the_wanted_account_follows_from_the_facts(
    *,
    facts: list[object],
    is_paired: bool | None,
    has_queue: bool,
    is_barred: bool,
    revoked_before_s: int,
    issued_at_s: int,
) -> None:
    found = wanted_after(*facts)
    assert (found.account.is_paired if found.account else None) == is_paired
    assert (found.has_queue, found.is_barred, found.issued_at_s) == (has_queue, is_barred, issued_at_s)
    assert (found.account.revoked_before_s if found.account else 0) == revoked_before_s


def test_a_revoked_island_keeps_the_account_of_an_island_with_a_key() -> None:
    """Without its key it would be taken for one with a password, and signed for by the door's keys."""
    account = wanted_after(VOUCHED, REVOKED).account
    assert account is not None
    assert account.user_key == KEY


@pytest.mark.parametrize(
    ("facts", "is_kept"), [([ENROLLED], False), ([VOUCHED], True), ([ENROLLED, PAIRED], True)]
)
def test_who_waits_for_a_day_is_forgotten(facts: list[object], is_kept: bool) -> None:
    after_a_day = ENROLLED.enrolled_at_ms + PENDING_MS_MAX
    assert wanted_after(*facts, now_ms=after_a_day).account is not None
    assert (wanted_after(*facts, now_ms=after_a_day + 1).account is not None) == is_kept


def test_who_asks_for_its_documents_has_another_day() -> None:
    told = books(ENROLLED)
    told.asked(ACCOUNT, 50_000)
    book = told.get(ACCOUNT)
    assert book is not None
    assert not book.is_lapsed(50_000 + PENDING_MS_MAX)
    assert book.is_lapsed(50_001 + PENDING_MS_MAX)


@pytest.mark.parametrize(
    ("facts", "may_enter"),
    [
        ([WITH_PASSWORD], True),
        ([WITH_PASSWORD, SUSPENDED], False),
        ([WITH_PASSWORD, SUSPENDED, REINSTATED], True),
        ([WITH_PASSWORD, REVOKED], False),
        ([WITH_PASSWORD, REMOVED], False),
        ([replace(WITH_PASSWORD, password_sha256=None)], False),
    ],
)
def test_the_door_is_open_to_members_with_a_password(facts: list[object], may_enter: bool) -> None:
    book = books(*facts).at_home("host-0001")
    assert book is not None
    assert book.may_enter is may_enter


def test_an_island_is_found_by_its_own_name_alone() -> None:
    told = books(WITH_PASSWORD)
    assert told.at_home(ACCOUNT) is None
    assert told.at_home("") is None


def test_only_islands_with_an_account_and_facts_about_membership_count() -> None:
    told = IslandBooks()
    stranger = replace(ENROLLED, island_id=IslandId("island-1"))
    online = events.IslandCameOnline(island_id=ACCOUNT, online_at_ms=1)
    assert told.take(3, [stranger, online]) == []
    assert told.take(4, [ENROLLED]) == [ACCOUNT]
    assert [book.island_id for book in told] == [ACCOUNT]
    assert told.position == 4
