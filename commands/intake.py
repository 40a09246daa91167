"""The intake: from what an island claims to what is a fact.

Called by the claim mailbox for one claim at a time per attempt, after `adapters.claim_check`. A claim becomes a
command; the decider checks the fence (current attempt, this island); whatever it refuses is raised as `ClaimRejected`
and kept with its reason. A success counts only with a complete output, inside the limits and not empty; an island that
signs must have told its digest too.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Final, Protocol, assert_never

from commands.event_log import Origin
from commands.handle import CommandHandler
from commands.process import Mailbox, SendCancel
from domain.claim import (
    Cancelled,
    Claim,
    ClaimRejected,
    ClaimRejection,
    Failed,
    Heartbeat,
    Registration,
    Renewal,
    Returned,
    Started,
    Streaming,
    Succeeded,
)
from domain.failure import Failure
from domain.ids import IslandId, JobId
from domain.island import ISLAND
from domain.island_commands import PenalizeFlood, RecordHeartbeat, RegisterIsland
from domain.job import JOB, LEASE_MS, check_holder
from domain.job_commands import (
    FailAttempt,
    JobCommand,
    RenewLease,
    ReturnAttempt,
    StartAttempt,
    SucceedAttempt,
)
from domain.job_events import Grade, Output
from domain.job_state import Job
from domain.rejection import Rejected, Rejection

OUTPUT_WAIT_S: Final = 5.0  # How long a success waits for chunks that were overtaken.
JUDGEMENT_DIGITS: Final = 16

CLAIM_REJECTION_OF: Final = {
    Rejection.JOB_UNKNOWN: ClaimRejection.UNKNOWN_JOB,
    Rejection.JOB_FINISHED: ClaimRejection.JOB_CLOSED,
    Rejection.ATTEMPT_SUPERSEDED: ClaimRejection.STALE_ATTEMPT,
    Rejection.ISLAND_NOT_OWNER: ClaimRejection.NOT_OWNER,
    Rejection.ISLAND_UNKNOWN: ClaimRejection.UNKNOWN_ISLAND,
    Rejection.ISLAND_REMOVED: ClaimRejection.UNKNOWN_ISLAND,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What arrived of an attempt's output. `is_complete`: no gap up to a final message.

    `has_gap`: a chunk is missing before one that arrived. `conflicting`: where copies of a chunk lie that differ from
    the first; they did not count.
    """

    output: Output
    is_complete: bool
    has_gap: bool
    conflicting: tuple[int, ...]


class Outputs(Protocol):
    """The output stream, as the intake needs it. Provided by `adapters.nats.outputs`."""

    async def collect(
        self, island_id: IslandId, job_id: JobId, attempt: int, *, after: int, wait_s: float
    ) -> Collected:
        """The attempt's output behind position `after`; waits at most `wait_s` for it to become complete."""
        ...


class Intake:
    def __init__(self, handler: CommandHandler, outputs: Outputs, mailbox: Mailbox) -> None:
        self._handler = handler
        self._outputs = outputs
        self._mailbox = mailbox

    async def take(
        self, claim: Claim, *, grade: Grade, origin: Origin, received_at_ms: int
    ) -> tuple[int, ...]:
        """Acts on one claim. Returns where output lies that did not count because it differs from an earlier copy.

        Raises `ClaimRejected`; whatever else is raised means: deliver it again.
        """
        try:
            return await self._act(claim, grade, origin, received_at_ms)
        except Rejected as rejected:
            if isinstance(claim, Started):
                await self._tell_to_stop(claim)
            raise ClaimRejected(claim_rejection(rejected), rejected.detail) from rejected

    async def take_flood(
        self, island_id: IslandId, flood_id: str, *, messages_per_s: int, now_ms: int
    ) -> None:
        """An island sends far more than it may. Once for each `flood_id`; raises `Rejected` as the island does."""
        command = PenalizeFlood(
            island_id=island_id, flood_id=flood_id, messages_per_s=messages_per_s, now_ms=now_ms
        )
        # Every coordinator notices a flood by itself, each a little differently: one command cannot have two contents.
        origin = Origin(command_id=f"flood.{flood_id}.{now_ms}.{messages_per_s}", actor="intake")
        await self._handler.handle(ISLAND, island_id, command, origin=origin)

    async def _act(self, claim: Claim, grade: Grade, origin: Origin, now_ms: int) -> tuple[int, ...]:
        match claim:
            case Registration():
                await self._handler.handle(
                    ISLAND, claim.island_id, registration_command(claim, now_ms), origin=origin
                )
            case Heartbeat():
                await self._handler.handle(
                    ISLAND, claim.island_id, heartbeat_command(claim, now_ms), origin=origin
                )
            case Succeeded():
                return await self._take_success(claim, grade, origin, now_ms)
            case Started() | Failed() | Returned() | Renewal():
                command = attempt_command(claim, now_ms)
                await self._handler.handle(JOB, claim.job_id, command, origin=origin)
            case Streaming() if grade is Grade.UNSIGNED:
                await self._handler.handle(JOB, claim.job_id, sign_of_life(claim, now_ms), origin=origin)
            case Streaming() | Cancelled():
                pass
            case _:
                assert_never(claim)
        return ()

    async def _take_success(
        self, claim: Succeeded, grade: Grade, origin: Origin, now_ms: int
    ) -> tuple[int, ...]:
        job = await self._handler.recent_state(JOB, claim.job_id)
        if not job.is_live or (job.attempt, job.island_id) != (claim.attempt, claim.island_id):
            job = await self._handler.state(JOB, claim.job_id)  # Before saying no, look at the truth.
        if job.account_id is None:
            raise Rejected(Rejection.JOB_UNKNOWN, f"no job {claim.job_id}")
        if job.has_succeeded(claim.attempt, claim.island_id):
            return ()  # Delivered again: its fact was recorded and its acknowledgement lost.
        check_holder(job, claim.attempt, claim.island_id)
        collected = await self._outputs.collect(
            claim.island_id, claim.job_id, claim.attempt, after=job.output_after, wait_s=OUTPUT_WAIT_S
        )
        judged = success_command(claim, grade, collected, job, now_ms)
        await self._handler.handle(JOB, claim.job_id, judged, origin=origin_of(judged, origin))
        return collected.conflicting

    async def _tell_to_stop(self, claim: Started) -> None:
        """An island that starts what is over is told so at once instead of at its lease's end."""
        await self._mailbox.send_cancel(
            SendCancel(
                job_id=claim.job_id, attempt=claim.attempt, island_id=claim.island_id, reason="superseded"
            )
        )


