"""`archipelago report verify`: over an exported file with nothing running, and over a network that runs."""

import asyncio
import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.reports.forms import Form, write
from api.local_account import LOCAL_ACCOUNT
from cli.past import network_past
from cli.projections import log_access
from commands.event_log import Commit
from commands.raw_commit import RawCommit
from commands.reports.make import make_report
from commands.reports.order import ReportOrder
from commands.reports.past_log import PastLog
from commands.reports.period import Period, month_of
from commands.reports.report import Kind, digest_of, facts_of
from domain.account_events import HoldSettled
from tests.cli.commands import Said, Up, typed
from tests.commands.reports.orders import EVER, account, name_of
from tests.past_logs import ListedPast, export, raws_of
from tests.paying_histories import paying_history

COMMITS: Final = paying_history(30)
JANUARY: Final = month_of("2027-01")


async def invoice(log: PastLog, account_id: str, folder: Path, period: Period = JANUARY) -> Path:
    """An invoice as JSON."""
    order = ReportOrder(kind=Kind.INVOICE, subject=account(account_id), period=period)
    facts = facts_of(await make_report(log, order, name_of))
    return written(folder, facts | {"digest": digest_of(facts)})


def written(folder: Path, facts: dict[str, Any]) -> Path:
    path = folder / "invoice.json"
    path.write_text(json.dumps(facts))
    return path


def payer() -> str:
    """An account that is charged in January."""
    return next(
        event.account_id
        for commit in COMMITS
        for event in commit.events
        if isinstance(event, HoldSettled) and commit.recorded_at_ms < (JANUARY.until_ms or 0)
    )


@pytest.fixture
async def held(tmp_path: Path) -> tuple[Path, Path]:
    """An invoice, and an export of the log that it was made from."""
    file = await export(tmp_path / "log.gz", raws_of(COMMITS))
    return await invoice(ListedPast(COMMITS), payer(), tmp_path), file


async def verified(report: Path, file: Path, *words: str) -> Said:
    """In a thread: a command runs a loop of its own."""
    return await asyncio.to_thread(typed, "report", "verify", report, "--offline", file, *words)


async def test_an_invoice_is_verified_from_a_file_with_nothing_running(held: tuple[Path, Path]) -> None:
    said = await verified(*held)
    assert said.code == 0, said
    assert f"invoice of account {payer()}" in said.out
    assert "true" in said.out
    facts = (await verified(*held, "--json")).json
    assert facts["right"]
    assert facts["charges_reckoned"] > 0
    assert facts["digest_written"] == facts["digest_of_events"] == facts["digest_of_file"]


async def test_a_changed_line_is_named_with_what_the_events_say(held: tuple[Path, Path]) -> None:
    report, file = held
    facts = json.loads(report.read_bytes())
    charge = facts["charges"][0]
    truth = charge["charged_micro"]
    charge["charged_micro"] = truth + 1
    written(report.parent, facts | {"digest": digest_of(facts)})
    said = await verified(report, file)
    assert said.code == 1
    assert "NOT TRUE" in said.out
    assert f"First difference: charges line 1 (event {charge['event']}): charged_micro" in said.out
    assert f"the report says  {truth + 1}" in said.out
    assert f"the events say   {truth}" in said.out


async def test_a_digest_that_is_not_its_own_is_told(held: tuple[Path, Path]) -> None:
    report, file = held
    written(report.parent, json.loads(report.read_bytes()) | {"digest": "sha256:" + 64 * "0"})
    said = await verified(report, file)
    assert said.code == 1
    assert "the digest it carries is not its own" in said.out


def forged(commits: Sequence[Commit]) -> list[RawCommit]:
    """The log with one charge changed, and every hash made right again."""
    all_of_it: list[Commit] = []
    is_forged = False
    for commit in commits:
        events = commit.events
        if not is_forged and any(isinstance(e, HoldSettled) and e.account_id == payer() for e in events):
            is_forged = True
            events = tuple(
                replace(event, charged_micro=event.charged_micro - 1, released_micro=event.released_micro + 1)
                if isinstance(event, HoldSettled)
                else event
                for event in events
            )
        all_of_it.append(replace(commit, events=events))
    assert is_forged
    return raws_of(all_of_it)


