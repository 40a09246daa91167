"""How the values of a report are written for people: credits, times, durations, and what stands around them."""

from collections.abc import Sequence
from typing import Final

from commands.reports.period import Period, instant, month_of
from commands.reports.report import Column, Figure, Measure, Report, SubjectKind, Table, Value
from domain.pricing import MICRO_PER_CREDIT

DECIMALS_MIN: Final = 2
DECIMALS_MAX: Final = 6
PRINTED_ROWS_MAX: Final = 1_000
"""Of one table on paper; every row stands in JSON and CSV."""
MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would compute instead of show."""


def decimals_of(amounts_micro: Sequence[Value]) -> int:
    """How many digits behind the point all of them need, so that a column lines up."""
    decimals = DECIMALS_MIN
    for amount in amounts_micro:
        if isinstance(amount, int):
            digits = f"{abs(amount) % MICRO_PER_CREDIT:06d}".rstrip("0")
            decimals = max(decimals, len(digits))
    return decimals


def credits_text(micro: int, decimals: int = DECIMALS_MAX, *, separator: str = ",") -> str:
    """`-1234567890` -> `-1,234.56789`."""
    whole, part = divmod(abs(micro), MICRO_PER_CREDIT)
    sign = "-" if micro < 0 else ""
    grouped = f"{whole:,}".replace(",", separator)
    return f"{sign}{grouped}.{f'{part:06d}'[:decimals]}"


def cell_text(column: Column, value: Value, decimals: int = DECIMALS_MAX) -> str:
    """One cell for a person; empty where there is no value."""
    if not isinstance(value, int):
        return "" if value is None else value
    match column.measure:
        case Measure.CREDITS:
            return credits_text(value, decimals)
        case Measure.TIME:
            return instant(value)[:19].replace("T", " ")
        case Measure.DURATION:
            return duration_text(value)
        case Measure.COUNT | Measure.TEXT:
            return f"{value:,}"


def duration_text(ms: int) -> str:
    """`4 000` ms as `4 s`, a long time as `2 h 5 min`."""
    seconds = ms / 1000
    if seconds < 120:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def figure_text(figure: Figure) -> str:
    decimals = decimals_of([figure.value]) if figure.measure is Measure.CREDITS else DECIMALS_MAX
    column = Column(name=figure.name, heading=figure.heading, measure=figure.measure)
    return cell_text(column, figure.value, decimals)


def is_number(column: Column) -> bool:
    return column.measure not in {Measure.TEXT, Measure.TIME}


def printed_rows(table: Table) -> tuple[tuple[Column, ...], list[tuple[str, ...]]]:
    """What paper shows of a table: its printed columns, and its first rows as texts."""
    kept = [number for number, column in enumerate(table.columns) if column.printed]
    columns = tuple(table.columns[number] for number in kept)
    rows = table.rows[:PRINTED_ROWS_MAX]
    decimals = {number: decimals_of([row[number] for row in rows]) for number in kept}
    texts = [
        tuple(cell_text(table.columns[number], row[number], decimals[number]) for number in kept)
        for row in rows
    ]
    return columns, texts


def rest_text(table: Table) -> str:
    """What to say of rows that paper does not show; empty where it shows all."""
    hidden = len(table.rows) - PRINTED_ROWS_MAX
    return f"{hidden:,} more rows are in the JSON and CSV forms of this report." if hidden > 0 else ""


def subject_text(report: Report) -> str:
    if report.subject.of is SubjectKind.EVERYBODY:
        return "The whole network"
    return f"{report.subject.of.capitalize()} {report.subject.id}"


def period_text(period: Period) -> str:
    """`November 2026` for a month, else both ends."""
    begin = instant(period.since_ms)
    if period.until_ms is None:
        return "From the beginning" if not period.since_ms else f"From {begin}"
    year, month = int(begin[:4]), int(begin[5:7])
    if year >= 2000 and month_of(begin[:7]) == period:
        return f"{MONTHS[month - 1]} {year}"
    return f"{begin} to {instant(period.until_ms)}"


def standing_text(report: Report) -> str:
    """What the numbers stand on."""
    span = report.span
    if span.is_closed:
        return f"Complete: log positions {span.after + 1:,} to {span.through:,}. No later event changes it."
    return f"So far, as of log position {span.through:,}."


def rules_text(report: Report) -> str:
    """`Price rules version 2.`, for each kind of rules behind the numbers; empty where there are none."""
    said = [
        f"{name.capitalize()} rules version {', '.join(map(str, versions))}."
        for name, versions in report.rules.items()
        if versions
    ]
    return " ".join(said)


def file_name_of(report: Report, ending: str) -> str:
    """`invoice-ACCOUNT-2026-11.pdf`."""
    begin = instant(report.period.since_ms)[:7]
    parts = (report.kind, report.subject.id, begin if report.period.since_ms else "")
    return "-".join(part for part in parts if part) + f".{ending}"
