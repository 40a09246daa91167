"""How an island joins, is vouched for, is barred and leaves."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from commands.fleet import offer_after
from domain.ids import AccountId
from domain.island import ISLAND as ISLAND_DECIDER
from domain.island_commands import (
    EnrolIsland,
    EnrolPasswordIsland,
    IslandCommand,
    MarkOffline,
    PairIsland,
    PenalizeFlood,
    RegisterIsland,
    ReinstateIsland,
    RemoveIsland,
    RenameIsland,
    RevokeIsland,
    SuspendIsland,
)
from domain.island_events import IslandEvent
from domain.island_state import Membership
from domain.placement import Offer, refusal
from domain.rejection import Rejection
from tests.examples import (
    CAPABILITIES,
    CUSTOMER,
    ISLAND,
    OTHER_USER_KEY,
    OWNER,
    T0_MS,
    USER_KEY,
    WANT,
    approved,
    at_ms,
    came_online,
    enrolled,
    flood_penalized,
    heartbeat,
    joined,
    key_replaced,
    paired,
    ready_island,
    registered,
    reinstated,
    removed,
    renamed,
    revoked,
    suspended,
)
from tests.scenario import Scenario, added

island = Scenario(ISLAND_DECIDER)
enrol = EnrolIsland(island_id=ISLAND, owner_id=None, name=ISLAND, user_key=USER_KEY, now_ms=T0_MS)
enrol_vouched = replace(enrol, owner_id=OWNER)
enrol_again = replace(enrol, user_key=OTHER_USER_KEY, now_ms=at_ms(4))
enrol_password = EnrolPasswordIsland(
    island_id=ISLAND,
    owner_id=OWNER,
    name=ISLAND,
    local_id="an-island",
    password_sha256="f" * 64,
    now_ms=T0_MS,
)
pair = PairIsland(island_id=ISLAND, owner_id=OWNER, now_ms=at_ms(3))
rename = RenameIsland(island_id=ISLAND, owner_id=OWNER, name="attic", now_ms=at_ms(5))
remove = RemoveIsland(island_id=ISLAND, owner_id=OWNER, now_ms=at_ms(6))
suspend = SuspendIsland(island_id=ISLAND, reason="it looks odd", now_ms=at_ms(7))
reinstate = ReinstateIsland(island_id=ISLAND, now_ms=at_ms(8))
revoke = RevokeIsland(island_id=ISLAND, reason="its key leaked", now_ms=at_ms(9))
register = RegisterIsland(
    island_id=ISLAND,
    agent_version="0.1.0",
    protocol=2,
    capabilities=CAPABILITIES,
    asks_micro={"_default": 7},
    now_ms=T0_MS,
)
BY_ANOTHER: Final = {"owner_id": CUSTOMER}

SAID: Final = (register, heartbeat(asks_micro={"_default": 7}), heartbeat(is_leaving=True))

# Joining.


def test_an_island_that_joins_on_its_own_waits_to_be_paired() -> None:
    island.given().when(enrol).then(joined())
    island.given(joined()).when(enrol).then_nothing()
    assert not ISLAND_DECIDER.fold([joined()]).is_paired


def test_an_island_that_its_owner_vouches_for_is_paired_at_once() -> None:
    island.given().when(enrol_vouched).then(*enrolled())
    island.given(*enrolled()).when(enrol_vouched).then_nothing()
    assert ISLAND_DECIDER.fold(enrolled()).is_paired


def test_an_island_of_the_first_logs_which_have_no_key_is_paired_and_can_show_one() -> None:
    of_old = enrolled(user_key=None)
    assert ISLAND_DECIDER.fold(of_old).is_paired
    island.given(*of_old).when(replace(enrol, now_ms=at_ms(4))).then(
        replace(key_replaced(), user_key=USER_KEY)
    )


def test_vouching_for_an_island_that_waits_pairs_it() -> None:
    island.given(joined()).when(replace(enrol_vouched, now_ms=at_ms(3))).then(*paired())


def test_enrolling_again_says_nothing_about_the_name_and_the_owner() -> None:
    island.given(*enrolled()).when(replace(enrol, name="another")).then_nothing()


def test_an_island_that_another_account_vouches_for_stays_with_its_owner() -> None:
    stranger = replace(enrol_vouched, owner_id=CUSTOMER)
    for history in (enrolled(), [joined(), *paired()], [*enrolled(), revoked()]):
        command = replace(stranger, user_key=OTHER_USER_KEY)
        island.given(*history).when(command).then_rejected(Rejection.OWNER_DIFFERS)


def test_another_user_key_replaces_the_first() -> None:
    island.given(*enrolled()).when(enrol_again).then(key_replaced())
    island.given(*enrolled(), key_replaced()).when(enrol_again).then_nothing()
    state = ISLAND_DECIDER.fold([*enrolled(), key_replaced()])
    assert (state.user_key, state.is_paired) == (OTHER_USER_KEY, True)


def test_an_island_with_a_password_is_paired_at_once() -> None:
    by_password = joined(
        owner_id=OWNER, user_key=None, local_id="an-island", password_sha256=enrol_password.password_sha256
    )
    island.given().when(enrol_password).then(by_password, approved())
    island.given(by_password, approved()).when(enrol_password).then_nothing()
    state = ISLAND_DECIDER.fold([by_password, approved()])
    assert (state.local_id, state.password_sha256) == ("an-island", "f" * 64)
    island.given(by_password).when(replace(enrol_password, owner_id=CUSTOMER)).then_rejected(
        Rejection.OWNER_DIFFERS
    )


# Pairing.


def test_an_account_pairs_an_island_that_waits_once() -> None:
    island.given(joined()).when(pair).then(*paired())
    island.given(joined(), *paired()).when(pair).then_nothing()
    island.given(*enrolled()).when(pair).then_nothing()


def test_pairing_takes_along_the_name_and_the_karma() -> None:
    past = [*enrolled(), flood_penalized(karma=-5), removed(), joined(karma=-5), renamed()]
    island.given(*past).when(pair).then(*paired(name="attic", karma=-5))


def test_a_paired_island_cannot_be_paired_with_another_account() -> None:
    another = replace(pair, owner_id=CUSTOMER)
    island.given(joined(), *paired()).when(another).then_rejected(Rejection.OWNER_DIFFERS)
    island.given(*enrolled(), revoked(), key_replaced()).when(another).then_rejected(Rejection.OWNER_DIFFERS)


@pytest.mark.parametrize("command", SAID, ids=["register", "heartbeat", "goodbye"])
def test_what_an_island_says_before_it_is_paired_is_no_fact(command: IslandCommand) -> None:
    island.given(joined()).when(command).then_nothing()
    island.given(*ready_island(), revoked(), key_replaced()).when(command).then_nothing()
    assert island.given(joined(), *paired(), came_online()).when(command).decided()


# Names.


def test_an_owner_renames_an_island_once() -> None:
    island.given(*enrolled()).when(rename).then(renamed())
    island.given(*enrolled(), renamed()).when(rename).then_nothing()


def test_nobody_else_renames_or_removes_an_island() -> None:
    for command in (replace(rename, owner_id=CUSTOMER), replace(remove, owner_id=CUSTOMER)):
        island.given(*enrolled()).when(command).then_rejected(Rejection.OWNER_DIFFERS)
        island.given(joined()).when(command).then_rejected(Rejection.OWNER_DIFFERS)
        island.given(*enrolled(), removed()).when(command).then_rejected(
            Rejection.ISLAND_REMOVED if isinstance(command, RenameIsland) else Rejection.OWNER_DIFFERS
        )


# Leaving.


def test_an_owner_removes_an_island_once() -> None:
    island.given(*enrolled()).when(remove).then(removed())
    island.given(*enrolled(), removed()).when(remove).then_nothing()
    state = ISLAND_DECIDER.fold([*ready_island(), removed()])
    assert (state.is_removed, state.is_paired, state.is_online) == (True, False, False)


@pytest.mark.parametrize("command", [*SAID, pair, rename, revoke], ids=lambda command: type(command).__name__)
def test_an_island_that_left_has_nothing_to_say(command: IslandCommand) -> None:
    island.given(*ready_island(), removed()).when(command).then_rejected(Rejection.ISLAND_REMOVED)


def test_an_island_that_left_is_not_marked_offline() -> None:
    mark = MarkOffline(island_id=ISLAND, now_ms=T0_MS)
    island.given(*ready_island(), removed()).when(mark).then_nothing()


def test_an_island_that_joins_again_keeps_its_karma_and_starts_anew() -> None:
    past = [*ready_island(), renamed(), flood_penalized(karma=-5), removed()]
    island.given(*past).when(enrol).then(joined(karma=-5))
    state = ISLAND_DECIDER.fold([*past, joined(karma=-5)])
    assert (state.membership, state.owner_id, state.standing.karma) == (Membership.PENDING, None, -5)
    assert (state.name, state.capabilities, state.is_online) == (ISLAND, None, False)
    another = replace(pair, owner_id=CUSTOMER)
    island.given(*past, joined(karma=-5)).when(another).then(*paired(owner_id=CUSTOMER, karma=-5))


# Barring.


def test_an_operator_suspends_and_reinstates_an_island_once() -> None:
    island.given(*enrolled()).when(suspend).then(suspended())
    island.given(*enrolled(), suspended()).when(suspend).then_nothing()
    island.given(*enrolled(), suspended()).when(reinstate).then(reinstated())
    island.given(*enrolled(), suspended(), reinstated()).when(reinstate).then_nothing()


def test_neither_leaving_nor_a_new_key_ends_a_suspension() -> None:
    for past in ([*enrolled(), suspended(), removed()], [joined(), suspended(), removed(owner_id=None)]):
        for command in (enrol, enrol_vouched, enrol_password):
            island.given(*past).when(command).then_rejected(Rejection.ISLAND_SUSPENDED)
            assert island.given(*past, reinstated()).when(command).decided()
    waiting = [*enrolled(), suspended(), revoked(), key_replaced()]
    island.given(*waiting).when(pair).then_rejected(Rejection.ISLAND_SUSPENDED)
    island.given(*waiting, reinstated()).when(pair).then(*paired())


def test_a_revoked_island_loses_its_key_and_its_pairing_once() -> None:
    island.given(*enrolled()).when(revoke).then(revoked())
    island.given(*enrolled(), revoked()).when(revoke).then_nothing()
    state = ISLAND_DECIDER.fold([*enrolled(), revoked()])
    assert (state.user_key, state.is_paired, state.owner_id) == (None, False, OWNER)
    assert state.revoked_before_ms == at_ms(9)


def test_a_revoked_password_opens_nothing() -> None:
    by_password = joined(owner_id=OWNER, user_key=None, local_id="an-island", password_sha256="f" * 64)
    state = ISLAND_DECIDER.fold([by_password, approved(), revoked()])
    assert (state.password_sha256, state.membership) == (None, Membership.REVOKED)
    island.given(by_password, approved(), revoked()).when(enrol_password).then_nothing()


def test_a_revoked_island_joins_with_a_new_key_and_waits_for_its_owner() -> None:
    past = [*enrolled(), revoked()]
    island.given(*past).when(pair).then_rejected(Rejection.KEY_REVOKED)
    island.given(*past).when(enrol_again).then(key_replaced())
    island.given(*past, key_replaced()).when(pair).then(*paired())
    vouched = replace(enrol_vouched, user_key=OTHER_USER_KEY, now_ms=at_ms(4))
    island.given(*past).when(vouched).then(key_replaced(), *paired(seconds=4))


@pytest.mark.parametrize("command", [enrol, enrol_vouched], ids=["alone", "vouched for"])
def test_a_revoked_key_never_comes_back(command: EnrolIsland) -> None:
    for past in (
        [*enrolled(), revoked()],
        [*enrolled(), revoked(), key_replaced(), *paired()],
        [*enrolled(), revoked(), removed()],
        [*enrolled(), revoked(), removed(), joined(user_key=OTHER_USER_KEY)],
    ):
        island.given(*past).when(command).then_rejected(Rejection.KEY_REVOKED)


def test_a_key_that_was_only_replaced_may_come_back() -> None:
    back = replace(enrol, now_ms=at_ms(4))
    island.given(*enrolled(), key_replaced()).when(back).then(replace(key_replaced(), user_key=USER_KEY))


@pytest.mark.parametrize(
    "command",
    [pair, rename, remove, suspend, reinstate, revoke],
    ids=lambda command: type(command).__name__,
)
def test_nothing_can_be_done_with_an_island_that_never_joined(command: IslandCommand) -> None:
    island.given().when(command).then_rejected(Rejection.ISLAND_UNKNOWN)


# Laws.

owners = st.sampled_from([OWNER, CUSTOMER])
keys = st.sampled_from([USER_KEY, OTHER_USER_KEY, "UC" + "C" * 54])


def command_of(
    kind: type[IslandCommand], **fields: st.SearchStrategy[object]
) -> st.SearchStrategy[IslandCommand]:
    return st.builds(kind, island_id=st.just(ISLAND), now_ms=st.integers(T0_MS, at_ms(100)), **fields)


memberships: st.SearchStrategy[IslandCommand] = st.one_of(
    command_of(EnrolIsland, owner_id=st.none() | owners, name=st.just("one"), user_key=keys),
    command_of(
        EnrolPasswordIsland,
        owner_id=owners,
        name=st.just("two"),
        local_id=st.just("an-island"),
        password_sha256=st.just("f" * 64),
    ),
    command_of(PairIsland, owner_id=owners),
    command_of(RenameIsland, owner_id=owners, name=st.sampled_from(["attic", "cellar"])),
    command_of(RemoveIsland, owner_id=owners),
    command_of(SuspendIsland, reason=st.just("odd")),
    command_of(ReinstateIsland),
    command_of(RevokeIsland, reason=st.just("leaked")),
    command_of(PenalizeFlood, flood_id=st.sampled_from(["f-1", "f-2"]), messages_per_s=st.just(5_000)),
    st.just(register),
    st.just(heartbeat()),
)
lives = st.lists(memberships, min_size=4, max_size=25)


def lived(life: list[IslandCommand]) -> list[IslandEvent]:
    past: list[IslandEvent] = []
    for command in life:
        past += added(ISLAND_DECIDER, past, command)
    return past


def offered(past: list[IslandEvent]) -> Offer | None:
    offer: Offer | None = None
    for event in past:
        offer = offer_after(offer, event)
    return offer


@for_all(lives)
def test_only_a_paired_island_that_is_not_suspended_may_be_given_jobs(life: list[IslandCommand]) -> None:
    past = lived(life)
    state, offer = ISLAND_DECIDER.fold(past), offered(past)
    may_have_jobs = offer is not None and offer.is_approved and not offer.is_suspended
    assert may_have_jobs == (state.is_paired and not state.is_suspended)
    if not may_have_jobs and offer is not None:
        assert refusal(WANT, offer, at_ms(200), retry_allowed=True) is not None
    if offer is not None and state.is_paired:
        assert (offer.owner_id, offer.name, offer.karma) == (state.owner_id, state.name, state.standing.karma)


@for_all(lives)
def test_a_key_that_was_ever_revoked_is_never_in_force_again(life: list[IslandCommand]) -> None:
    past: list[IslandEvent] = []
    ever_revoked: set[str | None] = set()
    for command in life:
        before = ISLAND_DECIDER.fold(past)
        past += added(ISLAND_DECIDER, past, command)
        after = ISLAND_DECIDER.fold(past)
        if after.membership is Membership.REVOKED:
            ever_revoked.add(before.user_key)
        assert after.user_key is None or after.user_key not in ever_revoked


@for_all(lives)
def test_karma_and_suspensions_survive_whatever_an_owner_does(life: list[IslandCommand]) -> None:
    past: list[IslandEvent] = []
    for command in life:
        before = ISLAND_DECIDER.fold(past)
        past += added(ISLAND_DECIDER, past, command)
        after = ISLAND_DECIDER.fold(past)
        if not isinstance(command, PenalizeFlood):
            assert after.standing == before.standing
        if before.is_suspended and not isinstance(command, ReinstateIsland):
            assert after.is_suspended


@for_all(lives)
def test_an_island_changes_hands_only_by_leaving(life: list[IslandCommand]) -> None:
    past: list[IslandEvent] = []
    owner: AccountId | None = None
    for command in life:
        before = ISLAND_DECIDER.fold(past)
        past += added(ISLAND_DECIDER, past, command)
        after = ISLAND_DECIDER.fold(past)
        if owner is not None and after.owner_id != owner:
            assert before.is_removed
        owner = after.owner_id


@for_all(lives)
def test_every_command_of_a_life_decides_nothing_when_repeated_at_once(life: list[IslandCommand]) -> None:
    past: list[IslandEvent] = []
    for command in life:
        past += added(ISLAND_DECIDER, past, command)
        assert added(ISLAND_DECIDER, past, command) == []


def test_the_lives_of_these_laws_reach_every_membership() -> None:
    """Else the laws above would hold for want of cases."""
    lives_to: list[tuple[list[IslandCommand], Membership]] = [
        ([], Membership.UNKNOWN),
        ([enrol], Membership.PENDING),
        ([enrol, pair], Membership.PAIRED),
        ([enrol, pair, revoke], Membership.REVOKED),
        ([enrol, pair, remove], Membership.REMOVED),
    ]
    for life, membership in lives_to:
        assert ISLAND_DECIDER.fold(lived(life)).membership is membership
    assert registered() in lived([enrol, pair, replace(register, asks_micro={})])
