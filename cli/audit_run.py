"""Runs the checks of `archipelago audit check` over a live log or an exported one. Used by `cli/audit.py`."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Final

import typer

from adapters.nats.connection import Access, connect
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.raw_log import RawLog
from cli.audit_check import AuditCheck, AuditSources, CheckResult
from cli.audit_checks.archive import archive_agrees
from cli.audit_checks.positions import positions_are_whole
from cli.audit_checks.second_fold import ledger_agrees, second_fold_agrees
from cli.books import CONNECT_S, PROGRESS_EVERY_S, reached
from cli.failure import ExitCode
from cli.terminal import note, say, show_json, show_table

LOG_CHECKS: Final[tuple[AuditCheck, ...]] = (positions_are_whole, second_fold_agrees)
"""They need nothing but the commits."""
DATABASE_CHECKS: Final[tuple[AuditCheck, ...]] = (ledger_agrees, archive_agrees)
"""They compare the commits with what PostgreSQL holds."""


async def check_network(log: Access, postgres_dsn: str, archive_dsn: str) -> list[CheckResult]:
    """Every check, over the network's own log and database. Raises CommandFailed."""
    async with log_sources(log, postgres_dsn, archive_dsn or postgres_dsn) as sources:
        return await run(LOG_CHECKS + DATABASE_CHECKS, sources)


async def run(checks: Sequence[AuditCheck], sources: AuditSources) -> list[CheckResult]:
    return [await check(sources) for check in checks]


@asynccontextmanager
async def log_sources(
    log: Access, postgres_dsn: str = "", archive_dsn: str = ""
) -> AsyncIterator[AuditSources]:
    """The log as it is now; what is appended meanwhile is not looked at. Raises CommandFailed."""
    async with reached():
        async with asyncio.timeout(CONNECT_S):  # The connection itself would try for ever.
            client = await connect(log, "archipelago audit")
        try:
            last = await JetStreamEventLog(client).last_position()
            yield AuditSources(
                read=RawLog(client).read,
                last=last,
                postgres_dsn=postgres_dsn,
                archive_dsn=archive_dsn,
                keys=log.credentials.parent,
                progress=progress_to(last),
            )
        finally:
            await client.close()


def show_results(results: Sequence[CheckResult], *, as_json: bool) -> None:
    """A line for each check, and below it what it found. Exits with FAILED where one found something."""
    if as_json:
        show_json([asdict(result) for result in results])
    else:
        show_table(
            ("CHECK", "", "FOUND"),
            [(one.name, "sound" if one.is_sound else "NOT SOUND", one.told) for one in results],
        )
        for one in results:
            for finding in one.findings:
                say(f"{one.name}: {finding}")
    if not all(one.is_sound for one in results):
        raise typer.Exit(ExitCode.FAILED)


def progress_to(last: int) -> Callable[[str, int], None]:
    """Says now and then how far a check has come; a short one says nothing."""
    said = time.monotonic()

    def say_now_and_then(name: str, position: int) -> None:
        nonlocal said
        if time.monotonic() - said >= PROGRESS_EVERY_S:
            said = time.monotonic()
            note(f"{name}: {position} of {last}")

    return say_now_and_then
