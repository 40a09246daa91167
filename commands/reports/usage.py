"""Usage: how many jobs, credits, tokens and seconds, by cargo and by day, of one account or of everybody.

A job counts on the day on which its hold ended, so that the credits are those of the invoices of the same time.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Final

from commands.reports.account_past import Closing
from commands.reports.evidence import read_jobs
from commands.reports.invoice import account_past
from commands.reports.job_past import Ending, JobPast, JobPasts
from commands.reports.order import LINES_MAX, ReportOrder, ReportTooLong
from commands.reports.past_log import PastLog
from commands.reports.period import Span, day_of, span_of
from commands.reports.report import Chart, Column, Figure, Kind, Measure, Report, SubjectKind, Table
from domain.account_events import HoldReleased, HoldSettled
from domain.ids import AccountId, JobId
from domain.job import JOB
from domain.job_events import JobSucceeded

MEASURED: Final = (
    Column(name="jobs", heading="Jobs", measure=Measure.COUNT),
    Column(name="succeeded", heading="Good", measure=Measure.COUNT),
    Column(name="failed", heading="Failed", measure=Measure.COUNT),
    Column(name="cancelled", heading="Cancelled", measure=Measure.COUNT),
    Column(name="prompt_tokens", heading="Tokens in", measure=Measure.COUNT),
    Column(name="completion_tokens", heading="Tokens out", measure=Measure.COUNT),
    Column(name="worked_ms", heading="Worked", measure=Measure.DURATION),
    Column(name="charged_micro", heading="Charged", measure=Measure.CREDITS),
)
DAY: Final = Column(name="day", heading="Day")
CARGO: Final = Column(name="cargo", heading="Cargo")


@dataclass(slots=True)
class Used:
    """Sums, in the order of `MEASURED`."""

    jobs: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    worked_ms: int = 0
    charged_micro: int = 0

    def count(self, job: JobPast, charged_micro: int) -> None:
        self.jobs += 1
        self.succeeded += job.ending is Ending.SUCCEEDED
        self.failed += job.ending is Ending.FAILED
        self.cancelled += job.ending is Ending.CANCELLED
        self.charged_micro += charged_micro
        if isinstance(job.end, JobSucceeded):
            self.prompt_tokens += job.end.usage.prompt_tokens or 0
            self.completion_tokens += job.end.usage.completion_tokens or 0
            self.worked_ms += job.end.worked_ms


async def usage(log: PastLog, order: ReportOrder) -> Report:
    """Raises `NothingKnown`, `ReportTooLong` and `LogUnavailable`."""
    span = await span_of(log, order.period, order.at)
    if order.subject.of is SubjectKind.ACCOUNT:
        past = await account_past(log, AccountId(order.subject.id), span)
        return usage_of(order, span, past.closings, await read_jobs(log, past))
    closings = await closings_of_all(log, span)
    return usage_of(order, span, closings, await jobs_of(log, closings, span))


async def closings_of_all(log: PastLog, span: Span) -> list[Closing]:
    closings: list[Closing] = []
    async for commits in log.read_category("account", after=span.after, up_to=span.through):
        for commit in commits:
            for event in commit.events:
                if isinstance(event, HoldSettled | HoldReleased):
                    charged = event.charged_micro if isinstance(event, HoldSettled) else 0
                    at_ms = commit.recorded_at_ms
                    closings.append(Closing(job_id=event.job_id, at_ms=at_ms, charged_micro=charged))
        if len(closings) > LINES_MAX:
            raise ReportTooLong(f"more than {LINES_MAX:,} jobs")
    return closings


async def jobs_of(log: PastLog, closings: Iterable[Closing], span: Span) -> JobPasts:
    """Most jobs ended in a span began in it; only the others are looked up one by one."""
    wanted = frozenset(closing.job_id for closing in closings)
    jobs = JobPasts(wanted.__contains__)
    async for commits in log.read_category("job", after=span.after, up_to=span.through):
        for commit in commits:
            jobs.take(commit)
    older = [JOB.stream(job_id) for job_id in sorted(wanted) if jobs.of(job_id).slug is None]
    if older and span.after:
        async for commits in log.read_streams(older, after=0, up_to=span.through):
            for commit in commits:
                jobs.take(commit)
    return jobs


def usage_of(order: ReportOrder, span: Span, closings: Iterable[Closing], jobs: JobPasts) -> Report:
    total, by_day, by_cargo = Used(), dict[str, Used](), dict[str, Used]()
    by_both: dict[tuple[str, str], Used] = {}
    for closing in closings:
        job = jobs.of(JobId(closing.job_id))
        if job.slug is None:
            continue  # The rest of a batch's hold, or of a job that never arrived.
        day, slug = day_of(closing.at_ms), str(job.slug)
        for used in (
            total,
            by_day.setdefault(day, Used()),
            by_cargo.setdefault(slug, Used()),
            by_both.setdefault((day, slug), Used()),
        ):
            used.count(job, closing.charged_micro)
    both_rows = [(day, slug, *astuple(used)) for (day, slug), used in sorted(by_both.items())]
    return Report(
        kind=Kind.USAGE,
        title="Usage",
        subject=order.subject,
        period=order.period,
        span=span,
        rules={},
        figures=tuple(
            Figure(
                name=column.name,
                heading=column.heading,
                measure=column.measure,
                value=value,
                is_strong=column.name in {"jobs", "charged_micro"},
            )
            for column, value in zip(MEASURED, astuple(total), strict=True)
        ),
        tables=(
            table(
                "by_cargo",
                "By cargo",
                (CARGO,),
                [(one, *astuple(used)) for one, used in sorted(by_cargo.items())],
            ),
            table(
                "by_day", "By day", (DAY,), [(one, *astuple(used)) for one, used in sorted(by_day.items())]
            ),
            table("by_day_and_cargo", "By day and cargo", (DAY, CARGO), both_rows, is_main=True),
        ),
        charts=(
            Chart(title="Jobs a day", table="by_day", label="day", value="jobs"),
            Chart(title="Charged a day", table="by_day", label="day", value="charged_micro"),
        ),
    )


def table(
    name: str,
    title: str,
    keys: tuple[Column, ...],
    rows: list[tuple[str | int, ...]],
    *,
    is_main: bool = False,
) -> Table:
    return Table(name=name, title=title, columns=(*keys, *MEASURED), rows=rows, is_main=is_main)
