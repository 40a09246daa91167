"""Further runs of a job: how one that a check has ordered becomes a job, is withdrawn, or a past result doubted.

Reactions of checking and settling, carried out by `commands.process.ReactionCarrier`. What a further run needs to know
is read from the first commit of the job that it repeats, so that no input is stored twice in a check. A run that cannot
be paid or has been given up is told to the check as one that will not answer; nothing here stops the process.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from commands.event_log import Commit, Origin
from commands.handle import CommandHandler
from domain.account import ACCOUNT
from domain.account_commands import HoldCredits, SplitHold
from domain.account_events import HoldSettled
from domain.cargo_spec import Determinism
from domain.check import CHECK, CHECK_LIMIT_MS
from domain.check_commands import CheckResult, RecordNoAnswer
from domain.check_draw import CheckReason
from domain.check_events import ReplicaOrdered
from domain.ids import AccountId, JobId
from domain.job import JOB
from domain.job_commands import CancelJob, SubmitJob
from domain.job_events import JobSubmitted, JobSucceeded
from domain.refund import REFUND, RequestRefund
from domain.rejection import Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitReplica:
    order: ReplicaOrdered
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawReplica:
    """Nobody waits for this run any longer."""

    replica_id: JobId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtResult:
    """The island that delivered this result was caught with a wrong one."""

    job_id: JobId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundResult:
    """A result that had been paid proved wrong."""

    job_id: JobId
    account_id: AccountId
    now_ms: int


ReplicaReaction = SubmitReplica | WithdrawReplica | DoubtResult | RefundResult


class Replicas:
    def __init__(self, handler: CommandHandler) -> None:
        self._handler = handler

    async def submit(self, reaction: SubmitReplica, origin: Origin) -> None:
        order = reaction.order
        first = await self._handler.first(JOB, order.job_id)
        assert first is not None
        hold, job = replica_commands(first.events[0], order)
        try:
            await self._handler.handle(ACCOUNT, order.account_id, hold, origin=part(origin, "hold"))
            await self._handler.handle(JOB, order.replica_id, job, origin=origin)
        except Rejected:
            silent = RecordNoAnswer(job_id=order.job_id, run_id=order.replica_id, now_ms=reaction.now_ms)
            await self._handler.handle(CHECK, order.job_id, silent, origin=part(origin, "unanswered"))

    async def withdraw(self, reaction: WithdrawReplica, origin: Origin) -> None:
        """Free of charge: its account has not seen an answer of this run. Nothing where it has ended."""
        job = await self._handler.state(JOB, reaction.replica_id)
        if job.account_id is None:
            return
        command = CancelJob(
            job_id=reaction.replica_id,
            account_id=job.account_id,
            has_output=False,
            now_ms=reaction.now_ms,
        )
        try:
            await self._handler.handle(JOB, reaction.replica_id, command, origin=origin)
        except Rejected:
            return  # It has ended in the meantime; its answer is a late one.

    async def doubt(self, reaction: DoubtResult, origin: Origin) -> None:
        history = await self._handler.history(JOB, reaction.job_id)
        command = doubt_command([event for commit in history for event in commit.events], reaction.now_ms)
        if command is not None:
            await self._handler.handle(CHECK, reaction.job_id, command, origin=origin)

    async def refund(self, reaction: RefundResult, origin: Origin) -> None:
        """Nothing where it was never charged."""
        history = await self._handler.history(ACCOUNT, reaction.account_id)
        command = refund_command(history, reaction)
        if command is not None:
            await self._handler.handle(REFUND, reaction.job_id, command, origin=origin)


def part(origin: Origin, name: str) -> Origin:
    return replace(origin, command_id=f"{origin.command_id}.{name}")


def replica_commands(
    submitted: JobSubmitted, order: ReplicaOrdered
) -> tuple[HoldCredits | SplitHold, SubmitJob]:
    """What holds the run's credits, and the run. A customer's comes out of the customer's one hold."""
    run_bid_micro = order.bid_micro or submitted.bid_micro // submitted.redundancy
    hold: HoldCredits | SplitHold = HoldCredits(
        account_id=order.account_id,
        job_id=order.replica_id,
        amount_micro=run_bid_micro,
        now_ms=order.ordered_at_ms,
    )
    if order.reason is CheckReason.REDUNDANCY:
        hold = SplitHold(
            account_id=order.account_id,
            job_id=order.job_id,
            into_job_id=order.replica_id,
            amount_micro=run_bid_micro,
            now_ms=order.ordered_at_ms,
        )
    return hold, replica_submission(submitted, order, run_bid_micro)


def replica_submission(submitted: JobSubmitted, order: ReplicaOrdered, run_bid_micro: int) -> SubmitJob:
    asked_for = order.reason is CheckReason.REDUNDANCY
    limit_ms = submitted.queue_limit_ms
    return SubmitJob(
        job_id=order.replica_id,
        account_id=order.account_id,
        cargo=submitted.cargo,
        input_json=submitted.input_json,
        bid_micro=run_bid_micro,
        priority=submitted.priority,
        region=submitted.region,
        request_sha256=submitted.request_sha256,
        queue_limit_ms=limit_ms if asked_for else min(limit_ms, CHECK_LIMIT_MS),
        now_ms=order.ordered_at_ms,
        check_id=order.job_id,
        unit_bid_micro=submitted.unit_bid_micro,
        privacy_tier=submitted.privacy_tier,
        excluded_owners=tuple(sorted({*submitted.excluded_owners, *order.excluded_owners})),
        only_island=order.only_island,
    )


def doubt_command(history: list[Any], now_ms: int) -> CheckResult | None:
    """A second look at a past success, where a second look can tell anything."""
    submitted, ended = history[0], history[-1]
    assert isinstance(submitted, JobSubmitted)
    if not isinstance(ended, JobSucceeded) or submitted.cargo.determinism is not Determinism.EXACT:
        return None
    return CheckResult(run=ended, reason=CheckReason.RECHECK, now_ms=now_ms)


def refund_command(history: Sequence[Commit], reaction: RefundResult) -> RequestRefund | None:
    """Puts the settlement of the job right, which stands in the history of the account that paid."""
    for commit in reversed(history):
        for index, event in enumerate(commit.events):
            if isinstance(event, HoldSettled) and event.job_id == reaction.job_id:
                return RequestRefund(
                    job_id=event.job_id,
                    account_id=event.account_id,
                    original=f"{commit.position}.{index}",
                    platform_fee_micro=event.platform_fee_micro,
                    publisher_micro=event.publisher_micro,
                    island_micro=event.island_micro,
                    island_id=event.island_id,
                    owner_id=event.owner_id,
                    publisher_id=event.publisher_id,
                    reason="result contradicted",
                    now_ms=reaction.now_ms,
                )
    return None
