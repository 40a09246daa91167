"""An invoice: what an account paid in a month and what for, line by line, between two balances that it explains.

Every charge names the price, the units and the version of the rules, so each can be computed again; the lines add up to
the movement between the balances, and that is the movement in the ledger.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from commands.event_log import Commit
from commands.reports.account_past import AccountPast, Charge, Line, Movement, sums_of
from commands.reports.evidence import read_jobs
from commands.reports.job_past import JobPasts
from commands.reports.order import NothingKnown, ReportOrder
from commands.reports.past_log import PastLog
from commands.reports.period import Span, day_of, span_of
from commands.reports.report import Chart, Column, Figure, Kind, Measure, Report, Table
from domain.account import ACCOUNT
from domain.ids import AccountId

CHARGE_COLUMNS: Final = (
    Column(name="event", heading="Event"),
    Column(name="at", heading="Time", measure=Measure.TIME),
    Column(name="job_id", heading="Job"),
    Column(name="cargo", heading="Cargo"),
    Column(name="cargo_version", heading="Version", printed=False),
    Column(name="units", heading="Units", measure=Measure.COUNT),
    Column(name="price_unit", heading="of"),
    Column(name="unit_price_micro", heading="Price", measure=Measure.CREDITS),
    Column(name="held_micro", heading="Held", measure=Measure.CREDITS, printed=False),
    Column(name="released_micro", heading="Released", measure=Measure.CREDITS, printed=False),
    Column(name="charged_micro", heading="Charged", measure=Measure.CREDITS),
    Column(name="platform_fee_micro", heading="Fee", measure=Measure.CREDITS, printed=False),
    Column(name="publisher_micro", heading="Publisher", measure=Measure.CREDITS, printed=False),
    Column(name="island_micro", heading="Island's share", measure=Measure.CREDITS, printed=False),
    Column(name="island_id", heading="Island", printed=False),
    Column(name="price_rules", heading="Rules", measure=Measure.COUNT, printed=False),
)
MOVEMENT_COLUMNS: Final = (
    Column(name="event", heading="Event"),
    Column(name="at", heading="Time", measure=Measure.TIME),
    Column(name="movement", heading="What"),
    Column(name="job_id", heading="Job"),
    Column(name="original", heading="Puts right"),
    Column(name="reference", heading="Reference", printed=False),
    Column(name="island_id", heading="Island", printed=False),
    Column(name="rules", heading="Rules", measure=Measure.COUNT, printed=False),
    Column(name="amount_micro", heading="Amount", measure=Measure.CREDITS),
)
HEADING_OF: Final = {
    Movement.ADDED: "Credits added",
    Movement.REFUNDED: "Refunded",
    Movement.COMPENSATED: "Compensation",
    Movement.CORRECTED: "Corrections",
    Movement.EARNED: "Earned by islands",
    Movement.PUBLISHED: "Earned by publishing",
    Movement.TAKEN_BACK: "Taken back",
}


async def invoice(log: PastLog, order: ReportOrder) -> Report:
    """Raises `NothingKnown`, `ReportTooLong` and `LogUnavailable`."""
    span = await span_of(log, order.period, order.at)
    past = await account_past(log, AccountId(order.subject.id), span)
    return invoice_of(order, past, await read_jobs(log, past))


async def account_past(
    log: PastLog, account_id: AccountId, span: Span, beside: Callable[[Commit], None] | None = None
) -> AccountPast:
    """`beside` is given the same commits. Raises `NothingKnown` where no such account was open by then."""
    past = AccountPast(account_id, span)
    async for commits in log.read_streams([ACCOUNT.stream(account_id)], after=0, up_to=span.through):
        for commit in commits:
            past.take(commit)
            if beside is not None:
                beside(commit)
    if not past.is_open:
        raise NothingKnown(f"account {account_id}")
    return past


def invoice_of(order: ReportOrder, past: AccountPast, jobs: JobPasts) -> Report:
    charges, lines = past.charges, past.lines
    return Report(
        kind=Kind.INVOICE,
        title="Invoice",
        subject=order.subject,
        period=order.period,
        span=past.span,
        rules={
            "price": versions_of([charge.settled.price_rules_version for charge in charges]),
            "compensation": versions_of([line.rules_version for line in lines]),
        },
        figures=figures_of(past),
        tables=(
            by_day(charges),
            by_cargo(charges, jobs),
            Table(
                name="charges",
                title="Charges",
                columns=CHARGE_COLUMNS,
                rows=[charge_row(charge, jobs) for charge in charges],
                is_main=True,
            ),
            Table(
                name="movements",
                title="Everything else",
                columns=MOVEMENT_COLUMNS,
                rows=[movement_row(line) for line in lines],
            ),
        ),
        charts=(Chart(title="Charged a day", table="by_day", label="day", value="charged_micro"),),
    )


def versions_of(versions: Sequence[int | None]) -> tuple[int, ...]:
    return tuple(sorted({version for version in versions if version is not None}))


def figures_of(past: AccountPast) -> tuple[Figure, ...]:
    charged = sum(charge.settled.charged_micro for charge in past.charges)
    sums = sums_of(past.lines)
    movement = sum(sums.values()) - charged
    assert past.opening.own_micro + movement == past.closing.own_micro

    def credits_of(name: str, heading: str, amount_micro: int, *, is_strong: bool = False) -> Figure:
        return Figure(
            name=name, heading=heading, measure=Measure.CREDITS, value=amount_micro, is_strong=is_strong
        )

    others = [
        credits_of(f"{kind}_micro", HEADING_OF[kind], amount) for kind, amount in sums.items() if amount
    ]
    return (
        credits_of("opening_micro", "Balance before", past.opening.own_micro),
        credits_of("charged_micro", "Charged for jobs", -charged, is_strong=True),
        *others,
        credits_of("movement_micro", "All together", movement),
        credits_of("closing_micro", "Balance behind", past.closing.own_micro, is_strong=True),
        credits_of("free_micro", "of it free", past.closing.free),
        credits_of("held_micro", "held for open jobs", past.closing.held),
        credits_of("escrow_micro", "waiting for karma", past.closing.escrow),
        Figure(name="jobs", heading="Jobs charged", measure=Measure.COUNT, value=len(past.charges)),
    )


def charge_row(charge: Charge, jobs: JobPasts) -> tuple[str | int | None, ...]:
    settled, job = charge.settled, jobs.of(charge.settled.job_id)
    return (
        charge.address,
        charge.at_ms,
        settled.job_id,
        job.slug,
        job.version or None,
        settled.units,
        settled.price_unit,
        settled.unit_price_micro or settled.charged_micro,
        None if charge.hold is None else charge.hold.amount_micro,
        settled.released_micro,
        settled.charged_micro,
        settled.platform_fee_micro,
        settled.publisher_micro,
        settled.island_micro,
        settled.island_id,
        settled.price_rules_version,
    )


def movement_row(line: Line) -> tuple[str | int | None, ...]:
    return (
        line.address,
        line.at_ms,
        line.movement,
        line.job_id,
        line.original,
        line.reference,
        line.island_id,
        line.rules_version,
        line.amount_micro,
    )


def by_day(charges: Sequence[Charge]) -> Table:
    jobs, charged = Counter[str](), Counter[str]()
    for charge in charges:
        jobs[day_of(charge.at_ms)] += 1
        charged[day_of(charge.at_ms)] += charge.settled.charged_micro
    return Table(
        name="by_day",
        title="By day",
        columns=(
            Column(name="day", heading="Day"),
            Column(name="jobs", heading="Jobs", measure=Measure.COUNT),
            Column(name="charged_micro", heading="Charged", measure=Measure.CREDITS),
        ),
        rows=[(day, jobs[day], charged[day]) for day in sorted(jobs)],
    )


def by_cargo(charges: Sequence[Charge], jobs: JobPasts) -> Table:
    counted: dict[tuple[str, str], list[int]] = {}
    for charge in charges:
        slug = jobs.of(charge.settled.job_id).slug or ""
        sums = counted.setdefault((slug, charge.settled.price_unit), [0, 0, 0])
        sums[0] += 1
        sums[1] += charge.settled.units
        sums[2] += charge.settled.charged_micro
    return Table(
        name="by_cargo",
        title="By cargo",
        columns=(
            Column(name="cargo", heading="Cargo"),
            Column(name="price_unit", heading="Charged by"),
            Column(name="jobs", heading="Jobs", measure=Measure.COUNT),
            Column(name="units", heading="Units", measure=Measure.COUNT),
            Column(name="charged_micro", heading="Charged", measure=Measure.CREDITS),
        ),
        rows=[(slug, unit, *sums) for (slug, unit), sums in sorted(counted.items())],
    )
