"""A report as plain text for a terminal or a mail."""

from collections.abc import Iterator
from typing import Final

from adapters.reports.bars import Bars, bars_of
from adapters.reports.wording import (
    cell_text,
    figure_text,
    is_number,
    period_text,
    printed_rows,
    rest_text,
    rules_text,
    standing_text,
    subject_text,
)
from commands.reports.report import Column, Report, Table

BAR_COLUMNS: Final = 48
GAP: Final = "  "


def text_form(report: Report, proof: str) -> str:
    lines = [
        f"{report.title}: {period_text(report.period)}",
        subject_text(report),
        standing_text(report),
        *filter(None, [rules_text(report)]),
        "",
        *figure_lines(report),
    ]
    for chart in report.charts:
        bars = bars_of(report, chart)
        lines += ["", *bar_lines(bars)] if bars else []
    for table in report.tables:
        lines += ["", *table_lines(table)] if table.rows else []
    lines += ["", proof]
    return "\n".join(lines) + "\n"


def figure_lines(report: Report) -> Iterator[str]:
    texts = [figure_text(figure) for figure in report.figures]
    heading = max(len(figure.heading) for figure in report.figures)
    width = max(map(len, texts))
    for figure, text in zip(report.figures, texts, strict=True):
        yield f"{figure.heading:<{heading}}{GAP}{text:>{width}}"


def bar_lines(bars: Bars) -> Iterator[str]:
    """Bars of blocks, the largest value as long as there is room; a value below 0 has none."""
    column = Column(name="", heading="", measure=bars.measure)
    largest = max(*bars.values, 1)
    yield bars.title
    for label, value in zip(bars.labels, bars.values, strict=True):
        length = -(-BAR_COLUMNS * max(value, 0) // largest)
        yield f"{label}{GAP}{'█' * length:<{BAR_COLUMNS}}{GAP}{cell_text(column, value, 2):>12}"


def table_lines(table: Table) -> Iterator[str]:
    columns, rows = printed_rows(table)
    widths = [
        max([len(column.heading), *(len(row[number]) for row in rows)])
        for number, column in enumerate(columns)
    ]
    yield table.title
    yield row_line(columns, tuple(column.heading for column in columns), widths)
    yield GAP.join("─" * width for width in widths)
    for row in rows:
        yield row_line(columns, row, widths)
    if rest := rest_text(table):
        yield rest


def row_line(columns: tuple[Column, ...], cells: tuple[str, ...], widths: list[int]) -> str:
    padded = (
        f"{cell:>{width}}" if is_number(column) else f"{cell:<{width}}"
        for column, cell, width in zip(columns, cells, widths, strict=True)
    )
    return GAP.join(padded).rstrip()
