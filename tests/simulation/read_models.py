"""Read models at the end of a world: folded in one go and bit by bit they are equal, and so are the planners' pictures.

The folds are the projections' own; only the table behind them is a dictionary.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from api.planners import Planners
from commands.event_log import Commit
from commands.processes import barring, expiring, killing, liveness, placing, renewing, reputation
from projections.accounts import ACCOUNTS
from projections.attempts import ATTEMPTS
from projections.contract import Transaction
from projections.jobs import JOBS
from projections.keyed_fold import KeyedFold
from projections.placement import ISLANDS
from tests.simulation.rule import require

FOLDS: Final[tuple[KeyedFold[Any], ...]] = (JOBS, ATTEMPTS, ACCOUNTS, ISLANDS)
BATCH_COMMITS_MAX: Final = 30

Rows = dict[Any, Any]


def check_read_models(commits: Sequence[Commit], rng: random.Random) -> None:
    """Raises `Broken` where a read model depends on how the log was cut into batches."""
    for fold in FOLDS:
        at_once = folded(fold, [commits])
        in_batches = folded(fold, batches_of(commits, rng))
        require(at_once == in_batches, "P1", fold.table.name, "two folds of one log differ")
        check_offers(fold, at_once, commits)


def check_offers(fold: KeyedFold[Any], rows: Rows, commits: Sequence[Commit]) -> None:
    """Placement decides on what people are shown."""
    if fold is not ISLANDS:
        return
    picture = placing.Placing(lambda: 0)
    for commit in commits:
        picture.take(commit)
    shown = {island_id: row.offer for island_id, row in rows.items() if not row.is_removed}
    require(shown == picture.picture.offers, "P1", "islands", "placement sees another fleet than people do")


def check_pictures(planners: Planners, commits: Sequence[Commit]) -> None:
    """Raises `Broken` where a picture that was saved, restored and kept up differs from one made anew."""
    for planner in (
        planners.placing,
        planners.expiring,
        planners.barring,
        planners.killing,
        planners.renewing,
        planners.reputation,
        planners.liveness,
    ):
        anew = new_planner(planner)
        for commit in commits[: planner.picture.position]:
            anew.take(commit)
        require(planner.picture == anew.picture, "P3", planner.name, "its picture differs from one made anew")


Planner = (
    placing.Placing
    | expiring.Expiring
    | barring.Barring
    | killing.Killing
    | renewing.Renewing
    | reputation.Reputation
    | liveness.Liveness
)


def new_planner(planner: Planner) -> Planner:
    return placing.Placing(lambda: 0) if isinstance(planner, placing.Placing) else type(planner)()


def batches_of(commits: Sequence[Commit], rng: random.Random) -> Iterator[Sequence[Commit]]:
    after = 0
    while after < len(commits):
        size = rng.randint(1, BATCH_COMMITS_MAX)
        yield commits[after : after + size]
        after += size


def folded(fold: KeyedFold[Any], batches: Iterator[Sequence[Commit]] | Sequence[Sequence[Commit]]) -> Rows:
    rows: Rows = {}
    for batch in batches:
        known = {key: rows[key] for key in keys_of(fold, batch) if key in rows}
        for row in changed(fold, batch, known):
            rows[key_of(fold, row)] = row
    return rows


def keys_of(fold: KeyedFold[Any], batch: Sequence[Commit]) -> Iterator[Any]:
    for commit in batch:
        for event in commit.events:
            if type(event) in fold.concerns:
                yield fold.key_of(event)


def key_of(fold: KeyedFold[Any], row: Any) -> Any:
    key = tuple(getattr(row, name) for name in fold.table.key)
    return key if len(key) > 1 else key[0]


class NoRows:
    """A database that has none of the rows asked for: those there are were handed over as known."""

    name = "memory"

    async def read(self, _tx: Transaction, _keys: object) -> Mapping[Any, Any]:
        return {}


def changed(fold: KeyedFold[Any], batch: Sequence[Commit], known: Rows) -> list[Any]:
    """Runs the fold's own coroutine to its end; with nothing to read it never waits."""
    in_memory: KeyedFold[Any] = KeyedFold(
        table=cast("Any", NoRows()), concerns=fold.concerns, key_of=fold.key_of, row_after=fold.row_after
    )
    work = in_memory.changed(cast("Transaction", None), batch, known)
    try:
        work.send(None)
    except StopIteration as done:
        return cast("list[Any]", done.value)
    raise AssertionError("the fold waited for something")
