"""Every form of a report behind one door, for the report program and the check of a file."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from adapters.reports.csv_form import csv_form
from adapters.reports.json_form import json_form
from adapters.reports.text_form import text_form
from adapters.reports.wording import file_name_of
from commands.reports.report import Report, digest_of, facts_of, proof_of


class Form(StrEnum):
    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    HTML = "html"
    PDF = "pdf"


MEDIA_TYPE_OF: Final = {
    Form.TEXT: "text/plain; charset=utf-8",
    Form.JSON: "application/json",
    Form.CSV: "text/csv; charset=utf-8",
    Form.HTML: "text/html; charset=utf-8",
    Form.PDF: "application/pdf",
}
ENDING_OF: Final = {Form.TEXT: "txt"}
BEGINNING_OF: Final = {Form.JSON: b"{", Form.CSV: b"row,", Form.HTML: b"<!doctype html>", Form.PDF: b"%PDF-"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A report in one form. `lines` are the rows of its main table."""

    body: bytes
    digest: str
    file_name: str
    lines: int


def write(report: Report, form: Form) -> Written:
    facts = facts_of(report)
    digest = digest_of(facts)
    proof = proof_of(report, digest)
    match form:
        case Form.JSON:
            body = json_form(facts, digest).encode()
        case Form.CSV:
            body = csv_form(report, proof).encode()
        case Form.TEXT:
            body = text_form(report, proof).encode()
        case Form.HTML:
            from adapters.reports.page_form import page_form  # noqa: PLC0415 - drawing takes long to import.

            body = page_form(report, proof).encode()
        case Form.PDF:
            from adapters.reports.pdf_form import pdf_form  # noqa: PLC0415 - drawing takes long to import.

            body = pdf_form(report, proof)
        case _:
            assert_never(form)
    return Written(
        body=body,
        digest=digest,
        file_name=file_name_of(report, ENDING_OF.get(form, form)),
        lines=len(report.main.rows),
    )


def form_of(body: bytes) -> Form:
    """The form that a file begins as; text where it begins as no other."""
    for form, beginning in BEGINNING_OF.items():
        if body.startswith(beginning):
            return form
    return Form.TEXT
