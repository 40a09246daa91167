"""An order carried out: the one door to every kind of report, for the report program and the offline check."""

from typing import assert_never

from commands.reports.invoice import invoice
from commands.reports.log_audit import NameOf, log_audit
from commands.reports.order import ReportOrder
from commands.reports.past_log import PastLog
from commands.reports.report import Kind, Report
from commands.reports.statement import statement
from commands.reports.usage import usage


async def make_report(log: PastLog, order: ReportOrder, name_of: NameOf) -> Report:
    """Raises `NothingKnown`, `ReportTooLong` and `LogUnavailable`."""
    match order.kind:
        case Kind.INVOICE:
            return await invoice(log, order)
        case Kind.STATEMENT:
            return await statement(log, order)
        case Kind.USAGE:
            return await usage(log, order)
        case Kind.AUDIT:
            return await log_audit(log, order, name_of)
        case _:
            assert_never(order.kind)
