"""How fast an invoice is computed and verified from a log of a million events, and what a look-up costs beside a scan.

The log is made up: jobs of one account or of `ACCOUNTS` in turn, each with the eight events of a job that was paid, one
commit each, written by the real codec. The exported file is one gzip file of them; the running log holds fewer,
because each of its commits is synced.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from nats.aio.client import Client

from adapters import codec
from adapters.codec import NAMES
from adapters.exported_log import ExportedLog
from adapters.log_export import Header, write_export
from adapters.nats import past_log, subjects
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import connect
from adapters.nats.event_log import headers_of
from adapters.nats.past_log import JetStreamPastLog
from adapters.nats.streams import deploy_streams
from benchmarks.fabric import Row
from benchmarks.network import nats_server
from commands.event_log import Origin
from commands.raw_commit import RawCommit
from commands.reports.make import make_report
from commands.reports.order import ReportOrder
from commands.reports.past_log import PastLog
from commands.reports.period import Period, month_of
from commands.reports.report import Kind, Report, Subject, SubjectKind, digest_of, facts_of
from commands.reports.verification import verify
from domain.account import ACCOUNT
from domain.account_events import CreditsEarned
from domain.ids import AccountId, JobId
from domain.job import JOB
from tests import examples

EVENTS: Final = 1_000_000
LIVE_EVENTS: Final = 60_000
ACCOUNTS: Final = 20
AT_ONCE: Final = 500
BATCH: Final = 1_000
MONTH: Final = month_of("2027-01")
EVENTS_OF_A_JOB: Final = 8
GRANT_MICRO: Final = 10**12
PAYER: Final = AccountId("account-0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """An invoice of one account out of a log; `charges` are its lines, `memory_mb` the most the process has had."""

    name: str
    events: int
    charges: int
    seconds: float
    memory_mb: float


SUBMITTED, ASSIGNED, STARTED = examples.submitted(), examples.assigned(), examples.started()
SUCCEEDED, SETTLED = examples.succeeded(charge_micro=examples.PRICE_MICRO), examples.settled()


def job_events(number: int, account_id: AccountId) -> Iterator[tuple[str, Any]]:
    """The events of one job that was paid, each with the aggregate whose commit it is."""
    job_id = JobId(f"0192f0c1-2b3c-7d4e-8f50-{number:012d}")
    own, job = ACCOUNT.stream(account_id), JOB.stream(job_id)
    about: dict[str, Any] = {"job_id": job_id, "account_id": account_id}
    yield own, replace(examples.held(), **about)
    for event in (SUBMITTED, ASSIGNED, STARTED, SUCCEEDED):
        yield job, replace(event, **about)
    yield own, replace(SETTLED, **about)
    for earner, island_id, amount_micro in (
        (examples.OWNER, examples.ISLAND, SETTLED.island_micro),
        (examples.PUBLISHER, None, SETTLED.publisher_micro),
    ):
        earned = CreditsEarned(
            account_id=earner,
            job_id=job_id,
            island_id=island_id,
            amount_micro=amount_micro,
            escrowed=False,
            earned_at_ms=1,
        )
        yield ACCOUNT.stream(earner), earned


def happened(events: int, accounts: int) -> Iterator[tuple[str, Any]]:
    """So many events: accounts are opened and paid in, then their jobs take turns."""
    payers = [AccountId(f"account-{number}") for number in range(accounts)]
    for account_id in (*payers, examples.OWNER, examples.PUBLISHER):
        yield ACCOUNT.stream(account_id), examples.opened(account_id)
        granted = examples.granted(GRANT_MICRO, account_id=account_id)
        yield ACCOUNT.stream(account_id), granted
    left = events - 2 * (accounts + 2)
    for number in range(left // EVENTS_OF_A_JOB):
        yield from job_events(number, payers[number % accounts])


def raw_commits(events: int, accounts: int) -> Iterator[RawCommit]:
    for position, (stream, event) in enumerate(happened(events, accounts), start=1):
        body = codec.encode([event])
        yield RawCommit(
            position=position,
            subject=subjects.fact(stream),
            headers=headers_of(Origin(command_id=f"c{position}", actor="benchmark"), body, 0),
            body=body,
            recorded_at_ms=MONTH.since_ms + position,
        )


async def in_batches(commits: Iterator[RawCommit]) -> AsyncIterator[Sequence[RawCommit]]:
    while batch := list(islice(commits, BATCH)):
        yield batch


async def invoice(log: PastLog, period: Period) -> Report:
    return await make_report(log, order_for(period), name_of)


def order_for(period: Period) -> ReportOrder:
    subject = Subject(of=SubjectKind.ACCOUNT, id=PAYER)
    return ReportOrder(kind=Kind.INVOICE, subject=subject, period=period)


def name_of(event: Any) -> str:
    return NAMES[type(event)]


async def over_a_file(accounts: int, events: int = EVENTS) -> list[Measured]:
    """The invoice of the first of the accounts, and its verification, over an exported file."""
    with tempfile.TemporaryDirectory(prefix="archipelago-bench-") as folder:
        path = Path(folder) / "log.gz"
        last = sum(1 for _ in happened(events, accounts))
        header = Header(first=1, last=last, exported_at="2027-02-01T00:00:00Z")
        await write_export(path, header, in_batches(raw_commits(events, accounts)))
        return measured_apart(path, last)


def measured_apart(path: Path, events: int) -> list[Measured]:
    """In a process of its own each, so that the memory is that of the report alone."""
    found = []
    for name in ("invoice", "verify"):
        words = [sys.executable, "-m", "benchmarks.report_rate", name, str(path)]
        answer = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
        found.append(Measured(name=name, events=events, **answer))
    return found


async def measure(name: str, path: Path) -> dict[str, Any]:
    began = time.monotonic()
    report = await invoice(ExportedLog(path), MONTH)
    if name == "verify":
        facts = facts_of(report)
        told = json.loads(json.dumps(facts | {"digest": digest_of(facts)}))
        began = time.monotonic()
        assert (await verify(ExportedLog(path), told, name_of)).is_true
    seconds = time.monotonic() - began
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "charges": len(report.main.rows), "memory_mb": memory_mb}


async def over_a_running_log(events: int = LIVE_EVENTS) -> tuple[Measured, Measured]:
    """The same invoice over a running log: its jobs asked for one by one, and scanned for."""
    async with nats_server() as nats:
        await deploy_streams(nats.access(Role.DEPLOY))
        client = await connect(nats.access(Role.COORDINATOR), "report-rate")
        await write_log(client, events)
        found = []
        for name, price in (("asked one by one", 0), ("scanned", 1 << 30)):
            with patch.object(past_log, "SCANNED_FOR_ONE", price):
                began = time.monotonic()
                report = await invoice(JetStreamPastLog(client), Period())
                seconds = time.monotonic() - began
            charges = len(report.main.rows)
            found.append(Measured(name=name, events=events, charges=charges, seconds=seconds, memory_mb=0))
        await client.close()
    return found[0], found[1]


async def write_log(client: Client, events: int) -> None:
    """Many on the wire at once; one connection keeps their order."""
    commits = raw_commits(events, ACCOUNTS)
    while batch := list(islice(commits, AT_ONCE)):
        await asyncio.gather(
            *(
                client.request(
                    one.subject,
                    one.body,
                    headers={n: v for n, v in one.headers.items() if n != subjects.EXPECTED},
                    timeout=30,
                )
                for one in batch
            )
        )


async def report_rows() -> list[Row]:
    rows: list[Row] = []
    for accounts in (ACCOUNTS, 1):
        for one in await over_a_file(accounts):
            whose = "the only account" if accounts == 1 else f"one of {accounts} accounts"
            rows.append(
                (
                    f"{one.name} of {one.charges:,} charges of {whose}, exported log of {one.events:,} events",
                    (
                        f"{one.seconds:.1f} s, {one.events / one.seconds:,.0f} events/s, "
                        f"{one.memory_mb:.0f} MB"
                    ),
                    "",
                )
            )
    asked, scanned = await over_a_running_log()
    rows.append(
        (
            f"invoice of {asked.charges:,} charges, running log of {asked.events:,} events",
            f"jobs asked for one by one {asked.seconds:.2f} s, scanned for {scanned.seconds:.2f} s",
            "",
        )
    )
    return rows


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1], Path(sys.argv[2])))))
