"""One example of everything the write side knows: a cargo, three accounts, two islands, a job and its story.

Shared by all tests. Each builder takes the fields that a test is about; the rest is a plain case that works: the cargo
fits both islands, the bid is above the price, and every instant is given in seconds after `T0_MS`.
"""

from dataclasses import replace
from typing import Any, Final

from commands.event_log import Origin
from domain import account_events, cargo_spec, island_commands, island_events, job_commands, job_events
from domain.failure import FAULT_OF, Failure, Loss, ReturnReason
from domain.ids import AccountId, CargoSlug, IslandId, JobId
from domain.job import LEASE_MS, LOAD_ALLOWANCE_MS, QUEUE_LIMIT_MS
from domain.placement import Candidate, Explanation, Offer, Refusal, RefusalCount, Want
from domain.pricing import MICRO_PER_CREDIT
from domain.trust import Limits

T0_MS: Final = 1_800_000_000_000
CUSTOMER: Final = AccountId("customer")
OWNER: Final = AccountId("owner")
PUBLISHER: Final = AccountId("publisher")
ISLAND: Final = IslandId("island-1")
OTHER_ISLAND: Final = IslandId("island-2")
USER_KEY: Final = "UA" + "A" * 54
OTHER_USER_KEY: Final = "UB" + "B" * 54
JOB_ID: Final = JobId("0192d0b4-7c2e-7aaa-8bbb-000000000001")
OTHER_JOB_ID: Final = JobId("0192d0b4-7c2e-7aaa-8bbb-000000000002")
SLUG: Final = CargoSlug("wasm-hash")
BID_MICRO: Final = 5 * MICRO_PER_CREDIT
PRICE_MICRO: Final = 4 * MICRO_PER_CREDIT

LIMITS: Final = Limits(
    memory_mb=256, cpus=1, wall_s=60, pids=64, tmpfs_mb=64, output_bytes=4 << 20, fuel=10**10
)
CARGO: Final = cargo_spec.CargoSpec(
    slug=SLUG,
    version="1.0.0",
    publisher_id=PUBLISHER,
    runtime=cargo_spec.Runtime.WASM,
    artifact_digest=f"sha256:{'a' * 64}",
    artifact_bytes=4096,
    determinism=cargo_spec.Determinism.EXACT,
    trust_level=0,
    limits=LIMITS,
    requirements=cargo_spec.Requirements(ram_mb=64),
    price_micro=PRICE_MICRO,
    target_score=100,
)
CARGO_VERSION: Final = cargo_spec.CargoVersion(
    spec=CARGO,
    name="Hash",
    description="Hashes a text.",
    input_schema='{"type":"object"}',
    output_schema="{}",
)
CAPABILITIES: Final = island_events.Capabilities(
    platform="linux/amd64",
    cpu_cores=4,
    ram_mb=400,
    disk_free_mb=10_000,
    region="eu-west",
    gpu_model=None,
    gpu_vram_mb=0,
    slots=2,
    runtimes=(island_events.RuntimeOffer(runtime="wasm", engine="wasmtime", engine_version="50", score=100),),
    trust_level_min=0,
)
OFFER: Final = Offer(
    island_id=ISLAND,
    owner_id=OWNER,
    name="first",
    is_approved=True,
    is_online=True,
    platform="linux/amd64",
    region="eu-west",
    cpu_cores=4,
    ram_mb=400,
    disk_free_mb=10_000,
    slots=2,
    scores={"wasm": 100},
)
WANT: Final = Want(
    job_id=JOB_ID,
    account_id=CUSTOMER,
    cargo=CARGO,
    bid_micro=BID_MICRO,
    priority=0,
    region=None,
    submitted_at_ms=T0_MS,
)
OUTPUT: Final = job_events.Output(digest=f"sha256:{'b' * 64}", chunks=1, output_bytes=65, after=10, last=12)
USAGE: Final = job_events.Usage(wall_ms=1_500, cpu_ms=1_400, memory_peak_mb=12, fuel=123_456)


