"""Submitting a job touches two aggregates: the credits are held first, the job is appended second.

Called by the API. Nothing is lost in between: a hold whose job never arrives is closed by the expiring process, and the
same request sent again ends in the same job, because the job's id follows from the account and the Idempotency-Key.
"""

from dataclasses import dataclass, replace
from hashlib import sha256
from uuid import UUID

from commands.event_log import Origin
from commands.handle import CommandHandler, Handled
from domain.account import ACCOUNT
from domain.account_commands import HoldCredits
from domain.ids import AccountId, JobId
from domain.job import JOB
from domain.job_commands import SubmitJob
from domain.job_events import JobEvent
from domain.job_state import Job


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
    held = replace(origin, command_id=f"{origin.command_id}.hold")
    await handler.handle(ACCOUNT, command.account_id, hold, origin=held)
    handled = await handler.handle(JOB, command.job_id, command, origin=origin)
    return Submission(handled=handled, is_new=bool(handled.events))


def job_id_for(account_id: AccountId, idempotency_key: str) -> JobId:
    """The one job that this key can ever make in this account."""
    digest = sha256(f"{account_id}\0{idempotency_key}".encode()).digest()
    return JobId(str(UUID(bytes=digest[:16], version=5)))
