"""Why an island's karma is what it is, at any moment: every change with the address of its event.

Called by the karma routes with the island's own history. Pure: the same commits always give the same statement, and
the deltas of a statement always add up to its karma.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from commands.event_log import Commit
from domain.ids import JobId
from domain.island_events import FloodPenalized, KarmaPenalized, WorkCredited
from domain.karma import Penalty

WORK: Final = "work"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Up to where a past is looked at: a position of the log, or a time (Unix ms), or its end where both are None."""

    position: int | None = None
    at_ms: int | None = None

    def includes(self, commit: Commit) -> bool:
        if self.position is not None:
            return commit.position <= self.position
        return self.at_ms is None or commit.recorded_at_ms <= self.at_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class KarmaChange:
    """One event that moved karma, or worked towards it. Its address is `(position, index)`; `cause` is `work` or a
    `Penalty`. `worked_ms` and `multiplier_permille` are 0 for penalties, `karma` is what it came to.
    """

    position: int
    index: int
    at_ms: int
    cause: str
    delta: int
    karma: int
    job_id: JobId | None
    worked_ms: int
    multiplier_permille: int
    rules_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KarmaStatement:
    """`pending_minutes` are worked towards the next point of karma. `changes` are oldest first."""

    karma: int = 0
    pending_minutes: int = 0
    changes: tuple[KarmaChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KarmaTerm:
    """Changes of one cause that followed each other, as one term of the sum. `job_ids` are those of penalties."""

    cause: str
    delta: int
    count: int
    job_ids: tuple[JobId, ...]


def karma_statement(history: Iterable[Commit], moment: Moment) -> KarmaStatement:
    """What the island's history says of its karma up to `moment`."""
    karma = pending_minutes = 0
    changes: list[KarmaChange] = []
    for commit in history:
        if not moment.includes(commit):
            break
        for change, pending in changes_of(commit):
            changes.append(change)
            karma = change.karma
            pending_minutes = pending_minutes if pending is None else pending
    return KarmaStatement(karma=karma, pending_minutes=pending_minutes, changes=tuple(changes))


def changes_of(commit: Commit) -> Iterator[tuple[KarmaChange, int | None]]:
    """Each change, and the minutes that are pending behind it where it moved them."""
    for index, event in enumerate(commit.events):
        match event:
            case WorkCredited():
                yield work(commit, index, event), event.pending_minutes
            case KarmaPenalized():
                yield penalty(commit, index, event, event.penalty, event.job_id), None
            case FloodPenalized():
                yield penalty(commit, index, event, Penalty.FLOODED, None), None
            case _:
                pass


def work(commit: Commit, index: int, event: WorkCredited) -> KarmaChange:
    return KarmaChange(
        position=commit.position,
        index=index,
        at_ms=event.credited_at_ms,
        cause=WORK,
        delta=event.karma_delta,
        karma=event.karma,
        job_id=event.job_id,
        worked_ms=event.worked_ms,
        multiplier_permille=event.multiplier_permille,
        rules_version=event.karma_rules_version,
    )


def penalty(
    commit: Commit, index: int, event: KarmaPenalized | FloodPenalized, cause: Penalty, job_id: JobId | None
) -> KarmaChange:
    return KarmaChange(
        position=commit.position,
        index=index,
        at_ms=event.penalized_at_ms,
        cause=cause,
        delta=event.karma_delta,
        karma=event.karma,
        job_id=job_id,
        worked_ms=0,
        multiplier_permille=0,
        rules_version=event.karma_rules_version,
    )


def terms_of(changes: Sequence[KarmaChange]) -> tuple[KarmaTerm, ...]:
    """The sum that makes the karma, in the order it grew. What moved nothing is no term."""
    terms: list[KarmaTerm] = []
    for change in changes:
        if not change.delta:
            continue
        jobs: tuple[Any, ...] = () if change.cause == WORK or change.job_id is None else (change.job_id,)
        last = terms[-1] if terms and terms[-1].cause == change.cause else None
        term = KarmaTerm(
            cause=change.cause,
            delta=change.delta + (last.delta if last else 0),
            count=1 + (last.count if last else 0),
            job_ids=(last.job_ids if last else ()) + jobs,
        )
        terms[len(terms) - bool(last) :] = [term]
    return tuple(terms)
