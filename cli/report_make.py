"""`archipelago report invoice|statement|usage|audit`: a report made from the log, in the form that is asked for."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failure import CommandFailed, wrong_usage
from cli.options import DataDir, Offline
from cli.projections import NatsCaFile, NatsKeys, NatsUrl
from cli.report_form import FormName, Output, write_out

if TYPE_CHECKING:
    from adapters.reports.forms import Form, Written
    from commands.reports.order import ReportOrder
    from commands.reports.past_log import PastLog
    from commands.reports.period import Period
    from commands.reports.report import Kind, Subject

Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The id of the account.")]
Month = Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month, in UTC.")]
MaybeMonth = Annotated[str, typer.Argument(metavar="[YYYY-MM]", help="The month, in UTC. Default: all time.")]
Earner = Annotated[str, typer.Argument(metavar="ISLAND|OWNER", help="The id of an island, or of its owner.")]
MaybeAccount = Annotated[str, typer.Argument(metavar="[ACCOUNT]", help="Default: everybody.")]
At = Annotated[str, typer.Option("--at", metavar="TIME|POSITION", help="As of then. Default: now.")]
Since = Annotated[str, typer.Option("--from", metavar="TIME", help="What was recorded from then on.")]
Until = Annotated[
    str, typer.Option("--to", metavar="TIME", help="What was recorded before then. Default: now.")
]


def invoice(
    account: Account,
    month: Month,
    *,
    form: FormName = "text",
    output: Output = None,
    at: At = "",
    offline: Offline = None,
    nats_url: NatsUrl = "",
    nats_keys: NatsKeys = None,
    ca_file: NatsCaFile = None,
    data_dir: DataDir = None,
) -> None:
    """What an account was charged in a month: every job with its price and where the credits went.

    A month that is over never changes: the same command gives the same bytes years later.
    """
    from cli.past import past_of
    from commands.reports.report import Kind

    where = past_of(offline, nats_url, nats_keys, ca_file, data_dir)
    write_report(
        where, [order(Kind.INVOICE, account_subject(account), in_month(month, offline), at)], form, output
    )


def statement(
    earner: Earner,
    month: MaybeMonth = "",
    *,
    form: FormName = "text",
    output: Output = None,
    at: At = "",
    offline: Offline = None,
    nats_url: NatsUrl = "",
    nats_keys: NatsKeys = None,
    ca_file: NatsCaFile = None,
    data_dir: DataDir = None,
) -> None:
    """What an island or its owner earned, and with which work."""
    from cli.past import past_of
    from commands.reports.report import Kind, Subject, SubjectKind

    period = in_month(month, offline)
    subjects = [Subject(of=SubjectKind.ISLAND, id=earner), account_subject(earner)]
    where = past_of(offline, nats_url, nats_keys, ca_file, data_dir)
    write_report(where, [order(Kind.STATEMENT, subject, period, at) for subject in subjects], form, output)


def usage(
    account: MaybeAccount = "",
    month: MaybeMonth = "",
    *,
    form: FormName = "text",
    output: Output = None,
    at: At = "",
    offline: Offline = None,
    nats_url: NatsUrl = "",
    nats_keys: NatsKeys = None,
    ca_file: NatsCaFile = None,
    data_dir: DataDir = None,
) -> None:
    """Jobs, credits, tokens and seconds by cargo and day, of one account or of everybody."""
    from cli.past import past_of
    from commands.reports.report import Kind, Subject, SubjectKind

    subject = account_subject(account) if account else Subject(of=SubjectKind.EVERYBODY)
    where = past_of(offline, nats_url, nats_keys, ca_file, data_dir)
    write_report(where, [order(Kind.USAGE, subject, in_month(month, offline), at)], form, output)


def audit(
    *,
    since: Since,
    until: Until = "",
    form: FormName = "text",
    output: Output = None,
    at: At = "",
    offline: Offline = None,
    nats_url: NatsUrl = "",
    nats_keys: NatsKeys = None,
    ca_file: NatsCaFile = None,
    data_dir: DataDir = None,
) -> None:
    """Everything that was done in a time: by whom, how often, what operators did, and whether all of it balances."""
    from cli.past import past_of
    from commands.reports.report import Kind, Subject, SubjectKind

    where = past_of(offline, nats_url, nats_keys, ca_file, data_dir)
    everybody = Subject(of=SubjectKind.EVERYBODY)
    write_report(where, [order(Kind.AUDIT, everybody, between(since, until), at)], form, output)


def account_subject(account_id: str) -> "Subject":
    from commands.reports.report import Subject, SubjectKind

    return Subject(of=SubjectKind.ACCOUNT, id=account_id)


def order(kind: "Kind", subject: "Subject", period: "Period", at: str) -> "ReportOrder":
    """Raises CommandFailed."""
    from commands.karma_statement import Moment
    from commands.reports.order import ReportOrder, check_subject
    from commands.reports.period import moment_of

    try:
        check_subject(subject)
    except ValueError as rule:
        raise wrong_usage(subject.of.upper(), str(rule)) from rule
    try:
        moment = moment_of(at) if at else Moment()
    except ValueError as rule:
        raise wrong_usage("--at", str(rule)) from rule
    return ReportOrder(kind=kind, subject=subject, period=period, at=moment)


def in_month(text: str, offline: Path | None) -> "Period":
    """All time where none is named. Raises CommandFailed."""
    from adapters import clock
    from commands.reports.period import Period, month_of

    if not text:
        return Period()
    try:
        period = month_of(text)
    except ValueError as rule:
        raise wrong_usage("YYYY-MM", str(rule)) from rule
    if not offline and period.since_ms > clock.now_ms():
        raise wrong_usage("YYYY-MM", "this month has not begun")
    return period


def between(since: str, until: str) -> "Period":
    """Raises CommandFailed."""
    from commands.reports.period import Period, time_of

    ends: dict[str, int | None] = {"--from": None, "--to": None}
    for option, text in (("--from", since), ("--to", until)):
        try:
            ends[option] = time_of(text) if text else None
        except ValueError as rule:
            raise wrong_usage(option, str(rule)) from rule
    if ends["--to"] is not None and ends["--to"] <= (ends["--from"] or 0):
        raise wrong_usage("--to", "must be later than --from")
    return Period(since_ms=ends["--from"] or 0, until_ms=ends["--to"])


def write_report(
    where: "AbstractAsyncContextManager[PastLog]",
    orders: "list[ReportOrder]",
    form: str,
    output: Path | None,
) -> None:
    """Writes the first of the `orders` that the log knows something of. Raises CommandFailed."""
    write_out(lambda form: asyncio.run(written(where, orders, form)), form, output)


async def written(
    where: "AbstractAsyncContextManager[PastLog]", orders: "list[ReportOrder]", form: "Form"
) -> "Written":
    from adapters.codec import NAMES
    from adapters.reports.forms import write
    from commands.reports.make import make_report
    from commands.reports.order import NothingKnown, ReportTooLong

    async with where as log:
        for one in orders:
            try:
                report = await make_report(log, one, lambda event: NAMES[type(event)])
            except NothingKnown:
                continue
            except ReportTooLong as long:
                raise CommandFailed(
                    f"the report would have {long}", next_step="ask for a shorter time"
                ) from long
            return write(report, form)
    raise CommandFailed(
        f"the log knows nothing of {orders[0].subject.id}",
        next_step="look for its id: archipelago account, archipelago island list",
    )
