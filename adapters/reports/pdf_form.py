"""A report as a PDF: A4, a heading on every page and "page 1 of 3" below it; made of equal parts, equal byte for byte.

Nothing is compressed: another version of zlib would give other bytes.
"""

import io
from collections.abc import Callable
from html import escape
from typing import Any, Final

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle
from reportlab.platypus import Table as Grid

from adapters.reports.bar_chart import INK, RULE, bar_chart
from adapters.reports.bars import bars_of
from adapters.reports.wording import (
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

MARGIN: Final = 17 * mm
FOOT: Final = 10 * mm
FRAME_PADDING: Final = 6
"""What reportlab adds on each side of a page's text, in points."""
CELL_SIZE: Final = 6.8
CHARACTER_WIDTH: Final = 0.56
"""Of a cell's font size, on average, digits and ids included."""
CELL_CHARACTERS_MAX: Final = 40
TITLE: Final = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=18, leading=23)
PLAIN: Final = ParagraphStyle("plain", fontName="Helvetica", fontSize=9, leading=13)
SOFT: Final = ParagraphStyle("soft", parent=PLAIN, textColor=INK)
HEADING: Final = ParagraphStyle(
    "heading",
    fontName="Helvetica-Bold",
    fontSize=10.5,
    leading=14,
    spaceBefore=14,
    spaceAfter=4,
    keepWithNext=1,
)
CELL: Final = ParagraphStyle("cell", fontName="Helvetica", fontSize=CELL_SIZE, leading=8.6, splitLongWords=1)
SMALL: Final = ParagraphStyle("small", parent=SOFT, fontSize=6.5, leading=9)


def pdf_form(report: Report, proof: str) -> bytes:
    file = io.BytesIO()
    title = f"{report.title}: {period_text(report.period)}"
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=MARGIN - FRAME_PADDING,
        rightMargin=MARGIN - FRAME_PADDING,
        topMargin=MARGIN,
        bottomMargin=MARGIN + FOOT,
        title=title,
        subject=subject_text(report),
        keywords=[proof],
        creator="Archipelago",
        author="Archipelago",
        invariant=1,
        pageCompression=0,
    )
    document.build(
        list(parts_of(report, title, proof)), canvasmaker=numbered(f"{title}, {subject_text(report)}")
    )
    return file.getvalue()


def parts_of(report: Report, title: str, proof: str) -> list[Flowable]:
    parts: list[Flowable] = [
        paragraph(title, TITLE),
        paragraph(subject_text(report), PLAIN),
        paragraph(f"{standing_text(report)} {rules_text(report)}", SOFT),
        Spacer(1, 10),
        figures_grid(report),
    ]
    for chart in report.charts:
        bars = bars_of(report, chart)
        if bars is not None:
            parts += [paragraph(chart.title, HEADING), bar_chart(bars)]
    for table in report.tables:
        if table.rows:
            parts += [paragraph(table.title, HEADING), table_grid(table)]
            if rest := rest_text(table):
                parts.append(paragraph(rest, SOFT))
    parts += [
        Spacer(1, 16),
        paragraph(
            "Amounts are credits, times and days UTC. Make this report as JSON and check it with:", SMALL
        ),
        paragraph("archipelago report verify REPORT.json", SMALL),
        paragraph(proof, SMALL),
    ]
    return parts


def paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(text, quote=False), style)


def figures_grid(report: Report) -> Flowable:
    rows = [(figure.heading, figure_text(figure)) for figure in report.figures]
    grid = Grid(rows, colWidths=(62 * mm, 40 * mm), hAlign="LEFT")
    look: list[tuple[Any, ...]] = [
        ("FONT", (0, 0), (-1, -1), "Helvetica", 9, 11),
        ("TEXTCOLOR", (0, 0), (0, -1), INK),
        ("ALIGN", (1, 0), (1, -1), "RIGHT"),
        ("LEFTPADDING", (0, 0), (0, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
    ]
    for number, figure in enumerate(report.figures):
        if figure.is_strong:
            look += [
                ("FONT", (0, number), (-1, number), "Helvetica-Bold", 9, 11),
                ("TEXTCOLOR", (0, number), (0, number), colors.black),
            ]
    grid.setStyle(TableStyle(look))
    return grid


def table_grid(table: Table) -> Flowable:
    columns, rows = printed_rows(table)
    widths = widths_of(columns, rows)
    cells = [
        tuple(
            cell if is_number(column) else paragraph(cell, CELL)
            for column, cell in zip(columns, row, strict=True)
        )
        for row in rows
    ]
    grid = LongTable(
        [tuple(column.heading for column in columns), *cells], colWidths=widths, repeatRows=1, hAlign="LEFT"
    )
    look: list[tuple[Any, ...]] = [
        ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", CELL_SIZE, 8.6),
        ("FONT", (0, 1), (-1, -1), "Helvetica", CELL_SIZE, 8.6),
        ("TEXTCOLOR", (0, 0), (-1, 0), INK),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.7, colors.black),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, RULE),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-2, -1), 6),
        ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
    for number, column in enumerate(columns):
        if is_number(column):
            look.append(("ALIGN", (number, 0), (number, -1), "RIGHT"))
    grid.setStyle(TableStyle(look))
    return grid


def widths_of(columns: tuple[Column, ...], rows: list[tuple[str, ...]]) -> list[float]:
    """Of the sheet's width to each column as its longest cell asks for; a very long one is wrapped."""
    room = A4[0] - 2 * MARGIN
    longest = [
        min(CELL_CHARACTERS_MAX, max([len(column.heading), *(len(row[number]) for row in rows)]))
        for number, column in enumerate(columns)
    ]
    wanted = [characters * CELL_SIZE * CHARACTER_WIDTH + 8 for characters in longest]
    return [width * room / sum(wanted) for width in wanted]


def numbered(heading: str) -> Callable[..., Canvas]:
    """A canvas that knows how many pages there are: it keeps each page until the last one is drawn."""

    class NumberedCanvas(Canvas):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - reportlab's name.
            self._pages.append(dict(self.__dict__))
            self._startPage()  # type: ignore[attr-defined]  # The stubs leave out what every numbered canvas calls.

        def save(self) -> None:
            for number, page in enumerate(self._pages, start=1):
                self.__dict__.update(page)
                self.setFont("Helvetica", 7)
                self.setFillColor(INK)
                self.drawString(MARGIN, MARGIN, heading)
                self.drawRightString(A4[0] - MARGIN, MARGIN, f"Page {number} of {len(self._pages)}")
                super().showPage()
            super().save()

    return NumberedCanvas
