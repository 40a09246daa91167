"""What an account's own commits say of a span: its balance before and behind it, and every line between.

Folded once and used by the invoice, the statement and the usage report. Takes commits in the order of the log and
passes over those that are not the account's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from commands.event_log import Commit
from commands.reports.order import LINES_MAX, ReportTooLong
from commands.reports.period import Span
from commands.reports.purse import Purse, moved
from domain.account import ACCOUNT
from domain.account_events import (
    AccountOpened,
    ChargeRefunded,
    CompensationPaid,
    CreditsCorrected,
    CreditsEarned,
    CreditsGranted,
    CreditsHeld,
    EarningTakenBack,
    EscrowReleased,
    HoldReleased,
    HoldSettled,
    HoldSplit,
)
from domain.ids import AccountId, IslandId, JobId


class Movement(StrEnum):
    """Why credits came or went, charges apart."""

    ADDED = "added"  # Credits came in from outside.
    REFUNDED = "refunded"  # Part of a charge came back.
    COMPENSATED = "compensated"  # The network made up for a job that was lost or late.
    CORRECTED = "corrected"  # An operator put something right.
    EARNED = "earned"  # An island's work was paid.
    PUBLISHED = "published"  # The share of who published a cargo.
    TAKEN_BACK = "taken_back"  # A charge was refunded, and this had been earned by it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    amount_micro: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A settlement, and what was held for its job by then."""

    address: str
    at_ms: int
    hold: Hold | None
    settled: HoldSettled


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A movement other than a charge. `amount_micro` is what the account has more by it."""

    address: str
    at_ms: int
    movement: Movement
    amount_micro: int
    job_id: JobId | None = None
    island_id: IslandId | None = None
    is_escrowed: bool = False
    reference: str | None = None
    original: str | None = None
    rules_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The hold of a job came to its end."""

    job_id: JobId
    at_ms: int
    charged_micro: int


class AccountPast:
    """Grows commit by commit. `charges`, `lines` and `closings` are those of the span, the rest is as of its end."""

    def __init__(self, account_id: AccountId, span: Span) -> None:
        self.account_id = account_id
        self.is_open = False
        self.opening = Purse()
        self.closing = Purse()
        self.holds: dict[JobId, Hold] = {}
        self.charges: list[Charge] = []
        self.lines: list[Line] = []
        self.closings: list[Closing] = []
        self.released_micro: dict[IslandId, int] = {}
        self.islands: set[IslandId] = set()
        self.first_hold: int | None = None
        self._stream: Final = ACCOUNT.stream(account_id)
        self.span: Final = span

    def take(self, commit: Commit) -> None:
        if commit.stream != self._stream or commit.position > self.span.through:
            return
        is_inside = commit.position > self.span.after
        for index, event in enumerate(commit.events):
            self.closing += moved(event)
            if is_inside:
                self._note(event, f"{commit.position}.{index}", commit)
            self._keep(event, commit.position)
        if not is_inside:
            self.opening = self.closing
        if len(self.charges) + len(self.lines) > LINES_MAX:
            raise ReportTooLong(f"more than {LINES_MAX:,} lines")

    @property
    def closed_jobs(self) -> frozenset[JobId]:
        return frozenset(closing.job_id for closing in self.closings)

    def _keep(self, event: Any, position: int) -> None:
        match event:
            case AccountOpened():
                self.is_open = True
            case CreditsHeld():
                self.holds[event.job_id] = Hold(amount_micro=event.amount_micro, position=position)
            case HoldSplit():
                split_off(self.holds, event, position)
            case HoldSettled() | HoldReleased():
                self.holds.pop(event.job_id, None)
            case CreditsEarned() if event.island_id is not None:
                self.islands.add(event.island_id)
            case _:
                pass

    def _note(self, event: Any, address: str, commit: Commit) -> None:
        at_ms = commit.recorded_at_ms
        match event:
            case HoldSettled():
                hold = self.holds.get(event.job_id)
                self.charges.append(Charge(address=address, at_ms=at_ms, hold=hold, settled=event))
                self._close(event.job_id, at_ms, event.charged_micro)
            case HoldReleased():
                self._close(event.job_id, at_ms, 0)
            case EscrowReleased():
                released = self.released_micro.get(event.island_id, 0)
                self.released_micro[event.island_id] = released + event.amount_micro
            case _:
                line = line_of(event, address, at_ms)
                if line is not None:
                    self.lines.append(line)

    def _close(self, job_id: JobId, at_ms: int, charged_micro: int) -> None:
        self.closings.append(Closing(job_id=job_id, at_ms=at_ms, charged_micro=charged_micro))
        hold = self.holds.get(job_id)
        if hold is not None:
            self.first_hold = (
                hold.position if self.first_hold is None else min(self.first_hold, hold.position)
            )


def split_off(holds: dict[JobId, Hold], event: HoldSplit, position: int) -> None:
    """Both run on under their own position: a job is submitted after its own hold, whatever that was cut from."""
    whole = holds.get(event.job_id)
    left_micro = (whole.amount_micro if whole else 0) - event.amount_micro
    if whole is not None and left_micro > 0:
        holds[event.job_id] = Hold(amount_micro=left_micro, position=whole.position)
    else:
        holds.pop(event.job_id, None)
    holds[event.into_job_id] = Hold(amount_micro=event.amount_micro, position=position)


def line_of(event: Any, address: str, at_ms: int) -> Line | None:
    """The line of an event that adds or takes credits otherwise than by a charge; None for any other."""
    match event:
        case CreditsGranted():
            return Line(
                address=address,
                at_ms=at_ms,
                movement=Movement.ADDED,
                amount_micro=event.amount_micro,
                reference=event.grant_id,
            )
        case CreditsCorrected():
            return Line(
                address=address,
                at_ms=at_ms,
                movement=Movement.CORRECTED,
                amount_micro=event.amount_micro,
                reference=event.correction_id,
                original=event.original,
            )
        case ChargeRefunded():
            return Line(
                address=address,
                at_ms=at_ms,
                movement=Movement.REFUNDED,
                amount_micro=event.amount_micro,
                job_id=event.job_id,
                reference=event.refund_id,
                original=event.original,
            )
        case CompensationPaid():
            return Line(
                address=address,
                at_ms=at_ms,
                movement=Movement.COMPENSATED,
                amount_micro=event.amount_micro,
                job_id=event.job_id,
                rules_version=event.compensation_rules_version,
            )
        case CreditsEarned() | EarningTakenBack():
            return earning_line(event, address, at_ms)
        case _:
            return None


def earning_line(event: CreditsEarned | EarningTakenBack, address: str, at_ms: int) -> Line:
    if isinstance(event, CreditsEarned):
        return Line(
            address=address,
            at_ms=at_ms,
            movement=Movement.PUBLISHED if event.island_id is None else Movement.EARNED,
            amount_micro=event.amount_micro,
            job_id=event.job_id,
            island_id=event.island_id,
            is_escrowed=event.escrowed,
        )
    return Line(
        address=address,
        at_ms=at_ms,
        movement=Movement.TAKEN_BACK,
        amount_micro=-(event.from_escrow_micro + event.from_free_micro),
        job_id=event.job_id,
        island_id=event.island_id,
        is_escrowed=bool(event.from_escrow_micro),
        original=event.original,
    )


def sums_of(lines: list[Line]) -> Mapping[Movement, int]:
    """Micro-credits of each kind of movement; 0 where there was none."""
    sums = dict.fromkeys(Movement, 0)
    for line in lines:
        sums[line.movement] += line.amount_micro
    return sums
