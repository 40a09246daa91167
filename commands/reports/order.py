"""Which report is asked for, and the way back from the proof that a report carries to the order it answered."""

import re
from dataclasses import dataclass
from typing import Final

from commands.karma_statement import Moment
from commands.reports.period import Period, time_of
from commands.reports.report import PROOF, REPORT_VERSION, Kind, Subject, SubjectKind

LINES_MAX: Final = 1_000_000
"""Lines of one report's main table: a month of an account that runs a job every three seconds."""


SUBJECT_ID_CHARACTERS_MAX: Final = 64
SUBJECT_ID: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{SUBJECT_ID_CHARACTERS_MAX}}}")


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


def check_subject(subject: Subject) -> None:
    """Raises ValueError with the rule where no one can have such an id."""
    if subject.of is SubjectKind.EVERYBODY:
        if subject.id:
            raise ValueError("everybody has no id")
    elif not SUBJECT_ID.fullmatch(subject.id):
        raise ValueError(f"must be an id of at most {SUBJECT_ID_CHARACTERS_MAX} letters, digits, - and _")


def proof_in(text: str) -> Proof | None:
    """The proof somewhere in a text, or None where there is none of a version that we know."""
    found = PROOF.search(text)
    if found is None or int(found["version"]) != REPORT_VERSION:
        return None
    try:
        subject = Subject(of=SubjectKind(found["of"]), id=found["id"])
        check_subject(subject)
        order = ReportOrder(
            kind=Kind(found["kind"]),
            subject=subject,
            period=Period(
                since_ms=time_of(found["since"]),
                until_ms=None if found["until"] == "open" else time_of(found["until"]),
            ),
            at=Moment() if found["state"] == "closed" else Moment(position=int(found["through"])),
        )
    except ValueError:
        return None
    return Proof(order=order, digest=found["digest"])