def at_ms(seconds: float = 0) -> int:
    """An instant, in seconds after the beginning of the story."""
    return T0_MS + round(seconds * 1000)


def origin(command_id: str, **fields: Any) -> Origin:
    return Origin(command_id=command_id, **fields)


def cargo_with(**fields: Any) -> cargo_spec.CargoSpec:
    """The cargo with other fields; `limits` and `requirements` may be dictionaries of what differs."""
    for part in ("limits", "requirements"):
        if isinstance(fields.get(part), dict):
            fields[part] = replace(getattr(CARGO, part), **fields[part])
    return replace(CARGO, **fields)


def offer_of(island_id: str, **fields: Any) -> Offer:
    return replace(OFFER, island_id=IslandId(island_id), name=island_id, **fields)


def want_of(job_id: str = JOB_ID, **fields: Any) -> Want:
    return replace(WANT, job_id=JobId(job_id), **fields)


def candidate_of(island_id: str = ISLAND, **fields: Any) -> Candidate:
    plain = Candidate(
        island_id=IslandId(island_id),
        name="first",
        speed=100.0,
        fit=100.0,
        headroom=100.0,
        warm=0.0,
        region=0.0,
        affinity=0.0,
        karma=0.0,
        failures=0.0,
        price=-8.0,
        total=92.0,
        ask_micro=PRICE_MICRO,
        level="perfect",
    )
    return replace(plain, **fields)


def refused(*codes: Refusal) -> Explanation:
    """Why a job could not be placed: one island for each code."""
    refusals = tuple(RefusalCount(code=code, count=1, example=ISLAND) for code in codes)
    return Explanation(rules_version=1, view_position=7, considered=len(codes), refusals=refusals)


PLACED: Final = Explanation(view_position=7, considered=1, candidates=(candidate_of(),))

# The commands of a job's story.


def submit_job(**fields: Any) -> job_commands.SubmitJob:
    plain = job_commands.SubmitJob(
        job_id=JOB_ID,
        account_id=CUSTOMER,
        cargo=CARGO,
        input_json='{"text":"abc"}',
        bid_micro=BID_MICRO,
        priority=0,
        region=None,
        request_sha256="c" * 64,
        queue_limit_ms=QUEUE_LIMIT_MS,
        now_ms=T0_MS,
    )
    return replace(plain, **fields)


def assign_job(
    island_id: IslandId = ISLAND, attempt: int = 1, seconds: float = 1, **fields: Any
) -> job_commands.AssignJob:
    plain = job_commands.AssignJob(
        job_id=JOB_ID,
        attempt=attempt,
        island_id=island_id,
        owner_id=OWNER,
        price_micro=PRICE_MICRO,
        output_after=10,
        explanation=PLACED,
        now_ms=at_ms(seconds),
    )
    return replace(plain, **fields)


def start_attempt(
    island_id: IslandId = ISLAND, attempt: int = 1, seconds: float = 2
) -> job_commands.StartAttempt:
    return job_commands.StartAttempt(
        job_id=JOB_ID, attempt=attempt, island_id=island_id, now_ms=at_ms(seconds)
    )


def renew_lease(
    island_id: IslandId = ISLAND, attempt: int = 1, seconds: float = 30, extend_ms: int = LEASE_MS
) -> job_commands.RenewLease:
    return job_commands.RenewLease(
        job_id=JOB_ID, attempt=attempt, island_id=island_id, extend_ms=extend_ms, now_ms=at_ms(seconds)
    )


def succeed_attempt(
    island_id: IslandId = ISLAND, attempt: int = 1, seconds: float = 5, **fields: Any
) -> job_commands.SucceedAttempt:
    plain = job_commands.SucceedAttempt(
        job_id=JOB_ID,
        attempt=attempt,
        island_id=island_id,
        output=OUTPUT,
        usage=USAGE,
        now_ms=at_ms(seconds),
    )
    return replace(plain, **fields)


