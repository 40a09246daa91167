"""Placements of the past made again under another supposition, straight from the log of a network.

Used by `archipelago placement replay`. It reads the log from its beginning, because the fleet of a moment is what all
events before it made of it, and asks nothing of the coordinator, which goes on undisturbed.
"""

import time
from dataclasses import dataclass
from typing import Final

from adapters.columnar_fleet import ColumnarFleet
from cli.books import Books, progress_of
from cli.failure import wrong_usage
from commands.counterfactual import Comparison, Counterfactual, Supposition
from commands.event_log import EventLog
from commands.replay import PastDecision, Replay

DECISIONS_MAX: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """`commits` were read in `seconds` of this machine; `unseen` decisions could not be seen again."""

    first: int
    last: int
    comparison: Comparison
    unseen: int
    commits: int
    seconds: float


async def replay_log(books: Books, supposed: Supposition, first: int, last: int | None) -> Replayed:
    """Decides again what was decided between two positions; `last` None means up to the end. Raises CommandFailed."""
    async with books.open_log() as log:
        end = await log.last_position()
        return await replay_between(log, supposed, first, end if last is None else min(last, end))


async def replay_between(log: EventLog, supposed: Supposition, first: int, last: int) -> Replayed:
    if first > last:
        raise wrong_usage("--from", f"must not be behind --to and the end of the log, {last}")
    replay, counterfactual = Replay(), Counterfactual(supposed, ColumnarFleet)
    progress, started, commits_read = progress_of("replay"), time.monotonic(), 0

    def decide(decision: PastDecision) -> None:
        if decision.position >= first:
            counterfactual.take(decision)
        if counterfactual.comparison.decided > DECISIONS_MAX:
            raise wrong_usage("--from", f"at most {DECISIONS_MAX} decisions are made again; name a later one")

    async for commits in log.read(after=0, up_to=last):
        for commit in commits:
            for decision in replay.take(commit):
                decide(decision)
        commits_read += len(commits)
        progress(commits[-1].position, last)
    for decision in replay.rest():
        decide(decision)
    if strangers := sorted(counterfactual.strangers):
        raise wrong_usage(
            "--without, --price-factor",
            f"no island {', '.join(strangers)} was there when anything was decided",
        )
    return Replayed(
        first=first,
        last=last,
        comparison=counterfactual.comparison,
        unseen=replay.unseen,
        commits=commits_read,
        seconds=time.monotonic() - started,
    )