async def test_an_export_that_was_forged_is_found_by_its_line_and_by_the_rules(
    held: tuple[Path, Path], tmp_path: Path
) -> None:
    report, _ = held
    said = await verified(report, await export(tmp_path / "forged.gz", forged(COMMITS)))
    assert said.code == 1
    assert "First difference: charges line 1 (event " in said.out
    assert "Against the rules: event " in said.out


async def test_an_edited_byte_of_an_export_is_found_by_its_position(held: tuple[Path, Path]) -> None:
    report, file = held
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    number, line = next(
        (number, line) for number, line in enumerate(lines) if f"evt.account.{payer()}".encode() in line
    )
    edited = json.loads(line)
    edited["body"] = json.loads(lines[number + 1])["body"]
    lines[number] = json.dumps(edited).encode() + b"\n"
    file.write_bytes(gzip.compress(b"".join(lines)))
    said = await verified(report, file)
    assert said.code == 1
    assert f"position {number}: the body is not what its writer hashed" in said.err


PAPER: Final = [form for form in Form if form is not Form.JSON]


async def on_paper(form: Form, folder: Path) -> Path:
    order = ReportOrder(kind=Kind.INVOICE, subject=account(payer()), period=JANUARY)
    path = folder / "invoice"
    path.write_bytes(write(await make_report(ListedPast(COMMITS), order, name_of), form).body)
    return path


@pytest.mark.parametrize("form", PAPER)
async def test_a_report_in_any_form_is_made_again_byte_for_byte(
    held: tuple[Path, Path], form: Form, tmp_path: Path
) -> None:
    said = await verified(await on_paper(form, tmp_path), held[1])
    assert said.code == 0, said
    assert "digest of the events   the same" in said.out
    assert "bytes of the file      the same" in said.out


@pytest.mark.parametrize("form", PAPER)
async def test_a_changed_amount_is_found_in_any_form_though_its_proof_was_left_alone(
    held: tuple[Path, Path], form: Form, tmp_path: Path
) -> None:
    paper = await on_paper(form, tmp_path)
    amount = next(
        f"{event.charged_micro / 1e6:.6f}".encode()
        for commit in COMMITS
        for event in commit.events
        if isinstance(event, HoldSettled) and event.account_id == payer()
    )
    body = paper.read_bytes()
    assert amount in body, amount
    paper.write_bytes(body.replace(amount, b"0" + amount[1:], 1))
    said = await verified(paper, held[1])
    assert said.code == 1
    assert "First difference: line " in said.out
    assert "bytes of the file      DIFFER" in said.out
    assert "digest of the events   the same" in said.out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("%PDF", "it carries no line that begins with archipelago-report/1"),
        ("[]", "it carries no line that begins with archipelago-report/1"),
        ("{}", "version: must be 1"),
        ('{"version":1,"report":"invoice"}', "does not say what it is a report of"),
    ],
)
async def test_a_file_that_is_no_report_is_refused(held: tuple[Path, Path], text: str, told: str) -> None:
    report, file = held
    report.write_text(text)
    said = await verified(report, file)
    assert said.code == 1
    assert told in said.err


async def test_missing_files_are_told_with_the_option_that_named_them(
    held: tuple[Path, Path], tmp_path: Path
) -> None:
    report, file = held
    assert (await verified(tmp_path / "gone", file)).err.startswith("error: REPORT: ")
    assert (await verified(report, tmp_path / "gone")).err.startswith("error: --offline: ")


async def test_an_account_that_the_events_do_not_know_is_told(held: tuple[Path, Path]) -> None:
    report, file = held
    facts = json.loads(report.read_bytes())
    facts["subject"]["id"] = "nobody"
    said = await verified(written(report.parent, facts), file)
    assert "the events know nothing of account nobody" in said.err


async def test_an_invoice_is_verified_against_a_running_network(network: Up, tmp_path: Path) -> None:
    await asyncio.to_thread(
        network.typed, "job", "submit", "wasm-hash", "--input", '{"text":"billed"}', "--follow"
    )
    async with network_past(log_access("", None, None, network.root)) as log:
        report = await invoice(log, LOCAL_ACCOUNT, tmp_path, EVER)
    said = await asyncio.to_thread(network.typed, "report", "verify", report)
    assert said.code == 0, said
    assert "charges reckoned anew" in said.out
