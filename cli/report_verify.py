"""`archipelago report verify`: whether a report is what the events say, recomputed here and compared."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.failure import CommandFailed, ExitCode
from cli.options import AsJson, DataDir, Offline
from cli.projections import NatsCaFile, NatsKeys, NatsUrl
from cli.terminal import say, show_fields, show_json

if TYPE_CHECKING:
    from commands.reports.past_log import PastLog
    from commands.reports.verification import Verification

REPORT_BYTES_MAX: Final = 1 << 30
"""A report of as many lines as there may be has half of that."""


def verify(
    file: Annotated[
        Path, typer.Argument(metavar="REPORT", help="A report in any form; JSON is compared line by line.")
    ],
    *,
    offline: Offline = None,
    nats_url: NatsUrl = "",
    nats_keys: NatsKeys = None,
    ca_file: NatsCaFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Compute a report again from the events and compare. Trusts neither the file nor the network.

    Exit code 1 where something differs, with the first line that does.
    """
    from cli.past import past_of

    body = body_of(file)
    past = past_of(offline, nats_url, nats_keys, ca_file, data_dir)

    async def compare() -> "Verification":
        async with past as log:
            return await compared(log, body, file)

    found = asyncio.run(compare())
    if as_json:
        show_json(verification_facts(found))
    else:
        show_verification(found)
    if not found.is_true:
        raise typer.Exit(ExitCode.FAILED)


def body_of(file: Path) -> bytes:
    """Raises CommandFailed."""
    try:
        if file.stat().st_size > REPORT_BYTES_MAX:
            raise no_report(file, f"it is larger than {REPORT_BYTES_MAX} bytes")
        return file.read_bytes()
    except OSError as fault:
        raise no_report(file, str(fault)) from fault


def no_report(file: Path, why: str) -> CommandFailed:
    return CommandFailed(
        f"REPORT: {file}: {why}",
        next_step="pass a file that `archipelago report` wrote, as it was written",
    )


async def compared(log: "PastLog", body: bytes, file: Path) -> "Verification":
    """Raises CommandFailed."""
    from adapters.codec import Unknown
    from commands.reports.order import NothingKnown, ReportTooLong
    from commands.reports.verification import NoReport

    try:
        return await compared_in_its_form(log, body)
    except NoReport as fault:
        raise no_report(file, str(fault)) from fault
    except NothingKnown as unknown:
        raise CommandFailed(
            f"REPORT: the events know nothing of {unknown}",
            next_step="ask the network that the report is of",
        ) from unknown
    except Unknown as event:
        raise CommandFailed(
            f"event log: this program does not know the event {event}",
            next_step="use a program that is not older than the log",
        ) from event
    except ReportTooLong as long:
        raise CommandFailed(f"REPORT: the events have {long}") from long


async def compared_in_its_form(log: "PastLog", body: bytes) -> "Verification":
    """JSON by what it says, every other form byte for byte. Raises `NoReport`, and what making it raises."""
    from adapters.codec import NAMES
    from adapters.reports.forms import form_of, write
    from commands.reports.order import proof_in
    from commands.reports.verification import NoReport, first_line_that_differs, verify_proof
    from commands.reports.verification import verify as verify_facts

    def name_of(event: object) -> str:
        return NAMES[type(event)]

    facts = facts_in(body)
    if facts is not None:
        return await verify_facts(log, facts, name_of)
    proof = proof_in(body.decode("latin-1"))
    if proof is None:
        raise NoReport("it carries no line that begins with archipelago-report/1")
    found, report = await verify_proof(log, proof, name_of)
    again = write(report, form_of(body)).body
    return found if again == body else replace(found, difference=first_line_that_differs(body, again))


def facts_in(body: bytes) -> Mapping[str, Any] | None:
    """What a JSON report says; None where it is none."""
    try:
        facts = json.loads(body)
    except ValueError:
        return None
    return facts if isinstance(facts, dict) else None


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
            file_field(found),
            ("digest of the events", same_or(found.made, found.written)),
            ("charges reckoned anew", found.charges),
        )
    )
    if found.difference is not None:
        say(f"First difference: {found.difference.place}")
        say(f"  the report says  {told(found.difference.told)}")
        say(f"  the events say   {told(found.difference.made)}")
    elif found.found not in {None, found.written}:
        say("The report says what the events say, but the digest it carries is not its own.")
    for fault in found.faults:
        say(f"Against the rules: event {fault.address}: {fault.told}")


def file_field(found: "Verification") -> tuple[str, str]:
    """What the file itself says: by its digest where it is JSON, else by every byte of it."""
    if found.found is None:
        return "bytes of the file", "the same" if found.difference is None else "DIFFER"
    return "digest of the file", same_or(found.found, found.written)


def same_or(digest: str, written: str) -> str:
    return "the same" if digest == written else f"{digest}, DIFFERS"


def told(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value)
