"""What people ask for, as commands: who asks, on which island or job, and what they do when no answer comes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from commands.event_log import Origin
from commands.handle import CommandHandler
from commands.submission import submit, submit_batch
from domain.account import ACCOUNT
from domain.account_commands import GrantCredits, OpenAccount
from domain.batch import BATCH
from domain.batch_commands import CancelBatch, SubmitBatch
from domain.batch_events import FailMode, Merge, Part
from domain.cargo import CARGO as CARGO_DECIDER
from domain.cargo_commands import DisableCargo, EnableCargo, PublishCargo
from domain.decider import Decider
from domain.ids import NETWORK_ACCOUNT, AccountId, IslandId, JobId
from domain.island import ISLAND
from domain.island_commands import (
    CreditWork,
    EnrolIsland,
    EnrolPasswordIsland,
    PairIsland,
    ReinstateIsland,
    RemoveIsland,
    RevokeIsland,
    SuspendIsland,
)
from domain.job import JOB
from domain.job_commands import CancelJob
from domain.job_state import Phase
from tests.examples import CARGO_VERSION, cargo_with, submit_job
from tests.simulation.outputs import OutputServer
from tests.simulation.scenario import Act

CUSTOMERS: Final = (AccountId("customer-0"), AccountId("customer-1"))
BATCH_CUSTOMER: Final = AccountId("customer-2")
OWNERS: Final = (AccountId("owner-0"), AccountId("owner-1"), AccountId("owner-2"))
PUBLISHER: Final = AccountId("publisher")
CREDITS_MICRO: Final = 11_000_000  # Too little for every job that a person may think of.
QUEUE_LIMIT_MS: Final = 90_000
PARTS: Final = 3
PART_BID_MICRO: Final = 3_400_000
WALL_S: Final = 20
CARGO: Final = cargo_with(publisher_id=PUBLISHER, limits={"wall_s": WALL_S})
BIDS_MICRO: Final = (3_200_000, 4_000_000, 5_999_999)
BID_TOO_LOW_MICRO: Final = 2_500_000
WORKED_BEFORE_MS: Final = 23_980_000  # A minute of work more, and its earnings are free.

Request = Callable[[CommandHandler], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """A command that was carried out before the world began."""

    decider: Decider[Any, Any, Any]
    aggregate_id: str
    command: Any


def job_id_of(job: int) -> JobId:
    return JobId(f"job-{job}")


def island_id_of(island: int) -> IslandId:
    return IslandId(f"island-{island}")


def owner_of(island: int) -> AccountId:
    return OWNERS[island % len(OWNERS)]


def signs(island: int) -> bool:
    """Every third island has a password instead of keys."""
    return island % 3 != 2


def beginning(pending: frozenset[int], islands: int, now_ms: int) -> list[First]:
    """Accounts with credits, and islands that belong or wait to."""
    first: list[First] = []
    for account_id in (*CUSTOMERS, BATCH_CUSTOMER, *OWNERS, PUBLISHER, NETWORK_ACCOUNT):
        opened = OpenAccount(account_id=account_id, name=account_id, now_ms=now_ms)
        first.append(First(decider=ACCOUNT, aggregate_id=account_id, command=opened))
    for account_id in (*CUSTOMERS, BATCH_CUSTOMER, NETWORK_ACCOUNT):
        grant = GrantCredits(
            account_id=account_id, grant_id="sign-up", amount_micro=CREDITS_MICRO, reason="", now_ms=now_ms
        )
        first.append(First(decider=ACCOUNT, aggregate_id=account_id, command=grant))
    published = PublishCargo(cargo=replace(CARGO_VERSION, spec=CARGO), now_ms=now_ms)
    first.append(First(decider=CARGO_DECIDER, aggregate_id=CARGO.slug, command=published))
    for island in range(islands):
        command = enrolment(island, None if island in pending else owner_of(island), 0, now_ms)
        first.append(First(decider=ISLAND, aggregate_id=command.island_id, command=command))
    return first


def earlier_work(now_ms: int) -> First:
    """The first island has worked before, and stands just below the karma for payouts."""
    command = CreditWork(
        island_id=island_id_of(0),
        job_id=JobId("earlier"),
        attempt=1,
        worked_ms=WORKED_BEFORE_MS,
        now_ms=now_ms,
    )
    return First(decider=ISLAND, aggregate_id=command.island_id, command=command)


def enrolment(
    island: int, owner_id: AccountId | None, keys_before: int, now_ms: int
) -> EnrolIsland | EnrolPasswordIsland:
    island_id = island_id_of(island)
    if signs(island):
        return EnrolIsland(
            island_id=island_id,
            owner_id=owner_id,
            name=island_id,
            user_key=f"key-{island}-{keys_before}",
            now_ms=now_ms,
        )
    return EnrolPasswordIsland(
        island_id=island_id,
        owner_id=owner_of(island),
        name=island_id,
        local_id=f"box-{island}",
        password_sha256=f"{keys_before:064}",
        now_ms=now_ms,
    )


def bid_micro_of(size: float) -> int:
    return BID_TOO_LOW_MICRO if size < 0.08 else BIDS_MICRO[int(size * len(BIDS_MICRO))]


def redundancy_of(job: int) -> int:
    """Every fourth job is run on two islands of different owners."""
    return 2 if job % 4 == 3 else 1


def submission(job: int, size: float, request_id: str, now_ms: Callable[[], int]) -> Request:
    """The same job has the same content whoever is asked and how often."""
    command = submit_job(
        job_id=job_id_of(job),
        account_id=CUSTOMERS[job % len(CUSTOMERS)],
        cargo=CARGO,
        bid_micro=bid_micro_of(size) * redundancy_of(job),
        redundancy=redundancy_of(job),
        queue_limit_ms=QUEUE_LIMIT_MS,
    )

    async def request(handler: CommandHandler) -> None:
        await submit(handler, replace(command, now_ms=now_ms()), Origin(command_id=request_id))

    return request


def batch_submission(batch: int, request_id: str, now_ms: Callable[[], int]) -> Request:
    """Three inputs, one or two at once; every second batch fails with its first part."""
    batch_id = JobId(f"batch-{batch}")
    parts = tuple(Part(job_id=JobId(f"{batch_id}-{number}"), input_json="{}") for number in range(PARTS))
    command = SubmitBatch(
        batch_id=batch_id,
        account_id=BATCH_CUSTOMER,
        cargo=CARGO,
        parts=parts,
        merge=Merge.CONCAT,
        fail_mode=FailMode.FAIL_FAST if batch % 2 else FailMode.BEST_EFFORT,
        parallelism_max=1 + batch // 2,
        bid_micro=PART_BID_MICRO,
        priority=0,
        region=None,
        queue_limit_ms=QUEUE_LIMIT_MS,
        request_sha256=batch_id,
        now_ms=0,
    )

    async def request(handler: CommandHandler) -> None:
        await submit_batch(handler, replace(command, now_ms=now_ms()), Origin(command_id=request_id))

    return request


def batch_cancellation(batch: int, request_id: str, now_ms: Callable[[], int]) -> Request:
    batch_id = JobId(f"batch-{batch}")

    async def request(handler: CommandHandler) -> None:
        command = CancelBatch(batch_id=batch_id, account_id=BATCH_CUSTOMER, now_ms=now_ms())
        await handler.handle(BATCH, batch_id, command, origin=Origin(command_id=request_id))

    return request


def cancellation(job: int, outputs: OutputServer, request_id: str, now_ms: Callable[[], int]) -> Request:
    """As the API does it: what is due depends on whether anything was printed."""
    job_id = job_id_of(job)

    async def request(handler: CommandHandler) -> None:
        state = await handler.state(JOB, job_id)
        has_output = (
            state.phase is Phase.RUNNING
            and state.island_id is not None
            and outputs.has_text((state.island_id, job_id, state.attempt))
        )
        command = CancelJob(
            job_id=job_id,
            account_id=CUSTOMERS[job % len(CUSTOMERS)],
            has_output=has_output,
            now_ms=now_ms(),
        )
        await handler.handle(JOB, job_id, command, origin=Origin(command_id=request_id))

    return request


def cargo_oversight(act: Act, request_id: str, now_ms: Callable[[], int]) -> Request:
    """What operators do with the cargo."""

    async def request(handler: CommandHandler) -> None:
        command: DisableCargo | EnableCargo
        if act is Act.KILL_CARGO:
            command = DisableCargo(slug=CARGO.slug, reason="it mines", now_ms=now_ms(), is_killed=True)
        else:
            command = EnableCargo(slug=CARGO.slug, now_ms=now_ms())
        await handler.handle(CARGO_DECIDER, CARGO.slug, command, origin=Origin(command_id=request_id))

    return request


def oversight(act: Act, island: int, request_id: str, now_ms: Callable[[], int], keys_before: int) -> Request:
    """What owners and operators do with islands."""

    async def request(handler: CommandHandler) -> None:
        command = island_command(act, island, now_ms(), keys_before)
        origin = Origin(command_id=request_id)
        await handler.handle(ISLAND, island_id_of(island), command, origin=origin)

    return request


def island_command(act: Act, island: int, now_ms: int, keys_before: int) -> Any:
    island_id, owner_id = island_id_of(island), owner_of(island)
    match act:
        case Act.SUSPEND:
            return SuspendIsland(island_id=island_id, reason="it looks odd", now_ms=now_ms)
        case Act.REINSTATE:
            return ReinstateIsland(island_id=island_id, now_ms=now_ms)
        case Act.REMOVE:
            return RemoveIsland(island_id=island_id, owner_id=owner_id, now_ms=now_ms)
        case Act.REVOKE:
            return RevokeIsland(island_id=island_id, reason="its key leaked", now_ms=now_ms)
        case Act.PAIR:
            return PairIsland(island_id=island_id, owner_id=owner_id, now_ms=now_ms)
        case Act.JOIN:
            return enrolment(island, owner_id, keys_before, now_ms)
        case _:
            raise AssertionError(act)
