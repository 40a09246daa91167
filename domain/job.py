"""A job: one request to run a cargo on one input, placed attempt by attempt until it ends.

The attempt number is the fencing token: it grows by one with every placement, and whoever speaks for an older attempt
is rejected. A lease is the time an attempt has left; whether a renewal or an expiry came first is settled by the order
of the log. Events carry the account, owner and price they concern, so that settling, karma and every read model need no
second look-up.
"""

from typing import Final, assert_never

from domain.cargo_spec import CargoSpec, Determinism
from domain.check_draw import CheckReason
from domain.decider import Decider
from domain.failure import (
    CARGO_FAULT_ON_SECOND_ISLAND,
    FAULT_OF,
    Failure,
    Fault,
    JobEnd,
    Loss,
)
from domain.ids import AccountId, IslandId, JobId
from domain.job_commands import (
    AbandonAttempt,
    AbandonJob,
    AssignJob,
    CancelJob,
    DeferPlacement,
    ExpireLease,
    FailAttempt,
    JobCommand,
    RenewLease,
    ReturnAttempt,
    StartAttempt,
    StopJob,
    SubmitJob,
    SucceedAttempt,
    TimeOutJob,
)
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    AttemptStarted,
    JobAbandoned,
    JobAssigned,
    JobCancelled,
    JobEvent,
    JobFailed,
    JobSubmitted,
    JobSucceeded,
    LeaseRenewed,
    PlacementDeferred,
    ended_at_ms,
    what_happened,
)
from domain.job_state import ENDED, Job, Phase, evolve
from domain.metering import Reading, charge_micro, reading, units_used
from domain.rejection import Rejected, Rejection

FAILED_ATTEMPTS_MAX: Final = 3
ATTEMPTS_MAX: Final = 10
LEASE_MS: Final = 60_000
LEASE_GRACE_MS: Final = 5_000
LEASE_STEP_MS: Final = (
    10_000  # A renewal that adds less is no news: six facts a minute, however often it is sent.
)
LOAD_ALLOWANCE_MS: Final = 60_000  # Added to the time limit for fetching and loading a cargo.
QUEUE_LIMIT_MS: Final = 600_000
ABANDON_AFTER_MS: Final = 60_000
DETAIL_CHARACTERS_MAX: Final = 2_000


def decide(job: Job, command: JobCommand) -> list[JobEvent]:
    match command:
        case SubmitJob():
            return submit(job, command)
        case AbandonJob():
            return abandon(job, command)
        case _ if job.account_id is None:
            raise Rejected(Rejection.JOB_UNKNOWN, f"no job {command.job_id}")
        case AssignJob():
            return assign(job, job.account_id, command)
        case DeferPlacement():
            return defer(job, job.account_id, command)
        case StartAttempt():
            return start(job, job.account_id, command)
        case RenewLease():
            return renew(job, command)
        case SucceedAttempt():
            return succeed(job, job.account_id, command)
        case FailAttempt():
            return fail(job, job.account_id, command)
        case ReturnAttempt():
            return give_back(job, job.account_id, command)
        case ExpireLease():
            return expire(job, job.account_id, command)
        case AbandonAttempt():
            return abandon_attempt(job, job.account_id, command)
        case StopJob():
            return stop(job, job.account_id, command)
        case TimeOutJob():
            return time_out(job, job.account_id, command)
        case CancelJob():
            return cancel(job, command)
        case _:
            assert_never(command)


def submit(job: Job, command: SubmitJob) -> list[JobEvent]:
    if job.phase is Phase.ABANDONED:
        raise Rejected(Rejection.JOB_FINISHED, "the job was given up before it arrived; submit it again")
    if job.phase is not Phase.UNSUBMITTED:
        same = (job.account_id, job.request_sha256) == (command.account_id, command.request_sha256)
        if not same:
            raise Rejected(Rejection.IDEMPOTENCY_MISMATCH, "Idempotency-Key: used for another request")
        return []
    assert command.bid_micro > 0
    return [
        JobSubmitted(
            job_id=command.job_id,
            account_id=command.account_id,
            cargo=command.cargo,
            input_json=command.input_json,
            bid_micro=command.bid_micro,
            priority=command.priority,
            region=command.region,
            request_sha256=command.request_sha256,
            queue_limit_ms=command.queue_limit_ms,
            submitted_at_ms=command.now_ms,
            batch_id=command.batch_id,
            batch_index=command.batch_index,
            check_id=command.check_id,
            redundancy=command.redundancy,
            unit_bid_micro=command.unit_bid_micro,
            privacy_tier=command.privacy_tier,
            excluded_owners=command.excluded_owners,
            only_island=command.only_island,
            rerun_of=command.rerun_of,
            bid_source=command.bid_source,
        )
    ]


