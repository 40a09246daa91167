"""Where things stood at a moment of the past: a balance, an aggregate, the fleet. Pure folds up to a position.

Called by the routes that take `?at=` and by `archipelago as-of`. The same question gives the same answer for ever: what
is recorded later has a later position and a later time. An island's karma is `commands.karma_statement`.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from commands.event_log import Commit
from commands.fleet import island_of, offer_after
from commands.karma_statement import Moment
from commands.reports.past_log import EVERY_CATEGORY, PastLog
from commands.reports.period import end_of
from commands.reports.purse import Purse, moved
from domain.account import ACCOUNT
from domain.account_events import AccountOpened, BalanceRanLow, BalanceRecovered
from domain.decider import Decider
from domain.ids import AccountId, IslandId
from domain.placement import Offer

S = TypeVar("S")

COMMITS_MAX: Final = 200_000
"""Commits that one question may read: some ten seconds of them."""


class NotYet(Exception):
    """The log does not reach that far. `last` is its newest position."""

    def __init__(self, last: int) -> None:
        super().__init__(f"the log ends at position {last}")
        self.last = last


class PastTooLong(Exception):
    """More commits lie before that moment than one question may read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standpoint:
    """The newest commit that had been recorded at a moment, and when that was (Unix ms); 0 before the first."""

    position: int
    at_ms: int


@dataclass(slots=True, kw_only=True)
class Balance:
    """What an account had. `opened_at_ms` is None where it had not been opened yet."""

    opened_at_ms: int | None = None
    purse: Purse = Purse()
    is_low: bool = False

    def take(self, event: Any) -> None:
        self.purse += moved(event)
        match event:
            case AccountOpened():
                self.opened_at_ms = event.opened_at_ms
            case BalanceRanLow():
                self.is_low = True
            case BalanceRecovered():
                self.is_low = False
            case _:
                pass


async def standpoint(log: PastLog, moment: Moment) -> Standpoint:
    """Raises `NotYet` where the moment is a position that is not there yet, and `LogUnavailable`."""
    position = await end_of(log, moment)
    if moment.position is not None and position < moment.position:
        raise NotYet(position)
    async for commits in log.read_category(EVERY_CATEGORY, after=position - 1, up_to=position):
        for commit in commits:
            return Standpoint(position=commit.position, at_ms=commit.recorded_at_ms)
    return Standpoint(position=0, at_ms=0)


async def balance_at(log: PastLog, account_id: AccountId, position: int) -> Balance:
    """From the account's own commits alone. Raises `PastTooLong` and `LogUnavailable`."""
    balance = Balance()
    async for commit in history_at(log, ACCOUNT.stream(account_id), position):
        for event in commit.events:
            balance.take(event)
    return balance


async def state_at(log: PastLog, decider: Decider[Any, S, Any], aggregate_id: str, position: int) -> S:
    """The state of one aggregate. Raises `PastTooLong` and `LogUnavailable`."""
    history = history_at(log, decider.stream(aggregate_id), position)
    return decider.fold([event async for commit in history for event in commit.events])


async def history_at(log: PastLog, stream: str, position: int) -> AsyncIterator[Commit]:
    """The commits that an aggregate had, oldest first. Raises `PastTooLong` and `LogUnavailable`."""
    read = 0
    async for commits in log.read_streams([stream], after=0, up_to=position):
        read += len(commits)
        if read > COMMITS_MAX:
            raise PastTooLong(f"more than {COMMITS_MAX:,} commits of {stream}")
        for commit in commits:
            yield commit


async def offers_at(
    log: PastLog, position: int, commits_max: int | None = COMMITS_MAX
) -> dict[IslandId, Offer]:
    """The fleet as placing saw it then. Reads the whole log up to there; `commits_max` None: however long that is.

    Raises `PastTooLong` before it reads anything, and `LogUnavailable`.
    """
    if commits_max is not None and position > commits_max:
        raise PastTooLong(f"{position:,} commits of the whole log; at most {commits_max:,} are read")
    offers: dict[IslandId, Offer] = {}
    async for commits in log.read_category(EVERY_CATEGORY, after=0, up_to=position):
        for commit in commits:
            take_offers(offers, commit)
    return offers


def take_offers(offers: dict[IslandId, Offer], commit: Commit) -> None:
    for event in commit.events:
        island_id = island_of(event)
        if island_id is None:
            continue
        offer = offer_after(offers.get(island_id), event)
        if offer is None:
            offers.pop(island_id, None)
        else:
            offers[island_id] = offer
