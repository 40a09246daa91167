"""Reports over HTTP: own ones for everybody, any for operators, in the forms of `archipelago report`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters.reports.forms import Form
from api.authorization import Admin, Reader
from api.edge import Edge
from api.errors import invalid, not_found
from api.key_ring import Caller
from api.moment import At
from api.owned import check_ever_owned_island
from api.report_making import report_answer
from api.request_fields import ACCOUNT, ISLAND
from api.schemas.report import FILES, Report
from commands.reports.order import ReportOrder
from commands.reports.period import Period, month_of, time_of
from commands.reports.report import Kind, Subject, SubjectKind
from domain.api_key import Scope
from domain.ids import IslandId

router = APIRouter(prefix="/reports", tags=["reports"])

Month = Annotated[str, Query(max_length=7, description="The month in UTC, as 2026-11.")]
MaybeMonth = Annotated[
    str, Query(max_length=7, description="The month in UTC, as 2026-11. Default: all time.")
]
AccountId = Annotated[str, Query(max_length=64, description="For operators: another account than one's own.")]
Island = Annotated[str, Query(max_length=64, description="One island. Default: all of the account's.")]
Since = Annotated[str, Query(alias="from", max_length=40, description="Recorded from then on.")]
Until = Annotated[str, Query(alias="to", max_length=40, description="Recorded before then. Default: now.")]
AsForm = Annotated[Form, Query(alias="format", description="How it is written.")]


@router.get("/invoice", response_model=Report, responses=FILES)
async def get_invoice(
    *,
    request: Request,
    caller: Reader,
    edge: Edge,
    at: At,
    month: Month,
    account: AccountId = "",
    form: AsForm = Form.JSON,
) -> Response:
    """Get what an account was charged in a month, every job with its price. A month that is over never changes."""
    subject = account_of(caller, account)
    order = ReportOrder(kind=Kind.INVOICE, subject=subject, period=in_month(month), at=at)
    return await report_answer(request, edge, order, form)


@router.get("/statement", response_model=Report, responses=FILES)
async def get_statement(
    *,
    request: Request,
    caller: Reader,
    edge: Edge,
    at: At,
    month: MaybeMonth = "",
    island: Island = "",
    account: AccountId = "",
    form: AsForm = Form.JSON,
) -> Response:
    """Get what an island, or an owner with all islands, earned and with which work."""
    subject = account_of(caller, account)
    if island:
        if not ISLAND.fullmatch(island):
            raise not_found(f"host {island}")
        await check_ever_owned_island(edge, caller, IslandId(island))
        subject = Subject(of=SubjectKind.ISLAND, id=island)
    order = ReportOrder(kind=Kind.STATEMENT, subject=subject, period=in_month(month), at=at)
    return await report_answer(request, edge, order, form)


@router.get("/usage", response_model=Report, responses=FILES)
async def get_usage(
    *,
    request: Request,
    caller: Reader,
    edge: Edge,
    at: At,
    month: MaybeMonth = "",
    account: AccountId = "",
    form: AsForm = Form.JSON,
) -> Response:
    """Get jobs, credits, tokens and seconds by cargo and day."""
    subject = account_of(caller, account)
    order = ReportOrder(kind=Kind.USAGE, subject=subject, period=in_month(month), at=at)
    return await report_answer(request, edge, order, form)


@router.get("/audit", response_model=Report, responses=FILES)
async def get_audit(
    *,
    request: Request,
    _: Admin,
    edge: Edge,
    at: At,
    since: Since,
    until: Until = "",
    form: AsForm = Form.JSON,
) -> Response:
    """Get everything that was done in a time: by whom, how often, and whether all of it balances."""
    period = Period(since_ms=time("from", since), until_ms=time("to", until) if until else None)
    if period.until_ms is not None and period.until_ms <= period.since_ms:
        raise invalid("to", "must be later than from")
    everybody = Subject(of=SubjectKind.EVERYBODY)
    order = ReportOrder(kind=Kind.AUDIT, subject=everybody, period=period, at=at)
    return await report_answer(request, edge, order, form)


def account_of(caller: Caller, account: str) -> Subject:
    """The own account, or the one that an operator names. Raises `ApiError` (not_found)."""
    wanted = account or caller.account_id
    is_operator = Scope.ADMIN in caller.scopes and ACCOUNT.fullmatch(wanted)
    if wanted != caller.account_id and not is_operator:
        raise not_found(f"account {wanted}")
    return Subject(of=SubjectKind.ACCOUNT, id=wanted)


def in_month(month: str) -> Period:
    """All time where none is named. Raises `ApiError` (invalid)."""
    if not month:
        return Period()
    try:
        return month_of(month)
    except ValueError as rule:
        raise invalid("month", str(rule)) from rule


def time(field: str, text: str) -> int:
    """Unix milliseconds. Raises `ApiError` (invalid)."""
    try:
        return time_of(text)
    except ValueError as rule:
        raise invalid(field, str(rule)) from rule
