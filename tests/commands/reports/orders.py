"""Orders of reports as tests give them, and what they look at in the answers."""

from typing import Any, Final

from adapters.codec import NAMES
from commands.karma_statement import Moment
from commands.reports.make import make_report
from commands.reports.order import ReportOrder
from commands.reports.period import Period
from commands.reports.report import Kind, Report, Subject, SubjectKind, row_of
from tests.histories import History
from tests.past_logs import ListedPast

EVER: Final = Period()
NOW: Final = Moment()
EVERYBODY: Final = Subject(of=SubjectKind.EVERYBODY)


def account(account_id: str) -> Subject:
    return Subject(of=SubjectKind.ACCOUNT, id=account_id)


def island(island_id: str) -> Subject:
    return Subject(of=SubjectKind.ISLAND, id=island_id)


async def made(
    history: History, kind: Kind, subject: Subject, period: Period = EVER, at: Moment = NOW
) -> Report:
    order = ReportOrder(kind=kind, subject=subject, period=period, at=at)
    return await make_report(ListedPast(history.commits), order, name_of)


def name_of(event: Any) -> str:
    return NAMES[type(event)]


def figures(report: Report) -> dict[str, int]:
    return {figure.name: figure.value for figure in report.figures}


def rows(report: Report, name: str) -> list[dict[str, Any]]:
    """A table as programs get it."""
    table = report.table(name)
    return [row_of(table, row) for row in table.rows]
