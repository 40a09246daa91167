"""A report as CSV: the rows of its main table for a spreadsheet, and a last row with its proof."""

import csv
import io

from adapters.reports.wording import FORMULA, credits_text
from commands.reports.period import instant
from commands.reports.report import Column, Measure, Report, Value

PROOF_ROW = "proof"


def csv_form(report: Report, proof: str) -> str:
    """RFC 4180. Credits as decimals, times RFC 3339; no cell is taken for a formula."""
    table = report.main
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(["row", *(name_of(column) for column in table.columns)])
    for number, row in enumerate(table.rows, start=1):
        cells = (cell_of(column, value) for column, value in zip(table.columns, row, strict=True))
        writer.writerow([number, *cells])
    writer.writerow([PROOF_ROW, proof, *("" for _ in table.columns[1:])])
    return file.getvalue()


def name_of(column: Column) -> str:
    """A column of credits has another unit here than in JSON, so another name."""
    return column.name.removesuffix("_micro") if column.measure is Measure.CREDITS else column.name


def cell_of(column: Column, value: Value) -> str:
    if not isinstance(value, int):
        text = value or ""
        return f"'{text}" if text.startswith(FORMULA) else text
    match column.measure:
        case Measure.CREDITS:
            return credits_text(value, separator="")
        case Measure.TIME:
            return instant(value)
        case Measure.COUNT | Measure.DURATION | Measure.TEXT:
            return str(value)
