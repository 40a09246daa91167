"""Reports in every form, byte for byte: what was printed once is printed again years later, wherever it is made.

They are made of a log that was exported once and lies beside them. `python -m tests.adapters.test_report_forms` writes
them anew; a change of what people may have in their hands needs a new version of its form.
"""

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest

from adapters.exported_log import ExportedLog
from adapters.reports.forms import Form, write
from adapters.reports.wording import FORMULA
from commands.reports.make import make_report
from commands.reports.order import ReportOrder
from commands.reports.period import Period, Span, month_of
from commands.reports.report import (
    Column,
    Figure,
    Kind,
    Measure,
    Report,
    Subject,
    SubjectKind,
    Table,
    digest_of,
)
from tests.commands.reports.orders import EVERYBODY, account, island, name_of

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "reports"
LOG: Final = GOLDEN / "log.gz"
MONTH: Final = month_of("2027-01")
ENDINGS: Final = {Form.TEXT: "txt", Form.JSON: "json", Form.CSV: "csv", Form.HTML: "html", Form.PDF: "pdf"}
KINDS: Final = {
    Kind.INVOICE: account("account-0"),
    Kind.STATEMENT: island("island-1"),
    Kind.USAGE: account("account-1"),
    Kind.AUDIT: EVERYBODY,
}


async def report(kind: Kind) -> Report:
    order = ReportOrder(kind=kind, subject=KINDS[kind], period=MONTH)
    return await make_report(ExportedLog(LOG), order, name_of)


def golden(kind: Kind, form: Form) -> Path:
    return GOLDEN / f"{kind}.{ENDINGS[form]}"


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("kind", list(Kind))
async def test_a_report_has_the_bytes_it_always_had(kind: Kind, form: Form) -> None:
    assert write(await report(kind), form).body == golden(kind, form).read_bytes()


@pytest.mark.parametrize("hash_seed", ["1", "4242"])
def test_another_machine_writes_the_same_bytes(hash_seed: str, tmp_path: Path) -> None:
    elsewhere = {
        "PYTHONHASHSEED": hash_seed,
        "TZ": "Pacific/Chatham",
        "LC_ALL": "tr_TR.UTF-8",
        "LANG": "tr_TR.UTF-8",
    }
    subprocess.run(
        [sys.executable, "-m", "tests.adapters.test_report_forms", str(tmp_path)],
        check=True,
        env=os.environ | elsewhere,
        cwd=Path(__file__).parents[2],
    )
    for file in sorted(set(GOLDEN.iterdir()) - {LOG}):
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file.name


async def test_json_carries_the_digest_of_everything_else() -> None:
    facts = json.loads(write(await report(Kind.INVOICE), Form.JSON).body)
    assert facts["digest"] == digest_of(facts)


HOSTILE: Final = (
    "=HYPERLINK(1)",
    "+1",
    "-1",
    "@x",
    "\tx",
    "<script>alert(1)</script>",
    '"><img src=x>',
    "a,b\r\nc",
)


def hostile_report() -> Report:
    column = Column(name="word", heading="<b>Word</b>")
    table = Table(
        name="words", title="<i>Words</i>", columns=(column,), rows=[(one,) for one in HOSTILE], is_main=True
    )
    return Report(
        kind=Kind.USAGE,
        title="<u>Usage</u>",
        subject=Subject(of=SubjectKind.ACCOUNT, id="</title><script>"),
        period=Period(),
        span=Span(after=0, through=9, is_closed=False),
        rules={},
        figures=(Figure(name="jobs", heading="<s>Jobs</s>", measure=Measure.COUNT, value=1),),
        tables=(table,),
    )


def test_no_cell_is_a_formula_for_a_spreadsheet() -> None:
    rows = list(csv.reader(io.StringIO(write(hostile_report(), Form.CSV).body.decode())))
    cells = [row[1] for row in rows[1 : len(HOSTILE) + 1]]
    assert not [cell for cell in cells if cell.startswith(FORMULA)]
    assert [cell.removeprefix("'") for cell in cells] == list(HOSTILE)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes |= {name for name, _ in attrs}


def tags_of(page: bytes) -> Tags:
    tags = Tags()
    tags.feed(page.decode())
    return tags


def test_no_text_becomes_part_of_the_page() -> None:
    tags = tags_of(write(hostile_report(), Form.HTML).body)
    assert not {"script", "img", "b", "i", "u", "s"} & set(tags.seen)


async def test_a_page_needs_no_other_file_and_runs_nothing() -> None:
    tags = tags_of(write(await report(Kind.INVOICE), Form.HTML).body)
    assert not {"script", "link", "img", "iframe", "object"} & set(tags.seen)
    assert not {"src", "href", "onload", "onclick"} & tags.attributes
    assert "scope" in tags.attributes
    assert "aria-labelledby" in tags.attributes


def test_a_pdf_takes_no_text_for_markup() -> None:
    assert write(hostile_report(), Form.PDF).body.startswith(b"%PDF-")


async def write_all(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for kind in Kind:
        one = await report(kind)
        for form in Form:
            (folder / golden(kind, form).name).write_bytes(write(one, form).body)


if __name__ == "__main__":
    asyncio.run(write_all(Path(sys.argv[1]) if len(sys.argv) > 1 else GOLDEN))
