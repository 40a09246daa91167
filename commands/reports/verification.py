"""A report that somebody holds, compared with the report that the events give today.

Called by `archipelago report verify` with the facts of a JSON report, or with the proof that every form carries. The
report is made again as of its own position; where it is an invoice, each charge and each repayment is reckoned anew as
well, so that also events that were never right are found.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from commands.karma_statement import Moment
from commands.reports.evidence import read_jobs
from commands.reports.invoice import account_past, invoice_of
from commands.reports.log_audit import NameOf
from commands.reports.make import make_report
from commands.reports.order import Proof, ReportOrder, check_subject
from commands.reports.past_log import PastLog
from commands.reports.period import Period, span_of, time_of
from commands.reports.reckoning import Fault, faults_of
from commands.reports.repayments import Repayments
from commands.reports.report import REPORT_VERSION, Kind, Report, Subject, SubjectKind, digest_of, facts_of
from domain.account import ACCOUNT
from domain.ids import AccountId

FAULTS_MAX: Final = 20
"""Events that are told of; there may be more."""
LINE_CHARACTERS_MAX: Final = 200
ADDRESS: Final = "event"
"""The column that names the event behind a line."""


class NoReport(Exception):
    """These facts are no report that this program can make again. The text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first place where the report and the events disagree; None where one of them has nothing there."""

    place: str
    told: Any
    made: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """`written` is the digest that the report carries, `found` that of what it says, `made` that of the events.

    `found` is None where the form is no JSON: then the whole file is compared, and `difference` is a line of it.
    `charges` were reckoned anew, as was what came back; `faults` are the events that the rules do not give.
    """

    order: ReportOrder
    written: str
    found: str | None
    made: str
    difference: Difference | None
    charges: int
    faults: tuple[Fault, ...]

    @property
    def is_true(self) -> bool:
        is_same = self.written == self.made and self.found in {None, self.written}
        return is_same and self.difference is None and not self.faults


async def verify(log: PastLog, facts: Mapping[str, Any], name_of: NameOf) -> Verification:
    """A report whose facts are at hand. Raises `NoReport`, and what making the report raises."""
    order = order_of(facts)
    report, charges, faults = await made_again(log, order, name_of)
    anew = facts_of(report)
    told = {name: value for name, value in facts.items() if name != "digest"}
    return Verification(
        order=order,
        written=str(facts.get("digest", "")),
        found=digest_of(told),
        made=digest_of(anew),
        difference=next(differences(told, anew), None),
        charges=charges,
        faults=faults,
    )


async def verify_proof(log: PastLog, proof: Proof, name_of: NameOf) -> tuple[Verification, Report]:
    """A report of which only the proof is at hand, and that report made again, to compare the rest with.

    Raises what making the report raises.
    """
    report, charges, faults = await made_again(log, proof.order, name_of)
    verification = Verification(
        order=proof.order,
        written=proof.digest,
        found=None,
        made=digest_of(facts_of(report)),
        difference=None,
        charges=charges,
        faults=faults,
    )
    return verification, report


async def made_again(
    log: PastLog, order: ReportOrder, name_of: NameOf
) -> tuple[Report, int, tuple[Fault, ...]]:
    if order.kind is not Kind.INVOICE:
        return await make_report(log, order, name_of), 0, ()
    account_id = AccountId(order.subject.id)
    span = await span_of(log, order.period, order.at)
    repayments = Repayments(ACCOUNT.stream(account_id), span)
    past = await account_past(log, account_id, span, beside=repayments.take)
    jobs = await read_jobs(log, past)
    faults = [fault for charge in past.charges for fault in faults_of(charge, jobs.of(charge.settled.job_id))]
    told = (*faults, *repayments.faults)[:FAULTS_MAX]
    return invoice_of(order, past, jobs), len(past.charges), told


def order_of(facts: Mapping[str, Any]) -> ReportOrder:
    """The order that made a report. Raises `NoReport`."""
    if facts.get("version") != REPORT_VERSION:
        raise NoReport(f"version: must be {REPORT_VERSION}, the version of reports that this program makes")
    try:
        period, subject = facts["period"], facts["subject"]
        until, is_closed, through = period["to"], period["is_closed"], facts["positions"]["through"]
        about = Subject(of=SubjectKind(subject["kind"]), id=str(subject["id"]))
        check_subject(about)
        return ReportOrder(
            kind=Kind(facts["report"]),
            subject=about,
            period=Period(
                since_ms=time_of(period["from"]), until_ms=None if until is None else time_of(until)
            ),
            at=Moment() if is_closed is True else Moment(position=int(through)),
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise NoReport(f"it does not say what it is a report of: {fault}") from fault


def differences(told: Mapping[str, Any], made: Mapping[str, Any]) -> Iterator[Difference]:
    """Lines with an event of their own first: a sum is wrong because of a line."""
    names = [*made, *(name for name in told if name not in made)]
    for name in sorted(names, key=lambda name: rank_of(made.get(name))):
        one, other = told.get(name), made.get(name)
        if isinstance(one, list) and isinstance(other, list):
            yield from differences_of_lines(name, one, other)
        elif isinstance(one, dict) and isinstance(other, dict):
            yield from differences_of_values(name, one, other)
        elif one != other:
            yield Difference(place=name, told=one, made=other)


def rank_of(value: Any) -> int:
    has_lines = isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    return 0 if has_lines and ADDRESS in value[0] else 1


def differences_of_lines(name: str, told: list[Any], made: list[Any]) -> Iterator[Difference]:
    for number, (one, other) in enumerate(zip_longest(told, made), start=1):
        if one == other:
            continue
        place = f"{name} line {number}"
        if not isinstance(one, dict) or not isinstance(other, dict):
            yield Difference(place=place + event_in(one or other), told=one, made=other)
        elif one.get(ADDRESS) != other.get(ADDRESS):
            yield Difference(place=place, told=one, made=other)
        else:
            yield from differences_of_values(place + event_in(other), one, other)


def event_in(line: Any) -> str:
    return f" (event {line[ADDRESS]})" if isinstance(line, dict) and ADDRESS in line else ""


def differences_of_values(
    place: str, told: Mapping[str, Any], made: Mapping[str, Any]
) -> Iterator[Difference]:
    for name in [*made, *(name for name in told if name not in made)]:
        if told.get(name) != made.get(name):
            yield Difference(place=f"{place}: {name}", told=told.get(name), made=made.get(name))


def first_line_that_differs(told: bytes, made: bytes) -> Difference:
    """Of a form that is text, or whose text stands in it. They must differ."""
    lines = enumerate(zip_longest(told.splitlines(keepends=True), made.splitlines(keepends=True)), start=1)
    number, (one, other) = next((number, pair) for number, pair in lines if pair[0] != pair[1])
    return Difference(place=f"line {number}", told=text_of(one), made=text_of(other))


def text_of(line: bytes | None) -> str | None:
    return None if line is None else line.decode(errors="replace")[:LINE_CHARACTERS_MAX].rstrip("\r\n")