def abandon(job: Job, command: AbandonJob) -> list[JobEvent]:
    if job.phase is not Phase.UNSUBMITTED:
        return []
    return [
        JobAbandoned(job_id=command.job_id, account_id=command.account_id, abandoned_at_ms=command.now_ms)
    ]


def assign(job: Job, account_id: AccountId, command: AssignJob) -> list[JobEvent]:
    if job.attempt == command.attempt and job.island_id == command.island_id:
        return []
    if job.phase is not Phase.SUBMITTED:
        raise Rejected(Rejection.JOB_NOT_WAITING, f"job is {job.phase}")
    if command.attempt != job.attempt + 1:
        raise Rejected(Rejection.ATTEMPT_OUT_OF_ORDER, f"attempt: {job.attempt + 1} is next")
    assert job.cargo is not None
    if command.price_micro > job.ask_limit_micro:
        raise Rejected(
            Rejection.PRICE_ABOVE_BID, f"price_micro: {command.price_micro} > {job.ask_limit_micro}"
        )
    return [
        JobAssigned(
            job_id=command.job_id,
            account_id=account_id,
            cargo_slug=job.cargo.slug,
            attempt=command.attempt,
            island_id=command.island_id,
            owner_id=command.owner_id,
            price_micro=command.price_micro,
            assigned_at_ms=command.now_ms,
            lease_ends_at_ms=command.now_ms + LEASE_MS,
            output_after=command.output_after,
            explanation=command.explanation,
            check=CheckReason.REDUNDANCY if job.redundancy > 1 else command.check,
        )
    ]


def defer(job: Job, account_id: AccountId, command: DeferPlacement) -> list[JobEvent]:
    explanation = command.explanation
    refusals = explanation.refusals
    is_old = command.now_ms <= job.deferred_at_ms  # Else an old one, repeated, would hide a newer.
    if (
        job.phase is not Phase.SUBMITTED
        or is_old
        or {r.code for r in refusals} == {r.code for r in job.refusals}
    ):
        return []
    return [
        PlacementDeferred(
            job_id=command.job_id,
            account_id=account_id,
            refusals=refusals,
            considered=explanation.considered,
            deferred_at_ms=command.now_ms,
            rules_version=explanation.rules_version,
            view_position=explanation.view_position,
            turn=explanation.turn,
        )
    ]


def check_holder(job: Job, attempt: int, island_id: IslandId) -> None:
    """Raises unless the island holds this very attempt."""
    if job.phase in ENDED:
        raise Rejected(Rejection.JOB_FINISHED, f"job is {job.phase}")
    if not job.is_live or job.attempt != attempt:
        raise Rejected(Rejection.ATTEMPT_SUPERSEDED, f"attempt: {attempt} is over, {job.attempt} was last")
    if job.island_id != island_id:
        raise Rejected(Rejection.ISLAND_NOT_OWNER, "another island holds this attempt")


def start(job: Job, account_id: AccountId, command: StartAttempt) -> list[JobEvent]:
    check_holder(job, command.attempt, command.island_id)
    if job.phase is Phase.RUNNING:
        return []
    assert job.cargo is not None
    return [
        AttemptStarted(
            job_id=command.job_id,
            account_id=account_id,
            attempt=command.attempt,
            island_id=command.island_id,
            started_at_ms=command.now_ms,
            deadline_ms=command.now_ms + job.cargo.limits.wall_s * 1000 + LOAD_ALLOWANCE_MS,
            lease_ends_at_ms=max(job.lease_ends_at_ms, command.now_ms + LEASE_MS),
        )
    ]


def renew(job: Job, command: RenewLease) -> list[JobEvent]:
    check_holder(job, command.attempt, command.island_id)
    ends_at_ms = command.now_ms + min(command.extend_ms, LEASE_MS)
    if ends_at_ms < job.lease_ends_at_ms + LEASE_STEP_MS:
        return []
    return [
        LeaseRenewed(
            job_id=command.job_id,
            attempt=command.attempt,
            island_id=command.island_id,
            lease_ends_at_ms=ends_at_ms,
        )
    ]


