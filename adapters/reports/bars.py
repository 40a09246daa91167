"""The values behind a chart: one bar a day without gaps, or one for each row."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from commands.reports.report import Chart, Measure, Report

BARS_MAX: Final = 62
"""Two months of days; a longer time is shown by its last days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """`values` are in the unit of `measure`."""

    title: str
    measure: Measure
    labels: tuple[str, ...]
    values: tuple[int, ...]


def bars_of(report: Report, chart: Chart) -> Bars | None:
    """None where there is nothing to draw."""
    table = report.table(chart.table)
    names = [column.name for column in table.columns]
    label, value = names.index(chart.label), names.index(chart.value)
    drawn = {str(row[label]): int(row[value] or 0) for row in table.rows}
    if not drawn:
        return None
    labels = days_between(min(drawn), max(drawn)) if chart.label == "day" else tuple(drawn)
    labels = labels[-BARS_MAX:]
    return Bars(
        title=chart.title,
        measure=table.columns[value].measure,
        labels=labels,
        values=tuple(drawn.get(one, 0) for one in labels),
    )


def days_between(first: str, last: str) -> tuple[str, ...]:
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return tuple((begin + timedelta(days=number)).isoformat() for number in range((end - begin).days + 1))