def origin_of(judged: SucceedAttempt | FailAttempt, claimed: Origin) -> Origin:
    """Where a judged success comes from: the claim, and what it came to.

    Two coordinators that are delivered the same claim may see different parts of its output and judge it differently.
    With one command id the second would be told that it reused another's; with two it loses the race and looks again.
    """
    judgement = hashlib.sha256(repr(judged).encode()).hexdigest()[:JUDGEMENT_DIGITS]
    return replace(claimed, command_id=f"{claimed.command_id}.{judgement}")


def claim_rejection(rejected: Rejected) -> ClaimRejection:
    return CLAIM_REJECTION_OF.get(rejected.code, ClaimRejection.IMPLAUSIBLE)


def registration_command(claim: Registration, now_ms: int) -> RegisterIsland:
    return RegisterIsland(
        island_id=claim.island_id,
        agent_version=claim.agent_version,
        protocol=claim.protocol,
        capabilities=claim.capabilities,
        asks_micro=claim.asks_micro,
        now_ms=now_ms,
    )


def heartbeat_command(claim: Heartbeat, now_ms: int) -> RecordHeartbeat:
    return RecordHeartbeat(
        island_id=claim.island_id,
        is_leaving=claim.is_leaving,
        is_draining=claim.is_draining,
        asks_micro=claim.asks_micro,
        warm_slugs=claim.warm_slugs,
        runtimes=claim.runtimes,
        gpu_bandwidth_mb_s=claim.gpu_bandwidth_mb_s,
        formats=claim.formats,
        now_ms=now_ms,
    )


def attempt_command(claim: Started | Failed | Returned | Renewal, now_ms: int) -> JobCommand:
    of = (claim.job_id, claim.attempt, claim.island_id)
    match claim:
        case Started():
            return StartAttempt(job_id=of[0], attempt=of[1], island_id=of[2], now_ms=now_ms)
        case Failed():
            return FailAttempt(
                job_id=of[0],
                attempt=of[1],
                island_id=of[2],
                code=claim.code,
                detail=claim.detail,
                now_ms=now_ms,
            )
        case Returned():
            return ReturnAttempt(
                job_id=of[0], attempt=of[1], island_id=of[2], reason=claim.reason, now_ms=now_ms
            )
        case Renewal():
            return RenewLease(
                job_id=of[0], attempt=of[1], island_id=of[2], extend_ms=claim.extend_ms, now_ms=now_ms
            )
        case _:
            assert_never(claim)


def sign_of_life(claim: Streaming, now_ms: int) -> RenewLease:
    """An island with a password may renew no lease: `commands.processes.renewing` says why."""
    return RenewLease(
        job_id=claim.job_id,
        attempt=claim.attempt,
        island_id=claim.island_id,
        extend_ms=LEASE_MS,
        now_ms=now_ms,
    )


def success_command(
    claim: Succeeded, grade: Grade, collected: Collected, job: Job, now_ms: int
) -> SucceedAttempt | FailAttempt:
    if failure := defect(claim, collected, job):
        told = "" if claim.chunks is None else f" of {claim.chunks}"
        return FailAttempt(
            job_id=claim.job_id,
            attempt=claim.attempt,
            island_id=claim.island_id,
            code=failure,
            detail=f"{collected.output.chunks}{told} chunks arrived",
            now_ms=now_ms,
        )
    return SucceedAttempt(
        job_id=claim.job_id,
        attempt=claim.attempt,
        island_id=claim.island_id,
        output=collected.output,
        usage=claim.usage,
        grade=grade,
        now_ms=now_ms,
    )


def defect(claim: Succeeded, collected: Collected, job: Job) -> Failure | None:
    """Why a claimed success does not count, or None."""
    assert job.cargo is not None
    if collected.output.output_bytes > job.cargo.limits.output_bytes:
        return Failure.OUTPUT_TOO_LARGE
    if not is_whole(claim, collected):
        return Failure.OUTPUT_INCOMPLETE
    if not collected.output.output_bytes:
        return Failure.EMPTY_RESULT
    return None


def is_whole(claim: Succeeded, collected: Collected) -> bool:
    """An island that told neither count nor digest may also leave the final message out: then no gap is enough."""
    output = collected.output
    if claim.chunks is None:
        return collected.is_complete or not collected.has_gap
    return collected.is_complete and (output.chunks, output.digest) == (claim.chunks, claim.digest)