def succeed(job: Job, account_id: AccountId, command: SucceedAttempt) -> list[JobEvent]:
    if job.has_succeeded(command.attempt, command.island_id):
        return []
    check_holder(job, command.attempt, command.island_id)
    assert job.cargo is not None
    assert job.owner_id is not None
    longest_ms = longest_work_ms(job, job.cargo, command.now_ms)
    worked_ms = max(0, min(command.usage.wall_ms or longest_ms, longest_ms))
    units = units_used(job.cargo.price_unit, used_in(job.cargo, command, worked_ms))
    return [
        JobSucceeded(
            job_id=command.job_id,
            account_id=account_id,
            cargo_slug=job.cargo.slug,
            attempt=command.attempt,
            island_id=command.island_id,
            owner_id=job.owner_id,
            publisher_id=job.cargo.publisher_id,
            price_micro=job.price_micro,
            output=command.output,
            usage=command.usage,
            worked_ms=worked_ms,
            succeeded_at_ms=command.now_ms,
            grade=command.grade,
            runtime=job.cargo.runtime,
            is_exact=job.cargo.determinism is Determinism.EXACT,
            check=job.check,
            check_id=command.job_id if job.check and not job.check_id else job.check_id,
            charge_micro=charge_for(job, units),
            price_unit=job.cargo.price_unit,
            units=units,
            batch_id=job.batch_id,
        )
    ]


def longest_work_ms(job: Job, cargo: CargoSpec, now_ms: int) -> int:
    """For how long the island can have worked by our clock and was allowed to.

    It earns karma and seconds for no longer, and for that long where it does not say how long it worked.
    """
    return max(0, min(cargo.limits.wall_s * 1000, now_ms - job.working_since_ms))


def used_in(cargo: CargoSpec, success: SucceedAttempt, worked_ms: int) -> Reading:
    return reading(
        worked_ms=worked_ms,
        tokens_claimed=success.usage.completion_tokens,
        output_bytes=success.output.output_bytes,
        fuel_claimed=success.usage.fuel,
        fuel_max=cargo.limits.fuel,
    )


def charge_for(job: Job, units: int) -> int:
    """What the present attempt costs if it used so many units. An island may have asked for nothing."""
    if not job.price_micro:
        return 0
    return charge_micro(unit_price_micro=job.price_micro, units=units, hold_micro=job.run_bid_micro)


def awaited_by(job: Job, job_id: JobId) -> JobId | None:
    """The check that waits for an answer of this job and has to hear that none will come."""
    return job_id if job.redundancy > 1 else job.check_id


def fail(job: Job, account_id: AccountId, command: FailAttempt) -> list[JobEvent]:
    check_holder(job, command.attempt, command.island_id)
    fault = FAULT_OF[command.code]
    blamed_before = job.blamed.get(command.code)
    if command.code in CARGO_FAULT_ON_SECOND_ISLAND and blamed_before not in (None, command.island_id):
        fault = Fault.CARGO
    detail = command.detail[:DETAIL_CHARACTERS_MAX]
    failed = AttemptFailed(
        job_id=command.job_id,
        account_id=account_id,
        attempt=command.attempt,
        island_id=command.island_id,
        code=command.code,
        fault=fault,
        detail=detail,
        failed_at_ms=command.now_ms,
    )
    if fault is Fault.CARGO:
        end = ended_in_failure(job, account_id, command.job_id, command.code, detail, now_ms=command.now_ms)
        return [failed, end]
    return [failed, *out_of_attempts(job, failed, counted=True)]


def give_back(job: Job, account_id: AccountId, command: ReturnAttempt) -> list[JobEvent]:
    check_holder(job, command.attempt, command.island_id)
    returned = AttemptReturned(
        job_id=command.job_id,
        account_id=account_id,
        attempt=command.attempt,
        island_id=command.island_id,
        reason=command.reason,
        was_started=job.phase is Phase.RUNNING,
        returned_at_ms=command.now_ms,
    )
    return [returned, *out_of_attempts(job, returned, counted=False)]


def expire(job: Job, account_id: AccountId, command: ExpireLease) -> list[JobEvent]:
    overdue = command.now_ms >= job.lease_ends_at_ms + LEASE_GRACE_MS
    if not job.is_live or job.attempt != command.attempt or not overdue:
        return []
    loss = Loss.LEASE_LOST if job.phase is Phase.RUNNING else Loss.NEVER_STARTED
    return lose(job, account_id, command, loss)


def abandon_attempt(job: Job, account_id: AccountId, command: AbandonAttempt) -> list[JobEvent]:
    is_held = job.is_live and (job.attempt, job.island_id) == (command.attempt, command.island_id)
    return lose(job, account_id, command, Loss.ISLAND_BARRED) if is_held else []


