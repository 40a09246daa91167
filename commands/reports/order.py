"""Which report is asked for, and the way back from the proof that a report carries to the order it answered."""

from dataclasses import dataclass
from typing import Final

from commands.karma_statement import Moment
from commands.reports.period import Period, time_of
from commands.reports.report import PROOF, REPORT_VERSION, Kind, Subject, SubjectKind

LINES_MAX: Final = 1_000_000
"""Lines of one report's main table: a month of an account that runs a job every three seconds."""


class ReportTooLong(Exception):
    """More lines than a report may have: ask for a shorter time."""


class NothingKnown(Exception):
    """The log knows nobody of that id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOrder:
    """`at` is as of when; the end of the log where it says nothing."""

    kind: Kind
    subject: Subject
    period: Period
    at: Moment = Moment()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a report says of itself: the order that made it, and its digest."""

    order: ReportOrder
    digest: str


def proof_in(text: str) -> Proof | None:
    """The proof somewhere in a text, or None where there is none of a version that we know."""
    found = PROOF.search(text)
    if found is None or int(found["version"]) != REPORT_VERSION:
        return None
    try:
        order = ReportOrder(
            kind=Kind(found["kind"]),
            subject=Subject(of=SubjectKind(found["of"]), id=found["id"]),
            period=Period(
                since_ms=time_of(found["since"]),
                until_ms=None if found["until"] == "open" else time_of(found["until"]),
            ),
            at=Moment() if found["state"] == "closed" else Moment(position=int(found["through"])),
        )
    except ValueError:
        return None
    return Proof(order=order, digest=found["digest"])
