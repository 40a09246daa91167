"""`archipelago report verify`: whether a report is what the events say, recomputed here and compared."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.failure import CommandFailed, ExitCode
from cli.options import AsJson, DataDir, Offline
from cli.projections import NatsCaFile, NatsKeys, NatsUrl, log_access
from cli.terminal import say, show_fields, show_json

if TYPE_CHECKING:
    from commands.reports.past_log import PastLog
    from commands.reports.verification import Verification

REPORT_BYTES_MAX: Final = 1 << 30
"""A report of as many lines as there may be has half of that."""


def verify(
    file: Annotated[Path, typer.Argument(metavar="REPORT.json", help="A report that was made as JSON.")],
    *,
    offline: Offline = None,
    nats_url: NatsUrl = "",
    nats_keys: NatsKeys = None,
    ca_file: NatsCaFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Compute a report again from the events, line by line, and compare. Trusts neither the file nor the network.

    Exit code 1 where something differs, with the first line that does.
    """
    from cli.past import exported_past, network_past

    facts = facts_in(file)
    past = (
        exported_past(offline)
        if offline
        else network_past(log_access(nats_url, nats_keys, ca_file, data_dir))
    )

    async def compare() -> "Verification":
        async with past as log:
            return await compared(log, facts, file)

    found = asyncio.run(compare())
    if as_json:
        show_json(verification_facts(found))
    else:
        show_verification(found)
    if not found.is_true:
        raise typer.Exit(ExitCode.FAILED)


def facts_in(file: Path) -> Mapping[str, Any]:
    """Raises CommandFailed."""
    try:
        if file.stat().st_size > REPORT_BYTES_MAX:
            raise CommandFailed(f"REPORT.json: is larger than {REPORT_BYTES_MAX} bytes")
        facts = json.loads(file.read_bytes())
    except (OSError, ValueError) as fault:
        raise no_report(file, str(fault)) from fault
    if not isinstance(facts, dict):
        raise no_report(file, "it holds no report")
    return facts


def no_report(file: Path, why: str) -> CommandFailed:
    return CommandFailed(
        f"REPORT.json: {file}: {why}", next_step="pass a report as JSON: its other forms are for people"
    )


async def compared(log: "PastLog", facts: Mapping[str, Any], file: Path) -> "Verification":
    """Raises CommandFailed."""
    from adapters.codec import NAMES, Unknown
    from commands.reports.order import NothingKnown, ReportTooLong
    from commands.reports.verification import NoReport
    from commands.reports.verification import verify as verify_report

    try:
        return await verify_report(log, facts, lambda event: NAMES[type(event)])
    except NoReport as fault:
        raise no_report(file, str(fault)) from fault
    except NothingKnown as unknown:
        raise CommandFailed(
            f"REPORT.json: the events know nothing of {unknown}",
            next_step="ask the network that the report is of",
        ) from unknown
    except Unknown as event:
        raise CommandFailed(
            f"event log: this program does not know the event {event}",
            next_step="use a program that is not older than the log",
        ) from event
    except ReportTooLong as long:
        raise CommandFailed(f"REPORT.json: the events have {long}") from long


def verification_facts(found: "Verification") -> dict[str, Any]:
    return {
        "right": found.is_true,
        "report": found.order.kind,
        "subject": found.order.subject.id,
        "digest_written": found.written,
        "digest_of_file": found.found,
        "digest_of_events": found.made,
        "first_difference": asdict(found.difference) if found.difference else None,
        "charges_reckoned": found.charges,
        "faults": [asdict(fault) for fault in found.faults],
    }


def show_verification(found: "Verification") -> None:
    order = found.order
    show_fields(
        (
            ("report", f"{order.kind} of {order.subject.of} {order.subject.id}".rstrip()),
            ("verdict", "true" if found.is_true else "NOT TRUE"),
            ("digest it carries", found.written or "none"),
            ("digest of the file", same_or(found.found, found.written)),
            ("digest of the events", same_or(found.made, found.written)),
            ("charges reckoned anew", found.charges),
        )
    )
    if found.difference is not None:
        say(f"First difference: {found.difference.place}")
        say(f"  the report says  {told(found.difference.told)}")
        say(f"  the events say   {told(found.difference.made)}")
    elif found.written != found.found:
        say("The report says what the events say, but the digest it carries is not its own.")
    for fault in found.faults:
        say(f"Against the rules: event {fault.address}: {fault.told}")


def same_or(digest: str, written: str) -> str:
    return "the same" if digest == written else f"{digest}, DIFFERS"


def told(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value)
