"""A statement: what an island or its owner earned in a time, how far it waits for karma, and how the karma moved.

An owner's statement covers every island that ever earned for the account and the share of published cargos; an
island's covers its own work, whoever owned it at the time.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from commands.event_log import Commit
from commands.karma_statement import WORK, KarmaChange, changes_of
from commands.reports.account_past import AccountPast, Line, Movement
from commands.reports.invoice import account_past, versions_of
from commands.reports.order import NothingKnown, ReportOrder
from commands.reports.past_log import PastLog
from commands.reports.period import Span, day_of, span_of
from commands.reports.report import Chart, Column, Figure, Kind, Measure, Report, SubjectKind, Table
from domain.account import ACCOUNT
from domain.ids import AccountId, IslandId
from domain.island import ISLAND
from domain.island_events import IslandEnrolled, IslandPaired

EARNINGS: Final = frozenset({Movement.EARNED, Movement.PUBLISHED, Movement.TAKEN_BACK})
EARNING_COLUMNS: Final = (
    Column(name="event", heading="Event"),
    Column(name="at", heading="Time", measure=Measure.TIME),
    Column(name="movement", heading="What"),
    Column(name="job_id", heading="Job"),
    Column(name="island_id", heading="Island", printed=False),
    Column(name="account_id", heading="Account", printed=False),
    Column(name="is_escrowed", heading="Waits", printed=False),
    Column(name="original", heading="Puts right", printed=False),
    Column(name="amount_micro", heading="Amount", measure=Measure.CREDITS),
)
KARMA_COLUMNS: Final = (
    Column(name="event", heading="Event"),
    Column(name="at", heading="Time", measure=Measure.TIME),
    Column(name="island_id", heading="Island", printed=False),
    Column(name="cause", heading="Because of"),
    Column(name="job_id", heading="Job"),
    Column(name="worked_ms", heading="Worked", measure=Measure.DURATION),
    Column(name="delta", heading="Change", measure=Measure.COUNT),
    Column(name="karma", heading="Karma", measure=Measure.COUNT),
    Column(name="rules", heading="Rules", measure=Measure.COUNT, printed=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earning:
    account_id: AccountId
    line: Line


class IslandPast:
    """What an island's own commits say of a span: its owners, and how its karma moved."""

    def __init__(self, island_id: IslandId, span: Span) -> None:
        self.island_id = island_id
        self.owners: list[AccountId] = []
        self.karma_before = 0
        self.karma_behind = 0
        self.changes: list[KarmaChange] = []
        self._stream: Final = ISLAND.stream(island_id)
        self._span = span

    def take(self, commit: Commit) -> None:
        if commit.stream != self._stream or commit.position > self._span.through:
            return
        for event in commit.events:
            owner_id = event.owner_id if isinstance(event, IslandEnrolled | IslandPaired) else None
            if owner_id is not None and owner_id not in self.owners:
                self.owners.append(owner_id)
        for change, _ in changes_of(commit):
            self.karma_behind = change.karma
            if self._span.holds(commit.position):
                self.changes.append(change)
        if commit.position <= self._span.after:
            self.karma_before = self.karma_behind

    @property
    def worked(self) -> list[KarmaChange]:
        return [change for change in self.changes if change.cause == WORK]


async def statement(log: PastLog, order: ReportOrder) -> Report:
    """Raises `NothingKnown`, `ReportTooLong` and `LogUnavailable`."""
    span = await span_of(log, order.period, order.at)
    if order.subject.of is SubjectKind.ISLAND:
        return await statement_of_island(log, order, span)
    past = await account_past(log, AccountId(order.subject.id), span)
    islands = await islands_past(log, sorted(past.islands), span)
    earnings = [
        Earning(account_id=past.account_id, line=line) for line in past.lines if line.movement in EARNINGS
    ]
    return statement_of(order, span, earnings, islands, released_micro=sum(past.released_micro.values()))


async def statement_of_island(log: PastLog, order: ReportOrder, span: Span) -> Report:
    island_id = IslandId(order.subject.id)
    [island] = await islands_past(log, [island_id], span)
    if not island.owners:
        raise NothingKnown(f"island {island_id}")
    earnings: list[Earning] = []
    released_micro = 0
    for owner_id in island.owners:
        past = AccountPast(owner_id, span)
        async for commits in log.read_streams([ACCOUNT.stream(owner_id)], after=0, up_to=span.through):
            for commit in commits:
                past.take(commit)
        released_micro += past.released_micro.get(island_id, 0)
        earnings += [
            Earning(account_id=owner_id, line=line)
            for line in past.lines
            if line.movement in EARNINGS and line.island_id == island_id
        ]
    earnings.sort(key=lambda earning: address_order(earning.line.address))
    return statement_of(order, span, earnings, [island], released_micro=released_micro)


def address_order(address: str) -> tuple[int, int]:
    position, _, index = address.partition(".")
    return int(position), int(index)


async def islands_past(log: PastLog, island_ids: Sequence[IslandId], span: Span) -> list[IslandPast]:
    islands = {ISLAND.stream(island_id): IslandPast(island_id, span) for island_id in island_ids}
    if islands:
        async for commits in log.read_streams(list(islands), after=0, up_to=span.through):
            for commit in commits:
                if commit.stream in islands:
                    islands[commit.stream].take(commit)
    return list(islands.values())


