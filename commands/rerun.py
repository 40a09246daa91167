"""Running a job again for the network's own account, because what it came to cannot be trusted.

Called by the audit routes. The new job's id follows from the old one's, so a job is run again once, however often it
is asked for and whatever breaks off in between.
"""

from commands.event_log import Origin
from commands.handle import CommandHandler
from commands.submission import Submission, job_id_for, submit
from domain.cargo_spec import CargoSpec
from domain.ids import NETWORK_ACCOUNT, AccountId, JobId
from domain.job import QUEUE_LIMIT_MS
from domain.job_commands import SubmitJob
from domain.job_events import JobSubmitted


def rerun_id_for(job_id: JobId) -> JobId:
    return job_id_for(NETWORK_ACCOUNT, f"rerun.{job_id}")


async def run_again(
    handler: CommandHandler,
    old: JobSubmitted,
    cargo: CargoSpec,
    *,
    excluded_owners: tuple[AccountId, ...],
    origin: Origin,
    now_ms: int,
) -> Submission:
    """The same input, in the version `cargo`, on islands of other owners. Raises `Rejected` as `submit` does."""
    command = SubmitJob(
        job_id=rerun_id_for(old.job_id),
        account_id=NETWORK_ACCOUNT,
        cargo=cargo,
        input_json=old.input_json,
        bid_micro=old.bid_micro,
        priority=old.priority,
        region=old.region,
        request_sha256=old.request_sha256,
        queue_limit_ms=QUEUE_LIMIT_MS,
        unit_bid_micro=old.unit_bid_micro,
        privacy_tier=old.privacy_tier,
        excluded_owners=excluded_owners,
        rerun_of=old.job_id,
        now_ms=now_ms,
    )
    return await submit(handler, command, origin)