def fail_attempt(
    code: Failure, island_id: IslandId = ISLAND, attempt: int = 1, seconds: float = 5
) -> job_commands.FailAttempt:
    return job_commands.FailAttempt(
        job_id=JOB_ID,
        attempt=attempt,
        island_id=island_id,
        code=code,
        detail="it broke",
        now_ms=at_ms(seconds),
    )


def return_attempt(
    reason: ReturnReason = ReturnReason.HEAT,
    island_id: IslandId = ISLAND,
    attempt: int = 1,
    seconds: float = 5,
) -> job_commands.ReturnAttempt:
    return job_commands.ReturnAttempt(
        job_id=JOB_ID, attempt=attempt, island_id=island_id, reason=reason, now_ms=at_ms(seconds)
    )


def cancel_job(*, has_output: bool = False, seconds: float = 5) -> job_commands.CancelJob:
    return job_commands.CancelJob(
        job_id=JOB_ID, account_id=CUSTOMER, has_output=has_output, now_ms=at_ms(seconds)
    )


def abandon_attempt(
    island_id: IslandId = ISLAND, attempt: int = 1, seconds: float = 5
) -> job_commands.AbandonAttempt:
    return job_commands.AbandonAttempt(
        job_id=JOB_ID, attempt=attempt, island_id=island_id, now_ms=at_ms(seconds)
    )


# The events of a job's story.


def submitted(**fields: Any) -> job_events.JobSubmitted:
    plain = job_events.JobSubmitted(
        job_id=JOB_ID,
        account_id=CUSTOMER,
        cargo=CARGO,
        input_json='{"text":"abc"}',
        bid_micro=BID_MICRO,
        priority=0,
        region=None,
        request_sha256="c" * 64,
        queue_limit_ms=QUEUE_LIMIT_MS,
        submitted_at_ms=T0_MS,
    )
    return replace(plain, **fields)


def assigned(
    island_id: IslandId = ISLAND, attempt: int = 1, seconds: float = 1, **fields: Any
) -> job_events.JobAssigned:
    plain = job_events.JobAssigned(
        job_id=JOB_ID,
        account_id=CUSTOMER,
        cargo_slug=SLUG,
        attempt=attempt,
        island_id=island_id,
        owner_id=OWNER,
        price_micro=PRICE_MICRO,
        assigned_at_ms=at_ms(seconds),
        lease_ends_at_ms=at_ms(seconds) + LEASE_MS,
        output_after=10,
        explanation=PLACED,
    )
    return replace(plain, **fields)


def started(island_id: IslandId = ISLAND, attempt: int = 1, seconds: float = 2) -> job_events.AttemptStarted:
    return job_events.AttemptStarted(
        job_id=JOB_ID,
        account_id=CUSTOMER,
        attempt=attempt,
        island_id=island_id,
        started_at_ms=at_ms(seconds),
        deadline_ms=at_ms(seconds) + LIMITS.wall_s * 1000 + LOAD_ALLOWANCE_MS,
        lease_ends_at_ms=at_ms(seconds) + LEASE_MS,
    )


def succeeded(
    island_id: IslandId = ISLAND, attempt: int = 1, seconds: float = 5, **fields: Any
) -> job_events.JobSucceeded:
    plain = job_events.JobSucceeded(
        job_id=JOB_ID,
        account_id=CUSTOMER,
        cargo_slug=SLUG,
        attempt=attempt,
        island_id=island_id,
        owner_id=OWNER,
        publisher_id=PUBLISHER,
        price_micro=PRICE_MICRO,
        output=OUTPUT,
        usage=USAGE,
        worked_ms=USAGE.wall_ms,
        succeeded_at_ms=at_ms(seconds),
        runtime=cargo_spec.Runtime.WASM,
        is_exact=True,
        charge_micro=PRICE_MICRO,
    )
    return replace(plain, **fields)


def lost(
    island_id: IslandId = ISLAND, attempt: int = 1, seconds: float = 66, loss: Loss = Loss.NEVER_STARTED
) -> job_events.AttemptLost:
    return job_events.AttemptLost(
        job_id=JOB_ID,
        account_id=CUSTOMER,
        attempt=attempt,
        island_id=island_id,
        loss=loss,
        lost_at_ms=at_ms(seconds),
    )


