"""Checks "second fold" and "ledger": every balance and every island's standing, computed a second way.

The first needs the commits alone: it folds them by rules that share nothing with the coordinator's and checks each law
on the way. The second compares what comes out with the rows in PostgreSQL. Both read through the `eventsourcing`
library, in a thread of their own.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Final

from adapters.commit_recorder import CommitRecorder
from adapters.second_fold.database import compare
from adapters.second_fold.findings import Findings
from adapters.second_fold.refold import refold
from cli.audit_check import FINDINGS_MAX, AuditSources, CheckResult
from commands.raw_commit import RawCommit

FOLD: Final = "second fold"
LEDGER: Final = "ledger"


async def second_fold_agrees(sources: AuditSources) -> CheckResult:
    """Folds every account and every island again, and finds where the log breaks a law of the books or of karma."""
    recorder = recorder_up_to(sources, asyncio.get_running_loop(), sources.last)
    refolded = await asyncio.to_thread(refold, recorder, partial(sources.progress, FOLD))
    told = f"{refolded.events} events, {len(refolded.purses.purses)} accounts, {len(refolded.islands.rows)} islands"
    return result(FOLD, told, refolded.findings)


async def ledger_agrees(sources: AuditSources) -> CheckResult:
    """Compares entries, balances, accounts and islands in PostgreSQL with the second fold, where each table stands."""
    recorders = partial(recorder_up_to, sources, asyncio.get_running_loop())
    progress = partial(sources.progress, LEDGER)
    findings, refolded = await asyncio.to_thread(compare, sources.postgres_dsn, recorders, progress)
    return result(LEDGER, f"{refolded.entries} entries up to position {refolded.position}", findings)


def result(name: str, told: str, findings: Findings) -> CheckResult:
    return CheckResult(
        name=name,
        is_sound=not findings.count,
        told=f"{told}, {findings.count} findings",
        findings=tuple(findings.texts[:FINDINGS_MAX]),
    )


def recorder_up_to(sources: AuditSources, loop: asyncio.AbstractEventLoop, last: int) -> CommitRecorder:
    """For use in another thread than the loop's."""

    def read(after: int) -> Iterator[Sequence[RawCommit]]:
        batches = aiter(sources.read(after=after, up_to=last))
        while batch := asyncio.run_coroutine_threadsafe(next_of(batches), loop).result():
            yield batch

    return CommitRecorder(read)


async def next_of(batches: AsyncIterator[Sequence[RawCommit]]) -> Sequence[RawCommit]:
    """The next batch; an empty one is the end."""
    try:
        return await anext(batches)
    except StopAsyncIteration:
        return ()
