"""What every report has in common: figures, tables, charts, and the one text that its digest stands for.

Made by the folds of this package, drawn by `adapters.reports`. A report carries no name, no typed reason and no other
personal text, only ids and addresses of events: who is forgotten changes no report.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from commands.reports.period import Period, Span, instant

REPORT_VERSION: Final = 1
"""Of the form below. A later form is a new version beside it: old files are checked for ever."""
MARK: Final = "archipelago-report/"
PROOF: Final = re.compile(
    MARK + r"(?P<version>\d+) (?P<kind>[a-z]+) (?P<of>[a-z]+):(?P<id>[A-Za-z0-9_.-]*) (?P<since>[0-9T:.Z-]+) "
    r"(?P<until>[0-9T:.Z-]+|open) (?P<state>closed|open) (?P<through>\d+) (?P<digest>sha256:[0-9a-f]{64})"
)

Value = str | int | None


class Kind(StrEnum):
    INVOICE = "invoice"
    STATEMENT = "statement"
    USAGE = "usage"
    AUDIT = "audit"


class SubjectKind(StrEnum):
    ACCOUNT = "account"
    ISLAND = "island"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom a report is about; `id` is empty for everybody."""

    of: SubjectKind
    id: str = ""


class Measure(StrEnum):
    """What a value counts, and so how it is written."""

    TEXT = "text"
    COUNT = "count"
    CREDITS = "credits"  # Whole micro-credits.
    TIME = "time"  # Unix milliseconds.
    DURATION = "duration"  # Milliseconds.


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`name` is for programs. A column that is not `printed` stands in JSON and CSV only: paper is narrow."""

    name: str
    heading: str
    measure: Measure = Measure.TEXT
    printed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`rows` have a value for each column. The `main` table of a report is the one that its CSV holds."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Value, ...]]
    is_main: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of the summary. A `strong` one is what people look for first."""

    name: str
    heading: str
    measure: Measure
    value: int
    is_strong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One bar for each row of a table: two of its columns, by name."""

    title: str
    table: str
    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`rules` are the versions of rules behind its numbers, as the events name them."""

    kind: Kind
    title: str
    subject: Subject
    period: Period
    span: Span
    rules: Mapping[str, tuple[int, ...]]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    charts: tuple[Chart, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def table(self, name: str) -> Table:
        return next(table for table in self.tables if table.name == name)

    @property
    def main(self) -> Table:
        return next(table for table in self.tables if table.is_main)


def facts_of(report: Report) -> dict[str, Any]:
    """The report for programs: amounts in whole micro-credits, times RFC 3339, durations in milliseconds."""
    period, span = report.period, report.span
    return {
        "report": report.kind,
        "version": REPORT_VERSION,
        "subject": {"kind": report.subject.of, "id": report.subject.id},
        "period": {
            "from": instant(period.since_ms),
            "to": None if period.until_ms is None else instant(period.until_ms),
            "is_closed": span.is_closed,
        },
        "positions": {"after": span.after, "through": span.through},
        "rules": {name: list(versions) for name, versions in report.rules.items()},
        "figures": {one.name: one.value for one in report.figures},
        **{table.name: [row_of(table, row) for row in table.rows] for table in report.tables},
    }


def row_of(table: Table, row: tuple[Value, ...]) -> dict[str, Any]:
    return {
        column.name: instant(value) if column.measure is Measure.TIME and isinstance(value, int) else value
        for column, value in zip(table.columns, row, strict=True)
        if value is not None
    }


def digest_of(facts: Mapping[str, Any]) -> str:
    """`sha256:` over the facts as JSON in one fixed form: keys in order, no spaces, ASCII only; without `digest`."""
    undigested = {name: value for name, value in facts.items() if name != "digest"}
    text = json.dumps(undigested, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def proof_of(report: Report, digest: str) -> str:
    """One line that says what to compute again and what must come out. It stands in every form of a report."""
    until = report.period.until_ms
    return (
        f"{MARK}{REPORT_VERSION} {report.kind} {report.subject.of}:{report.subject.id} "
        f"{instant(report.period.since_ms)} {'open' if until is None else instant(until)} "
        f"{'closed' if report.span.is_closed else 'open'} {report.span.through} {digest}"
    )
