"""Processes: events in, commands and messages out. The two kinds, and how a batch of commits goes through one.

A **process** reacts to single events; its position is saved after everything it asked for was carried out. A crash in
between repeats the same commands under the same ids, and a repeated command decides nothing, because that is a property
of every aggregate: no outbox, no deduplication window. Events carry what processes need, so processes hold no state.

A **planner** is level-triggered: it folds events into a picture and is asked, again and again, what should be done now.
What it asks for may be asked twice without harm; its picture is saved now and then so that a restart need not read the
whole log. Runners: `api/workers.py` and, over a memory log, the tests.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, assert_never

from commands.batch_parts import Printed, cancel_part, submit_part
from commands.event_log import Commit, Origin
from commands.handle import CommandHandler
from commands.replicas import (
    DoubtResult,
    RefundResult,
    ReplicaReaction,
    Replicas,
    SubmitReplica,
    WithdrawReplica,
)
from domain.decider import Decider
from domain.ids import AccountId, IslandId, JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command to be carried out, and on which aggregate."""

    decider: Decider[Any, Any, Any]
    aggregate_id: str
    command: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAssignment:
    """Put the attempt into the island's mailbox; sending it twice delivers it once."""

    job_id: JobId
    attempt: int
    island_id: IslandId
    lease_ends_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendCancel:
    """Tell the island to stop an attempt. `reason`: user, lease_lost, superseded or deadline."""

    job_id: JobId
    attempt: int
    island_id: IslandId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitPart:
    """Make a job of a part of a batch."""

    batch_id: JobId
    job_id: JobId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelPart:
    """Cancel the job of a part, as the account that pays for it would."""

    job_id: JobId
    account_id: AccountId
    now_ms: int


Reaction = Order | SendAssignment | SendCancel | SubmitPart | CancelPart | ReplicaReaction


class Mailbox(Protocol):
    """How the coordinator speaks to islands. Provided by `adapters.nats.mailbox`."""

    async def send_assignment(self, notice: SendAssignment) -> None: ...

    async def send_cancel(self, notice: SendCancel) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """`react(event, at_ms)` is pure; `at_ms` is when the log recorded the event, so a repetition asks for the same."""

    name: str
    react: Callable[[Any, int], Sequence[Reaction]]


class Planner(Protocol):
    """`take` folds one commit into the picture; `plan` is pure in the picture and the time."""

    @property
    def name(self) -> str: ...

    def take(self, commit: Commit) -> None: ...

    def plan(self, now_ms: int) -> Sequence[Order]: ...

    def failed(self, order: Order) -> None: ...


class ReactionCarrier:
    """Carries reactions out: commands through the handler, messages through the mailbox.

    What an attempt has `printed` decides whether its cancellation is charged.
    """

    def __init__(self, handler: CommandHandler, mailbox: Mailbox, printed: Printed) -> None:
        self._handler = handler
        self._mailbox = mailbox
        self._replicas = Replicas(handler)
        self._printed = printed

    async def carry_out(self, reaction: Reaction, origin: Origin) -> None:
        match reaction:
            case Order():
                await self._handler.handle(
                    reaction.decider, reaction.aggregate_id, reaction.command, origin=origin
                )
            case SendAssignment():
                await self._mailbox.send_assignment(reaction)
            case SendCancel():
                await self._mailbox.send_cancel(reaction)
            case SubmitReplica():
                await self._replicas.submit(reaction, origin)
            case WithdrawReplica():
                await self._replicas.withdraw(reaction, origin)
            case DoubtResult():
                await self._replicas.doubt(reaction, origin)
            case RefundResult():
                await self._replicas.refund(reaction, origin)
            case SubmitPart():
                await submit_part(
                    self._handler,
                    reaction.batch_id,
                    reaction.job_id,
                    origin=origin,
                    now_ms=reaction.now_ms,
                )
            case CancelPart():
                await cancel_part(
                    self._handler,
                    self._printed,
                    reaction.job_id,
                    reaction.account_id,
                    origin=origin,
                    now_ms=reaction.now_ms,
                )
            case _:
                assert_never(reaction)


async def advance(process: Process, commits: Sequence[Commit], carrier: ReactionCarrier) -> None:
    """Takes a batch of commits through a process. Commits of one aggregate keep their order; others run side by side.

    Raises a group of what failed reactions raised; then nothing of the batch counts as done and all of it is repeated.
    """
    by_stream: dict[str, list[Commit]] = {}
    for commit in commits:
        by_stream.setdefault(commit.stream, []).append(commit)
    async with asyncio.TaskGroup() as group:
        for of_one_aggregate in by_stream.values():
            if any(process.react(event, 0) for commit in of_one_aggregate for event in commit.events):
                group.create_task(_advance_in_order(process, of_one_aggregate, carrier))


async def _advance_in_order(process: Process, commits: Sequence[Commit], carrier: ReactionCarrier) -> None:
    for commit in commits:
        for index, event in enumerate(commit.events):
            cause = f"{commit.position}.{index}"
            for number, reaction in enumerate(process.react(event, commit.recorded_at_ms)):
                command_id = f"{process.name}.{cause}.{number}"
                origin = Origin(
                    command_id=command_id,
                    cause=cause,
                    actor=process.name,
                    correlation_id=commit.origin.correlation_id,
                )
                await carrier.carry_out(reaction, origin)
