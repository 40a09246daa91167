"""A statement: what an island or its owner earned in a time, how far it waits for karma, and how the karma moved.

An owner's statement covers every island that ever earned for the account, and the share of published cargos; an
island's covers what it did for who owns it at the end. Nobody is told what an island did for another owner.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from commands.event_log import Commit
from commands.karma_statement import WORK, KarmaChange, changes_of
from commands.reports.account_past import Line, Movement
from commands.reports.invoice import account_past, versions_of
from commands.reports.order import NothingKnown, ReportOrder
from commands.reports.past_log import PastLog
from commands.reports.period import Span, day_of, span_of
from commands.reports.report import Chart, Column, Figure, Kind, Measure, Report, SubjectKind, Table
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


class IslandPast:
    """What an island's own commits say up to the end of a span: who owned it, and how its karma moved meanwhile."""

    def __init__(self, island_id: IslandId, span: Span) -> None:
        self.island_id = island_id
        self.owner_id: AccountId | None = None
        self._karma = 0
        self._karma_behind: dict[AccountId, int] = {}
        self._changes: list[tuple[AccountId, KarmaChange]] = []
        self._stream: Final = ISLAND.stream(island_id)
        self._span = span

    def take(self, commit: Commit) -> None:
        if commit.stream != self._stream or commit.position > self._span.through:
            return
        for event in commit.events:
            if isinstance(event, IslandEnrolled | IslandPaired) and event.owner_id is not None:
                self.owner_id = event.owner_id
                self._karma_behind[event.owner_id] = self._karma
        for change, _ in changes_of(commit):
            self._karma = change.karma
            if self.owner_id is not None:
                self._karma_behind[self.owner_id] = change.karma
                if self._span.holds(commit.position):
                    self._changes.append((self.owner_id, change))

    def under(self, owner_id: AccountId) -> "OwnedTime":
        """The part of it that lies in the span and in the time of one owner."""
        return OwnedTime(
            island_id=self.island_id,
            changes=tuple(change for owner, change in self._changes if owner == owner_id),
            karma_behind=self._karma_behind.get(owner_id, 0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedTime:
    """An island while one account owned it."""

    island_id: IslandId
    changes: tuple[KarmaChange, ...]
    karma_behind: int

    @property
    def worked(self) -> list[KarmaChange]:
        return [change for change in self.changes if change.cause == WORK]

    @property
    def karma_change(self) -> int:
        return sum(change.delta for change in self.changes)


async def statement(log: PastLog, order: ReportOrder) -> Report:
    """Raises `NothingKnown`, `ReportTooLong` and `LogUnavailable`."""
    span = await span_of(log, order.period, order.at)
    if order.subject.of is SubjectKind.ISLAND:
        return await statement_of_island(log, order, span)
    past = await account_past(log, AccountId(order.subject.id), span)
    islands = await islands_past(log, sorted(past.islands), span)
    owned = [island.under(past.account_id) for island in islands]
    earnings = [line for line in past.lines if line.movement in EARNINGS]
    return statement_of(order, span, earnings, owned, released_micro=sum(past.released_micro.values()))


async def statement_of_island(log: PastLog, order: ReportOrder, span: Span) -> Report:
    island_id = IslandId(order.subject.id)
    [island] = await islands_past(log, [island_id], span)
    if island.owner_id is None:
        raise NothingKnown(f"an owner of island {island_id}")
    past = await account_past(log, island.owner_id, span)
    earnings = [line for line in past.lines if line.movement in EARNINGS and line.island_id == island_id]
    released_micro = past.released_micro.get(island_id, 0)
    return statement_of(order, span, earnings, [island.under(island.owner_id)], released_micro=released_micro)


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
    earnings: Sequence[Line],
    islands: Sequence[OwnedTime],
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
                rows=[earning_row(line) for line in earnings],
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
    earnings: Sequence[Line], islands: Sequence[OwnedTime], released_micro: int
) -> tuple[Figure, ...]:
    sums = Counter[Movement]()
    escrowed = 0
    for line in earnings:
        sums[line.movement] += line.amount_micro
        if line.movement is Movement.EARNED and line.is_escrowed:
            escrowed += line.amount_micro
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
    )


def earning_row(line: Line) -> tuple[str | int | None, ...]:
    return (
        line.address,
        line.at_ms,
        line.movement,
        line.job_id,
        line.island_id,
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


def by_island(earnings: Sequence[Line], islands: Sequence[OwnedTime]) -> Table:
    earned = Counter[str]()
    for line in earnings:
        earned[line.island_id or ""] += line.amount_micro
    rows = [
        (
            island.island_id,
            len(island.worked),
            sum(change.worked_ms for change in island.worked),
            island.karma_behind - island.karma_change,
            island.karma_change,
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


def by_day(earnings: Sequence[Line]) -> Table:
    lines, earned = Counter[str](), Counter[str]()
    for line in earnings:
        lines[day_of(line.at_ms)] += 1
        earned[day_of(line.at_ms)] += line.amount_micro
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