def statement_of(
    order: ReportOrder,
    span: Span,
    earnings: Sequence[Earning],
    islands: Sequence[IslandPast],
    *,
    released_micro: int,
) -> Report:
    changes = sorted(
        ((island.island_id, change) for island in islands for change in island.changes),
        key=lambda one: (one[1].position, one[1].index),
    )
    return Report(
        kind=Kind.STATEMENT,
        title="Statement",
        subject=order.subject,
        period=order.period,
        span=span,
        rules={"karma": versions_of([change.rules_version for _, change in changes])},
        figures=figures_of(earnings, islands, released_micro),
        tables=(
            by_island(earnings, islands),
            by_day(earnings),
            Table(
                name="earnings",
                title="Earnings",
                columns=EARNING_COLUMNS,
                rows=[earning_row(earning) for earning in earnings],
                is_main=True,
            ),
            Table(
                name="karma_changes",
                title="Karma",
                columns=KARMA_COLUMNS,
                rows=[karma_row(island_id, change) for island_id, change in changes],
            ),
        ),
        charts=(Chart(title="Earned a day", table="by_day", label="day", value="earned_micro"),),
    )


def figures_of(
    earnings: Sequence[Earning], islands: Sequence[IslandPast], released_micro: int
) -> tuple[Figure, ...]:
    sums = Counter[Movement]()
    escrowed = 0
    for earning in earnings:
        sums[earning.line.movement] += earning.line.amount_micro
        if earning.line.movement is Movement.EARNED and earning.line.is_escrowed:
            escrowed += earning.line.amount_micro
    worked = [change.worked_ms for island in islands for change in island.worked]
    credit, count = Measure.CREDITS, Measure.COUNT
    return (
        Figure(name="earned_micro", heading="Earned by work", measure=credit, value=sums[Movement.EARNED]),
        Figure(
            name="published_micro",
            heading="Earned by publishing",
            measure=credit,
            value=sums[Movement.PUBLISHED],
        ),
        Figure(
            name="taken_back_micro", heading="Taken back", measure=credit, value=sums[Movement.TAKEN_BACK]
        ),
        Figure(
            name="total_micro", heading="All together", measure=credit, value=sums.total(), is_strong=True
        ),
        Figure(name="escrowed_micro", heading="earned into escrow", measure=credit, value=escrowed),
        Figure(name="released_micro", heading="set free from escrow", measure=credit, value=released_micro),
        Figure(name="jobs", heading="Runs that succeeded", measure=count, value=len(worked)),
        Figure(name="worked_ms", heading="Time worked", measure=Measure.DURATION, value=sum(worked)),
        Figure(
            name="karma",
            heading="Karma behind",
            measure=count,
            value=sum(one.karma_behind for one in islands),
        ),
    )


def earning_row(earning: Earning) -> tuple[str | int | None, ...]:
    line = earning.line
    return (
        line.address,
        line.at_ms,
        line.movement,
        line.job_id,
        line.island_id,
        earning.account_id,
        "yes" if line.is_escrowed else "no",
        line.original,
        line.amount_micro,
    )


def karma_row(island_id: IslandId, change: KarmaChange) -> tuple[str | int | None, ...]:
    return (
        f"{change.position}.{change.index}",
        change.at_ms,
        island_id,
        change.cause,
        change.job_id,
        change.worked_ms,
        change.delta,
        change.karma,
        change.rules_version,
    )


def by_island(earnings: Sequence[Earning], islands: Sequence[IslandPast]) -> Table:
    earned = Counter[str]()
    for earning in earnings:
        earned[earning.line.island_id or ""] += earning.line.amount_micro
    rows = [
        (
            island.island_id,
            len(island.worked),
            sum(change.worked_ms for change in island.worked),
            island.karma_before,
            island.karma_behind - island.karma_before,
            island.karma_behind,
            earned[island.island_id],
        )
        for island in sorted(islands, key=lambda one: one.island_id)
    ]
    return Table(
        name="by_island",
        title="By island",
        columns=(
            Column(name="island_id", heading="Island"),
            Column(name="runs", heading="Runs", measure=Measure.COUNT),
            Column(name="worked_ms", heading="Worked", measure=Measure.DURATION),
            Column(name="karma_before", heading="Karma before", measure=Measure.COUNT),
            Column(name="karma_change", heading="Change", measure=Measure.COUNT),
            Column(name="karma_behind", heading="behind", measure=Measure.COUNT),
            Column(name="earned_micro", heading="Earned", measure=Measure.CREDITS),
        ),
        rows=rows,
    )


def by_day(earnings: Sequence[Earning]) -> Table:
    lines, earned = Counter[str](), Counter[str]()
    for earning in earnings:
        lines[day_of(earning.line.at_ms)] += 1
        earned[day_of(earning.line.at_ms)] += earning.line.amount_micro
    return Table(
        name="by_day",
        title="By day",
        columns=(
            Column(name="day", heading="Day"),
            Column(name="lines", heading="Lines", measure=Measure.COUNT),
            Column(name="earned_micro", heading="Earned", measure=Measure.CREDITS),
        ),
        rows=[(day, lines[day], earned[day]) for day in sorted(lines)],
    )
