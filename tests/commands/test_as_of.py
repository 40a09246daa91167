"""What stood where in the past: at every position of random histories, what a fold from scratch says."""

from collections.abc import Sequence
from typing import Any, Final

import pytest

from commands import as_of
from commands.as_of import NotYet, PastTooLong, Standpoint, balance_at, offers_at, standpoint, state_at
from commands.event_log import Commit
from commands.karma_statement import Moment
from commands.processes.placing import Placing
from domain.account import ACCOUNT, Account
from domain.cargo import CARGO
from domain.decider import Decider
from domain.ids import AccountId
from domain.island import ISLAND
from tests import examples
from tests.past_logs import ListedPast
from tests.paying_histories import paying_history

SEEDS: Final = range(3)
ACCOUNT_ID: Final = AccountId("account-0")


def from_scratch(commits: Sequence[Commit], decider: Decider[Any, Any, Any], aggregate_id: str) -> Any:
    stream = decider.stream(aggregate_id)
    return decider.fold([event for commit in commits if commit.stream == stream for event in commit.events])


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_balance_at_every_position_is_what_the_account_itself_would_have_said(seed: int) -> None:
    commits = paying_history(20, seed=seed)
    moved = [commit.position for commit in commits if commit.stream == ACCOUNT.stream(ACCOUNT_ID)]
    assert len(moved) > 10
    for position in sorted({0, *moved, *(one - 1 for one in moved), len(commits)}):
        account = from_scratch(commits[:position], ACCOUNT, ACCOUNT_ID)
        assert isinstance(account, Account)
        balance = await balance_at(ListedPast(commits), ACCOUNT_ID, position)
        assert (balance.opened_at_ms is not None) == account.is_open
        assert balance.purse.free == account.free_micro
        assert balance.purse.held == sum(account.holds_micro.values())
        assert balance.purse.escrow == sum(account.escrow_micro.values())
        assert balance.is_low == account.is_low


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_state_at_any_position_is_a_fold_of_what_stood_before_it(seed: int) -> None:
    commits = paying_history(10, seed=seed)
    for position in range(0, len(commits), 31):
        past, before = ListedPast(commits), commits[:position]
        cargo = await state_at(past, CARGO, examples.SLUG, position)
        assert cargo == from_scratch(before, CARGO, examples.SLUG)
        island = await state_at(past, ISLAND, "island-1", position)
        assert island == from_scratch(before, ISLAND, "island-1")


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_fleet_at_any_position_is_the_one_that_placing_saw(seed: int) -> None:
    commits = paying_history(15, seed=seed)
    placing = Placing(lambda: 0)
    for commit in commits:
        placing.take(commit)
        if commit.position % 41 == 0 or commit.position == len(commits):
            assert await offers_at(ListedPast(commits), commit.position) == placing.picture.offers
    assert placing.picture.offers


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_moment_is_the_newest_commit_recorded_by_then_and_stays_it(seed: int) -> None:
    commits = paying_history(10, seed=seed)
    for commit in commits[::17]:
        found = await standpoint(ListedPast(commits), Moment(at_ms=commit.recorded_at_ms))
        newest = max(one.position for one in commits if one.recorded_at_ms <= commit.recorded_at_ms)
        assert found == Standpoint(position=newest, at_ms=commit.recorded_at_ms)
        by_position = await standpoint(ListedPast(commits), Moment(position=commit.position))
        assert by_position == Standpoint(position=commit.position, at_ms=commit.recorded_at_ms)
        if newest < len(commits):
            then = await standpoint(ListedPast(commits[: newest + 1]), Moment(at_ms=commit.recorded_at_ms))
            assert then == found


async def test_before_the_first_commit_nothing_stood_anywhere() -> None:
    past = ListedPast(paying_history(1))
    assert await standpoint(past, Moment(at_ms=1)) == Standpoint(position=0, at_ms=0)
    assert await standpoint(ListedPast([]), Moment()) == Standpoint(position=0, at_ms=0)
    assert (await balance_at(past, ACCOUNT_ID, 0)).opened_at_ms is None
    assert await offers_at(past, 0) == {}


async def test_a_position_that_is_not_there_yet_is_refused_since_its_answer_would_change() -> None:
    commits = paying_history(1)
    with pytest.raises(NotYet, match=f"the log ends at position {len(commits)}"):
        await standpoint(ListedPast(commits), Moment(position=len(commits) + 1))


async def test_a_question_that_would_read_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    past = ListedPast(paying_history(1))
    monkeypatch.setattr(as_of, "COMMITS_MAX", 1)
    with pytest.raises(PastTooLong, match="more than 1 commits of account"):
        await balance_at(past, ACCOUNT_ID, 999)
    with pytest.raises(PastTooLong, match="at most 9 are read"):
        await offers_at(past, 10, commits_max=9)
    everything = await past.last_position()
    assert await offers_at(past, everything, commits_max=None)