def attempt_failed(
    code: Failure, island_id: IslandId = ISLAND, attempt: int = 1, seconds: float = 5, **fields: Any
) -> job_events.AttemptFailed:
    plain = job_events.AttemptFailed(
        job_id=JOB_ID,
        account_id=CUSTOMER,
        attempt=attempt,
        island_id=island_id,
        code=code,
        fault=FAULT_OF[code],
        detail="it broke",
        failed_at_ms=at_ms(seconds),
    )
    return replace(plain, **fields)


def returned(
    reason: ReturnReason = ReturnReason.HEAT,
    island_id: IslandId = ISLAND,
    attempt: int = 1,
    seconds: float = 5,
    **fields: Any,
) -> job_events.AttemptReturned:
    plain = job_events.AttemptReturned(
        job_id=JOB_ID,
        account_id=CUSTOMER,
        attempt=attempt,
        island_id=island_id,
        reason=reason,
        was_started=False,
        returned_at_ms=at_ms(seconds),
    )
    return replace(plain, **fields)


def failed(code: str, seconds: float = 5, **fields: Any) -> job_events.JobFailed:
    plain = job_events.JobFailed(
        job_id=JOB_ID,
        account_id=CUSTOMER,
        code=code,
        detail="it broke",
        attempt=1,
        island_id=ISLAND,
        failed_at_ms=at_ms(seconds),
    )
    return replace(plain, **fields)


def cancelled(seconds: float = 5, **fields: Any) -> job_events.JobCancelled:
    plain = job_events.JobCancelled(
        job_id=JOB_ID,
        account_id=CUSTOMER,
        attempt=0,
        island_id=None,
        owner_id=None,
        publisher_id=PUBLISHER,
        charge_micro=0,
        cancelled_at_ms=at_ms(seconds),
    )
    return replace(plain, **fields)


# Accounts and islands.


def opened(account_id: AccountId = CUSTOMER) -> account_events.AccountOpened:
    return account_events.AccountOpened(account_id=account_id, name=account_id, opened_at_ms=T0_MS)


def granted(amount_micro: int = 100 * MICRO_PER_CREDIT, **fields: Any) -> account_events.CreditsGranted:
    plain = account_events.CreditsGranted(
        account_id=CUSTOMER,
        grant_id="sign-up",
        amount_micro=amount_micro,
        reason="sign-up",
        granted_at_ms=T0_MS,
    )
    return replace(plain, **fields)


def held(amount_micro: int = BID_MICRO, **fields: Any) -> account_events.CreditsHeld:
    plain = account_events.CreditsHeld(
        account_id=CUSTOMER, job_id=JOB_ID, amount_micro=amount_micro, held_at_ms=T0_MS
    )
    return replace(plain, **fields)


def settled(**fields: Any) -> account_events.HoldSettled:
    plain = account_events.HoldSettled(
        account_id=CUSTOMER,
        job_id=JOB_ID,
        charged_micro=4_000_000,
        released_micro=1_000_000,
        platform_fee_micro=400_000,
        publisher_micro=200_000,
        island_micro=3_400_000,
        island_id=ISLAND,
        owner_id=OWNER,
        publisher_id=PUBLISHER,
        price_rules_version=2,
        settled_at_ms=at_ms(6),
        unit_price_micro=PRICE_MICRO,
    )
    return replace(plain, **fields)


PASSWORD: Final[dict[str, Any]] = {"user_key": None, "local_id": "old-box-1", "password_sha256": 64 * "0"}
"""Fields of an enrolment of an island that has a password and no keys."""


def joined(
    island_id: IslandId = ISLAND, owner_id: AccountId | None = None, **fields: Any
) -> island_events.IslandEnrolled:
    """An island that nobody vouches for yet."""
    plain = island_events.IslandEnrolled(
        island_id=island_id, owner_id=owner_id, name=island_id, enrolled_at_ms=T0_MS, user_key=USER_KEY
    )
    return replace(plain, **fields)


