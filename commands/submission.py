"""Submitting touches two aggregates: the credits are held first, the job or the batch is appended second.

Called by the API. Nothing is lost in between: a hold whose job never arrives is closed by the expiring process, and the
same request sent again ends in the same job, because the job's id follows from the account and the Idempotency-Key.
"""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final
from uuid import UUID

from commands.event_log import Origin
from commands.handle import CommandHandler, Handled
from domain.account import ACCOUNT
from domain.account_commands import HoldCredits
from domain.batch import BATCH, Batch, BatchPhase
from domain.batch_commands import SubmitBatch
from domain.batch_events import BatchEvent
from domain.ids import AccountId, JobId
from domain.job import JOB
from domain.job_commands import SubmitJob
from domain.job_events import JobEvent
from domain.job_state import Job, Phase
from domain.rejection import Rejected, Rejection

KEY_REUSED: Final = "Idempotency-Key: used for another request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    handled: Handled[Job, JobEvent]
    is_new: bool


async def submit(handler: CommandHandler, command: SubmitJob, origin: Origin) -> Submission:
    """Holds the bid and records the job; a repeated request finds the job it made.

    Raises `Rejected`: credits_short, open_jobs_exceeded, account_unknown, idempotency_mismatch.
    """
    hold = HoldCredits(
        account_id=command.account_id,
        job_id=command.job_id,
        amount_micro=command.bid_micro,
        now_ms=command.now_ms,
    )
    if not await hold_bid(handler, hold, origin):
        job = await handler.state(JOB, command.job_id)
        if job.phase is Phase.UNSUBMITTED:
            raise Rejected(Rejection.IDEMPOTENCY_MISMATCH, KEY_REUSED)
    handled = await handler.handle(JOB, command.job_id, command, origin=origin)
    return Submission(handled=handled, is_new=bool(handled.events))


async def submit_batch(
    handler: CommandHandler, command: SubmitBatch, origin: Origin
) -> Handled[Batch, BatchEvent]:
    """Holds the bids of all parts and records the batch. Repeated, it records nothing.

    Raises `Rejected` as `submit` does.
    """
    hold = HoldCredits(
        account_id=command.account_id,
        job_id=command.batch_id,
        amount_micro=command.hold_micro,
        now_ms=command.now_ms,
        is_batch=True,
    )
    if not await hold_bid(handler, hold, origin):
        batch = await handler.state(BATCH, command.batch_id)
        if batch.phase is BatchPhase.UNSUBMITTED:
            raise Rejected(Rejection.IDEMPOTENCY_MISMATCH, KEY_REUSED)
    return await handler.handle(BATCH, command.batch_id, command, origin=origin)


async def hold_bid(handler: CommandHandler, hold: HoldCredits, origin: Origin) -> bool:
    """Holds a bid. False where another amount is held already: of another request, or because part of this very hold
    was split off since, for a part of the batch or for a second run of the job.
    """
    held = replace(origin, command_id=f"{origin.command_id}.hold")
    try:
        await handler.handle(ACCOUNT, hold.account_id, hold, origin=held)
    except Rejected as rejected:
        if rejected.code is not Rejection.IDEMPOTENCY_MISMATCH:
            raise
        return False
    return True


def job_id_for(account_id: AccountId, idempotency_key: str) -> JobId:
    """The one job that this key can ever make in this account."""
    return id_from(account_id, idempotency_key)


def batch_id_for(account_id: AccountId, idempotency_key: str) -> JobId:
    """The one batch that this key can ever make in this account; never the id of a job."""
    return id_from("batch", account_id, idempotency_key)


def part_id_for(batch_id: JobId, index: int) -> JobId:
    """The one job that a part of a batch can ever be."""
    return id_from("part", batch_id, str(index))


def id_from(*parts: str) -> JobId:
    """The same for the same parts. The separator keeps (`a`, `bc`) and (`ab`, `c`) apart."""
    digest = sha256("\0".join(parts).encode()).digest()
    return JobId(str(UUID(bytes=digest[:16], version=5)))
