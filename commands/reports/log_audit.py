"""An audit: every commit of a time with who asked for it, counted and added up, for those who run the network.

What operators did, what was put right and what was refunded is listed apart; and whatever moved between the places
where credits can be must add up to nothing.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, Final

from commands.event_log import Commit
from commands.reports.order import LINES_MAX, ReportOrder, ReportTooLong
from commands.reports.past_log import EVERY_CATEGORY, PastLog
from commands.reports.period import day_of, span_of
from commands.reports.purse import Purse, moved
from commands.reports.report import Chart, Column, Figure, Kind, Measure, Report, Table, Value
from domain.account_events import AccountEvent, ChargeRefunded, CreditsCorrected, EarningTakenBack
from domain.cargo_events import CargoDisabled, CargoEnabled, CargoReviewed
from domain.island_events import IslandApproved, IslandReinstated, IslandRevoked, IslandSuspended
from domain.publisher import PublisherTierGranted
from domain.refund import RefundRequested
from domain.treasury_events import RefundCovered, RefundOwed, TreasuryEvent

NameOf = Callable[[Any], str]

PERSONS: Final = ("api_key.", "session.")
"""How the actor of a commit begins where a person asked for it; others are processes and islands."""
NOBODY: Final = "nobody"  # Commits from before actors were recorded.
OPERATORS_ALONE: Final = (
    CreditsCorrected
    | RefundRequested
    | IslandApproved
    | IslandReinstated
    | IslandRevoked
    | IslandSuspended
    | CargoDisabled
    | CargoEnabled
    | CargoReviewed
    | PublisherTierGranted
)
"""What a person does only with an operator's key; the coordinator does some of it by its own rules."""
REPAIRS: Final = (
    CreditsCorrected | RefundRequested | ChargeRefunded | EarningTakenBack | RefundCovered | RefundOwed
)
COMMIT_COLUMNS: Final = (
    Column(name="position", heading="Position", measure=Measure.COUNT),
    Column(name="at", heading="Time", measure=Measure.TIME),
    Column(name="aggregate", heading="On"),
    Column(name="events", heading="Events"),
    Column(name="actor", heading="Asked by"),
    Column(name="command_id", heading="Command", printed=False),
    Column(name="cause", heading="Because of"),
    Column(name="correlation_id", heading="Request", printed=False),
)
ACTION_COLUMNS: Final = (
    Column(name="event", heading="Event"),
    Column(name="at", heading="Time", measure=Measure.TIME),
    Column(name="name", heading="What"),
    Column(name="aggregate", heading="On"),
    Column(name="actor", heading="Asked by"),
    Column(name="amount_micro", heading="Credits", measure=Measure.CREDITS),
    Column(name="original", heading="Puts right", printed=False),
)


async def log_audit(log: PastLog, order: ReportOrder, name_of: NameOf) -> Report:
    """`name_of` gives the name an event is stored under. Raises `ReportTooLong` and `LogUnavailable`."""
    span = await span_of(log, order.period, order.at)
    audit = LogAudit(name_of)
    async for commits in log.read_category(EVERY_CATEGORY, after=span.after, up_to=span.through):
        for commit in commits:
            audit.take(commit)
    return Report(
        kind=Kind.AUDIT,
        title="Audit",
        subject=order.subject,
        period=order.period,
        span=span,
        rules={},
        figures=audit.figures(),
        tables=audit.tables(),
        charts=(Chart(title="Commits a day", table="by_day", label="day", value="commits"),),
    )


class LogAudit:
    def __init__(self, name_of: NameOf) -> None:
        self._name_of = name_of
        self.moved = Purse()
        self.events = Counter[str]()
        self.commits = Counter[str]()
        self.actors = Counter[str]()
        self.days = Counter[str]()
        self.rows: list[tuple[Value, ...]] = []
        self.actions: list[tuple[Value, ...]] = []
        self.repairs: list[tuple[Value, ...]] = []

    def take(self, commit: Commit) -> None:
        origin = commit.origin
        names = [self._name_of(event) for event in commit.events]
        actor = origin.actor or NOBODY
        self.commits[commit.stream.partition(".")[0]] += 1
        self.events.update(names)
        self.actors[actor] += 1
        self.days[day_of(commit.recorded_at_ms)] += 1
        at_ms = commit.recorded_at_ms
        self.rows.append(
            (
                commit.position,
                at_ms,
                commit.stream,
                ", ".join(names),
                actor,
                origin.command_id,
                origin.cause,
                origin.correlation_id,
            )
        )
        if len(self.rows) > LINES_MAX:
            raise ReportTooLong(f"more than {LINES_MAX:,} commits")
        for index, (event, name) in enumerate(zip(commit.events, names, strict=True)):
            self._look(event, (f"{commit.position}.{index}", at_ms, name, commit.stream, actor))

    def _look(self, event: Any, told: tuple[Value, ...]) -> None:
        amount_micro: int | None = None
        if isinstance(event, AccountEvent | TreasuryEvent):
            legs = moved(event)
            self.moved += legs
            amount_micro = getattr(event, "amount_micro", legs.own_micro)
        row = (*told, amount_micro, getattr(event, "original", None))
        if isinstance(event, OPERATORS_ALONE) and str(told[-1]).startswith(PERSONS):
            self.actions.append(row)
        if isinstance(event, REPAIRS):
            self.repairs.append(row)

    def figures(self) -> tuple[Figure, ...]:
        credits_moved = [getattr(self.moved, one.name) for one in fields(Purse)]
        count = Measure.COUNT
        return (
            Figure(
                name="commits", heading="Commits", measure=count, value=self.commits.total(), is_strong=True
            ),
            Figure(name="events", heading="Events", measure=count, value=self.events.total(), is_strong=True),
            Figure(name="actions", heading="Acts of operators", measure=count, value=len(self.actions)),
            Figure(name="repairs", heading="Put right", measure=count, value=len(self.repairs)),
            Figure(
                name="imbalance_micro",
                heading="Sum of the books (must be 0)",
                measure=Measure.CREDITS,
                value=sum(credits_moved),
            ),
        )

    def tables(self) -> tuple[Table, ...]:
        moves = [(one.name, getattr(self.moved, one.name)) for one in fields(Purse)]
        place = Column(name="place", heading="Place")
        change = Column(name="movement_micro", heading="Movement", measure=Measure.CREDITS)
        return (
            Table(name="books", title="Where credits moved", columns=(place, change), rows=moves),
            counted("by_category", "By category", "category", self.commits, what="commits"),
            counted("by_event", "By event", "name", self.events, what="events"),
            counted("by_actor", "By who asked", "actor", self.actors, what="commits"),
            counted("by_day", "By day", "day", self.days, what="commits"),
            Table(name="actions", title="Acts of operators", columns=ACTION_COLUMNS, rows=self.actions),
            Table(name="repairs", title="Put right", columns=ACTION_COLUMNS, rows=self.repairs),
            Table(name="commits", title="Every commit", columns=COMMIT_COLUMNS, rows=self.rows, is_main=True),
        )


def counted(name: str, title: str, key: str, counts: Counter[str], *, what: str) -> Table:
    rows: Sequence[tuple[Value, ...]] = sorted(counts.items())
    columns = (
        Column(name=key, heading=key.capitalize()),
        Column(name=what, heading=what.capitalize(), measure=Measure.COUNT),
    )
    return Table(name=name, title=title, columns=columns, rows=rows)