def approved(island_id: IslandId = ISLAND, seconds: float = 0) -> island_events.IslandApproved:
    return island_events.IslandApproved(island_id=island_id, approved_at_ms=at_ms(seconds))


def enrolled(island_id: IslandId = ISLAND, **fields: Any) -> tuple[island_events.IslandEvent, ...]:
    """What an enrolment by the island's owner records: the island is known, paired and approved."""
    return (joined(island_id, OWNER, **fields), approved(island_id))


def paired(
    island_id: IslandId = ISLAND, seconds: float = 3, **fields: Any
) -> tuple[island_events.IslandEvent, ...]:
    """An account vouches for an island that had joined before."""
    plain = island_events.IslandPaired(
        island_id=island_id, owner_id=OWNER, name=island_id, karma=0, paired_at_ms=at_ms(seconds)
    )
    return (replace(plain, **fields), approved(island_id, seconds))


def key_replaced(seconds: float = 4) -> island_events.IslandKeyReplaced:
    return island_events.IslandKeyReplaced(
        island_id=ISLAND, user_key=OTHER_USER_KEY, replaced_at_ms=at_ms(seconds)
    )


def renamed(name: str = "attic", seconds: float = 5) -> island_events.IslandRenamed:
    return island_events.IslandRenamed(island_id=ISLAND, name=name, renamed_at_ms=at_ms(seconds))


def removed(seconds: float = 6, **fields: Any) -> island_events.IslandRemoved:
    plain = island_events.IslandRemoved(
        island_id=ISLAND, owner_id=OWNER, reason="its owner removed it", removed_at_ms=at_ms(seconds)
    )
    return replace(plain, **fields)


def suspended(seconds: float = 7, reason: str = "it looks odd") -> island_events.IslandSuspended:
    return island_events.IslandSuspended(island_id=ISLAND, reason=reason, suspended_at_ms=at_ms(seconds))


def reinstated(seconds: float = 8) -> island_events.IslandReinstated:
    return island_events.IslandReinstated(island_id=ISLAND, reinstated_at_ms=at_ms(seconds))


def revoked(seconds: float = 9, reason: str = "its key leaked") -> island_events.IslandRevoked:
    return island_events.IslandRevoked(island_id=ISLAND, reason=reason, revoked_at_ms=at_ms(seconds))


def flood_penalized(**fields: Any) -> island_events.FloodPenalized:
    plain = island_events.FloodPenalized(
        island_id=ISLAND,
        flood_id="flood-1",
        messages_per_s=5_000,
        karma_delta=-12,
        karma=-12,
        faults_in_row=1,
        karma_rules_version=1,
        penalized_at_ms=at_ms(5),
    )
    return replace(plain, **fields)


def registered(island_id: IslandId = ISLAND, **capabilities: Any) -> island_events.IslandRegistered:
    return island_events.IslandRegistered(
        island_id=island_id,
        agent_version="0.1.0",
        protocol=2,
        capabilities=replace(CAPABILITIES, **capabilities),
        registered_at_ms=T0_MS,
    )


def came_online(island_id: IslandId = ISLAND, seconds: float = 0) -> island_events.IslandCameOnline:
    return island_events.IslandCameOnline(island_id=island_id, online_at_ms=at_ms(seconds))


def ready_island(island_id: IslandId = ISLAND, **capabilities: Any) -> tuple[island_events.IslandEvent, ...]:
    """An island that can be given jobs."""
    return (*enrolled(island_id), registered(island_id, **capabilities), came_online(island_id))


def heartbeat(seconds: float = 10, **fields: Any) -> island_commands.RecordHeartbeat:
    plain = island_commands.RecordHeartbeat(
        island_id=ISLAND,
        is_leaving=False,
        is_draining=False,
        asks_micro={},
        warm_slugs=(),
        now_ms=at_ms(seconds),
    )
    return replace(plain, **fields)