def stop(job: Job, account_id: AccountId, command: StopJob) -> list[JobEvent]:
    if job.phase in ENDED:
        return []
    detail = f"the cargo was disabled: {command.reason}"[:DETAIL_CHARACTERS_MAX]
    end = ended_in_failure(
        job, account_id, command.job_id, JobEnd.CARGO_DISABLED, detail, now_ms=command.now_ms
    )
    return [lost_attempt(job, account_id, command, Loss.CARGO_DISABLED), end] if job.is_live else [end]


def lose(job: Job, payer: AccountId, command: ExpireLease | AbandonAttempt, loss: Loss) -> list[JobEvent]:
    lost = lost_attempt(job, payer, command, loss)
    return [lost, *out_of_attempts(job, lost, counted=loss.is_counted)]


def lost_attempt(
    job: Job, payer: AccountId, command: ExpireLease | AbandonAttempt | StopJob, loss: Loss
) -> AttemptLost:
    assert job.island_id is not None
    return AttemptLost(
        job_id=command.job_id,
        account_id=payer,
        attempt=job.attempt,
        island_id=job.island_id,
        loss=loss,
        lost_at_ms=command.now_ms,
    )


def time_out(job: Job, account_id: AccountId, command: TimeOutJob) -> list[JobEvent]:
    if job.phase is Phase.SUBMITTED and command.now_ms >= job.queue_deadline_ms:
        reasons = ", ".join(f"{r.code} {r.count}" for r in job.refusals) or "no island has registered"
        detail = f"no island took the job in time: {reasons}"
        return [
            ended_in_failure(
                job, account_id, command.job_id, JobEnd.UNPLACEABLE, detail, now_ms=command.now_ms
            )
        ]
    if job.phase is Phase.RUNNING and command.now_ms >= job.deadline_ms:
        assert job.island_id is not None
        overrun = FailAttempt(
            job_id=command.job_id,
            attempt=job.attempt,
            island_id=job.island_id,
            code=Failure.TIMED_OUT,
            detail="the time limit of the cargo has passed",
            now_ms=command.now_ms,
        )
        return fail(job, account_id, overrun)
    return []


def ended_in_failure(
    job: Job, account_id: AccountId, job_id: JobId, code: Failure | JobEnd, detail: str, *, now_ms: int
) -> JobFailed:
    return JobFailed(
        job_id=job_id,
        account_id=account_id,
        code=code,
        detail=detail,
        attempt=job.attempt,
        island_id=job.island_id,
        failed_at_ms=now_ms,
        check_id=awaited_by(job, job_id),
        batch_id=job.batch_id,
    )


def out_of_attempts(
    job: Job, last: AttemptLost | AttemptFailed | AttemptReturned, *, counted: bool
) -> list[JobEvent]:
    """The end of a job whose attempts are used up, in the same commit as the last of them."""
    failed = job.failed_attempts + counted
    if failed < FAILED_ATTEMPTS_MAX and job.attempt < ATTEMPTS_MAX:
        return []
    detail = (
        f"{failed} attempts failed or were lost, {job.attempt} were made; the last one: {what_happened(last)}"
    )
    return [
        ended_in_failure(
            job,
            last.account_id,
            last.job_id,
            JobEnd.ATTEMPTS_EXHAUSTED,
            detail[:DETAIL_CHARACTERS_MAX],
            now_ms=ended_at_ms(last),
        )
    ]


def cancel(job: Job, command: CancelJob) -> list[JobEvent]:
    if job.account_id != command.account_id:
        raise Rejected(Rejection.JOB_UNKNOWN, f"no job {command.job_id}")
    if job.phase is Phase.CANCELLED:
        return []
    if job.phase in ENDED:
        raise Rejected(Rejection.JOB_FINISHED, f"job is {job.phase} already")
    assert job.cargo is not None
    due = job.phase is Phase.RUNNING and command.has_output
    # Nobody has told tokens or fuel yet.
    worked = Reading(worked_ms=longest_work_ms(job, job.cargo, command.now_ms))
    units = units_used(job.cargo.price_unit, worked) if due else 1
    return [
        JobCancelled(
            job_id=command.job_id,
            account_id=command.account_id,
            attempt=job.attempt,
            island_id=job.island_id,
            owner_id=job.owner_id,
            publisher_id=job.cargo.publisher_id,
            charge_micro=charge_for(job, units) if due else 0,
            cancelled_at_ms=command.now_ms,
            check_id=awaited_by(job, command.job_id),
            batch_id=job.batch_id,
            price_unit=job.cargo.price_unit,
            units=units,
            unit_price_micro=job.price_micro if due else 0,
        )
    ]


JOB: Decider[JobCommand, Job, JobEvent] = Decider("job", Job(), decide, evolve)
