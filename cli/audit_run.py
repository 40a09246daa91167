"""Runs the checks of `archipelago audit check` over a live log or an exported one. Used by `cli/audit.py`."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

import typer

from adapters.log_export import ExportDamaged, read_export, read_header
from adapters.nats.connection import Access, connect
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.raw_log import RawLog
from cli.audit_check import AuditCheck, AuditSources, CheckResult, Trust
from cli.audit_checks.archive import archive_agrees
from cli.audit_checks.checkpoints import log_is_as_signed
from cli.audit_checks.positions import positions_are_whole
from cli.audit_checks.second_fold import ledger_agrees, second_fold_agrees
from cli.books import CONNECT_S, PROGRESS_EVERY_S, reached
from cli.failure import CommandFailed, ExitCode
from cli.terminal import note, say, show_json, show_table
from commands.raw_commit import RawCommit

LOG_CHECKS: Final[tuple[AuditCheck, ...]] = (positions_are_whole, log_is_as_signed, second_fold_agrees)
"""They need nothing but the commits."""
DATABASE_CHECKS: Final[tuple[AuditCheck, ...]] = (ledger_agrees, archive_agrees)
"""They compare the commits with what PostgreSQL holds."""
NO_TRUST: Final = Trust()
BATCH: Final = 500


async def check_network(log: Access, postgres_dsn: str, archive_dsn: str, trust: Trust) -> list[CheckResult]:
    """Every check, over the network's own log and database. Raises CommandFailed."""
    async with log_sources(log, postgres_dsn, archive_dsn or postgres_dsn, trust) as sources:
        return await run(LOG_CHECKS + DATABASE_CHECKS, sources)


async def check_export(file: Path, trust: Trust) -> list[CheckResult]:
    """The checks that need nothing but the commits, over an exported file. Raises CommandFailed."""
    try:
        return await run(LOG_CHECKS, file_sources(file, trust))
    except (ExportDamaged, OSError) as fault:
        raise CommandFailed(
            f"--offline: {file}: {fault}", next_step="take another copy of the log"
        ) from fault


def file_sources(file: Path, trust: Trust) -> AuditSources:
    """A whole log. Raises CommandFailed, `ExportDamaged` and `OSError`."""
    header = read_header(file)
    if header.first != 1:
        raise CommandFailed(f"--offline: {file} begins at position {header.first}; a whole log begins at 1")

    async def read(*, after: int, up_to: int) -> AsyncIterator[Sequence[RawCommit]]:
        batch: list[RawCommit] = []
        for commit in read_export(file):
            if after < commit.position <= up_to:
                batch.append(commit)
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    return AuditSources(
        read=read,
        last=header.last,
        postgres_dsn="",
        archive_dsn="",
        trust=trust,
        progress=progress_to(header.last),
    )


async def run(checks: Sequence[AuditCheck], sources: AuditSources) -> list[CheckResult]:
    return [await check(sources) for check in checks]


@asynccontextmanager
async def log_sources(
    log: Access, postgres_dsn: str = "", archive_dsn: str = "", trust: Trust = NO_TRUST
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
                trust=trust,
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
