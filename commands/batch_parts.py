"""A part of a batch on its way to become a job, and on its way back.

Called by `commands.process.ReactionCarrier` for what the batching process asks. Inputs stay in the batch's own events,
so they are read from there. Everything here may be repeated: what was done decides nothing a second time.
"""

from dataclasses import replace
from typing import Protocol

from commands.event_log import Origin
from commands.handle import CommandHandler
from domain.account import ACCOUNT
from domain.account_commands import SplitHold
from domain.batch import BATCH
from domain.batch_commands import EndPart
from domain.batch_events import BatchSubmitted, Outcome
from domain.ids import AccountId, IslandId, JobId
from domain.job import JOB
from domain.job_commands import CancelJob, SubmitJob
from domain.job_state import Phase
from domain.rejection import Rejected, Rejection


class Printed(Protocol):
    """The output stream, as far as a cancellation needs it. Provided by `adapters.nats.outputs`."""

    async def has_text(self, island_id: IslandId, job_id: JobId, attempt: int, *, after: int) -> bool:
        """Whether the attempt has put out its first chunk behind position `after`."""
        ...


async def submit_part(
    handler: CommandHandler, batch_id: JobId, job_id: JobId, *, origin: Origin, now_ms: int
) -> None:
    """Splits the part's share off the hold of its batch and submits its job.

    Where the account may have no further job open, or where this comes so late that the job was given up meanwhile, the
    part fails.
    """
    batch = await handler.state(BATCH, batch_id)
    index = batch.running.get(job_id)
    if batch.submitted is None or index is None:
        return  # It was submitted before, and has ended since.
    try:
        await take_share(handler, batch.submitted, job_id, origin, now_ms)
        await handler.handle(JOB, job_id, job_of(batch.submitted, index, now_ms), origin=origin)
    except Rejected as rejected:
        if rejected.code not in (Rejection.OPEN_JOBS_EXCEEDED, Rejection.JOB_FINISHED):
            raise
        failed = EndPart(
            batch_id=batch_id, job_id=job_id, outcome=Outcome.FAILED, code=rejected.code, now_ms=now_ms
        )
        await handler.handle(BATCH, batch_id, failed, origin=origin)


async def take_share(
    handler: CommandHandler, of: BatchSubmitted, job_id: JobId, origin: Origin, now_ms: int
) -> None:
    share = SplitHold(
        account_id=of.account_id,
        job_id=of.batch_id,
        into_job_id=job_id,
        amount_micro=of.bid_micro,
        now_ms=now_ms,
    )
    split = replace(origin, command_id=f"{origin.command_id}.hold")
    await handler.handle(ACCOUNT, of.account_id, share, origin=split)


def job_of(of: BatchSubmitted, index: int, now_ms: int) -> SubmitJob:
    """The job that a part becomes, on the terms of its batch."""
    part = of.parts[index]
    return SubmitJob(
        job_id=part.job_id,
        account_id=of.account_id,
        cargo=of.cargo,
        input_json=part.input_json,
        bid_micro=of.bid_micro,
        unit_bid_micro=of.unit_bid_micro,
        priority=of.priority,
        region=of.region,
        privacy_tier=of.privacy_tier,
        excluded_owners=of.excluded_owners,
        request_sha256=of.request_sha256,
        queue_limit_ms=of.queue_limit_ms,
        batch_id=of.batch_id,
        batch_index=index,
        now_ms=now_ms,
    )


async def cancel_part(
    handler: CommandHandler,
    printed: Printed,
    job_id: JobId,
    account_id: AccountId,
    *,
    origin: Origin,
    now_ms: int,
) -> None:
    """Cancels the job of a part as its owner would. One that has ended, or never began, stays as it is."""
    job = await handler.state(JOB, job_id)
    has_output = (
        job.phase is Phase.RUNNING
        and job.island_id is not None
        and await printed.has_text(job.island_id, job_id, job.attempt, after=job.output_after)
    )
    command = CancelJob(job_id=job_id, account_id=account_id, has_output=has_output, now_ms=now_ms)
    try:
        await handler.handle(JOB, job_id, command, origin=origin)
    except Rejected as rejected:
        if rejected.code not in (Rejection.JOB_FINISHED, Rejection.JOB_UNKNOWN):
            raise
