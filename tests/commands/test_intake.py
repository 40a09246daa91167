"""From what an island says to what is a fact: every claim, and every reason not to believe one."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from commands import handle
from commands.event_log import Conflict, LogUnavailable, Origin
from commands.handle import CommandHandler
from commands.intake import CLAIM_REJECTION_OF, OUTPUT_WAIT_S, Collected, Intake, claim_rejection
from commands.process import SendCancel
from domain.claim import (
    AttemptClaim,
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
from domain.failure import Failure, ReturnReason
from domain.ids import IslandId, JobId
from domain.island_events import FloodPenalized, IslandWentOffline, RuntimesChanged
from domain.job import JOB
from domain.job_events import (
    AttemptFailed,
    Grade,
    JobEvent,
    JobFailed,
    JobSucceeded,
    LeaseRenewed,
    Output,
)
from domain.rejection import Rejected, Rejection
from tests.commands.mailboxes import RecordingMailbox
from tests.examples import (
    CAPABILITIES,
    ISLAND,
    JOB_ID,
    LIMITS,
    OTHER_ISLAND,
    OUTPUT,
    T0_MS,
    USAGE,
    assigned,
    at_ms,
    attempt_failed,
    came_online,
    cancelled,
    enrolled,
    failed,
    lost,
    origin,
    ready_island,
    registered,
    returned,
    started,
    submitted,
    succeeded,
)
from tests.memory_log import MemoryEventLog


class ArrivedOutputs:
    """The output stream with one attempt's output in it; remembers what it was asked for."""

    def __init__(self, collected: Collected) -> None:
        self.collected = collected
        self.asked: list[tuple[IslandId, JobId, int, int, float]] = []

    async def collect(
        self, island_id: IslandId, job_id: JobId, attempt: int, *, after: int, wait_s: float
    ) -> Collected:
        self.asked.append((island_id, job_id, attempt, after, wait_s))
        return self.collected


class FailingLog(MemoryEventLog):
    """Refuses every append while `failure` is set."""

    failure: Exception | None = None

    async def append(self, stream: str, events: Sequence[Any], *, expected: int, origin: Origin) -> int:
        if self.failure:
            raise self.failure
        return await super().append(stream, events, expected=expected, origin=origin)


class World:
    """An intake over a log in memory."""

    def __init__(
        self,
        *,
        output: Output = OUTPUT,
        is_complete: bool = True,
        has_gap: bool = False,
        conflicting: tuple[int, ...] = (),
    ) -> None:
        self.log = FailingLog(now_ms=T0_MS)
        self.mailbox = RecordingMailbox()
        self.conflicting: tuple[int, ...] = ()
        self.outputs = ArrivedOutputs(
            Collected(output=output, is_complete=is_complete, has_gap=has_gap, conflicting=conflicting)
        )
        self.intake = Intake(CommandHandler(self.log), self.outputs, self.mailbox)

    async def given(self, stream: str, *events: Any) -> None:
        await self.log.append(stream, events, expected=0, origin=origin("given"))

    async def take(self, claim: Claim, seconds: float = 5, grade: Grade = Grade.SIGNED) -> list[Any]:
        """What the claim made a fact."""
        before = len(self.log.commits)
        self.conflicting = await self.intake.take(
            claim, grade=grade, origin=origin("claim.1"), received_at_ms=at_ms(seconds)
        )
        return [event for commit in self.log.commits[before:] for event in commit.events]

    async def rejection(self, claim: Claim) -> ClaimRejection:
        before = len(self.log.commits)
        with pytest.raises(ClaimRejected) as rejected:
            await self.take(claim)
        assert len(self.log.commits) == before
        assert rejected.value.detail
        return rejected.value.code


async def world_with_job(*events: JobEvent, **settings: Any) -> World:
    world = World(**settings)
    await world.given(f"job.{JOB_ID}", submitted(), *events)
    return world


def says_started(island_id: IslandId = ISLAND, attempt: int = 1) -> Started:
    return Started(island_id=island_id, job_id=JOB_ID, attempt=attempt)


def says_succeeded(island_id: IslandId = ISLAND, attempt: int = 1, **fields: Any) -> Succeeded:
    plain = Succeeded(
        island_id=island_id,
        job_id=JOB_ID,
        attempt=attempt,
        chunks=OUTPUT.chunks,
        digest=OUTPUT.digest,
        usage=USAGE,
    )
    return replace(plain, **fields)


def says_failed(island_id: IslandId = ISLAND, attempt: int = 1) -> Failed:
    return Failed(
        island_id=island_id, job_id=JOB_ID, attempt=attempt, code=Failure.ENGINE_ERROR, detail="it broke"
    )


def says_returned(island_id: IslandId = ISLAND, attempt: int = 1) -> Returned:
    return Returned(island_id=island_id, job_id=JOB_ID, attempt=attempt, reason=ReturnReason.HEAT)


def says_renewed(island_id: IslandId = ISLAND, attempt: int = 1) -> Renewal:
    return Renewal(island_id=island_id, job_id=JOB_ID, attempt=attempt, extend_ms=60_000)


def says_hello(island_id: IslandId = ISLAND) -> Registration:
    return Registration(
        island_id=island_id, agent_version="0.1.0", protocol=2, capabilities=CAPABILITIES, asks_micro={}
    )


def says_alive(island_id: IslandId = ISLAND, **fields: Any) -> Heartbeat:
    plain = Heartbeat(
        island_id=island_id, is_leaving=False, is_draining=False, asks_micro={}, warm_slugs=(), attempts=()
    )
    return replace(plain, **fields)


SAYINGS = [says_started, says_succeeded, says_failed, says_returned, says_renewed]
RUNNING = (assigned(), started())


# Islands.


async def test_a_registration_becomes_a_fact() -> None:
    world = World()
    await world.given(f"island.{ISLAND}", *enrolled())
    assert await world.take(says_hello(), seconds=0) == [registered()]


async def test_a_heartbeat_becomes_a_fact_only_where_something_changed() -> None:
    world = World()
    await world.given(f"island.{ISLAND}", *enrolled(), registered())
    assert await world.take(says_alive(), seconds=7) == [came_online(seconds=7)]
    assert await world.take(says_alive(), seconds=17) == []


async def test_runtimes_that_a_heartbeat_names_become_a_fact() -> None:
    world = World()
    await world.given(f"island.{ISLAND}", *ready_island())
    (event,) = await world.take(says_alive(runtimes=()))
    assert event == RuntimesChanged(island_id=ISLAND, runtimes=(), changed_at_ms=at_ms(5))


async def test_a_goodbye_becomes_a_fact() -> None:
    world = World()
    await world.given(f"island.{ISLAND}", *ready_island())
    (event,) = await world.take(says_alive(is_leaving=True))
    assert isinstance(event, IslandWentOffline)


@pytest.mark.parametrize("claim", [says_hello(), says_alive()], ids=["registration", "heartbeat"])
async def test_an_island_that_nobody_enrolled_is_rejected(claim: Claim) -> None:
    assert await World().rejection(claim) is ClaimRejection.UNKNOWN_ISLAND


# Attempts.


async def test_a_start_becomes_a_fact_at_the_time_it_was_received() -> None:
    world = await world_with_job(assigned())
    assert await world.take(says_started(), seconds=2) == [started(seconds=2)]


async def test_a_failure_becomes_a_fact() -> None:
    world = await world_with_job(*RUNNING)
    assert await world.take(says_failed()) == [attempt_failed(Failure.ENGINE_ERROR)]


async def test_an_attempt_that_is_given_back_becomes_a_fact() -> None:
    world = await world_with_job(*RUNNING)
    assert await world.take(says_returned()) == [returned(was_started=True)]


async def test_a_renewal_becomes_a_fact() -> None:
    world = await world_with_job(*RUNNING)
    assert await world.take(says_renewed(), seconds=30) == [
        LeaseRenewed(job_id=JOB_ID, attempt=1, island_id=ISLAND, lease_ends_at_ms=at_ms(90))
    ]


@pytest.mark.parametrize("kind", [Streaming, Cancelled])
async def test_what_decides_nothing_is_taken_without_a_fact(kind: type[Streaming | Cancelled]) -> None:
    world = await world_with_job(*RUNNING)
    assert await world.take(kind(island_id=ISLAND, job_id=JOB_ID, attempt=1)) == []


async def test_an_island_with_a_password_keeps_its_lease_by_saying_that_it_streams() -> None:
    world = await world_with_job(*RUNNING)
    says = Streaming(island_id=ISLAND, job_id=JOB_ID, attempt=1)
    assert await world.take(says, seconds=30, grade=Grade.UNSIGNED) == [
        LeaseRenewed(job_id=JOB_ID, attempt=1, island_id=ISLAND, lease_ends_at_ms=at_ms(90))
    ]


async def test_a_success_with_its_whole_output_becomes_a_fact() -> None:
    world = await world_with_job(*RUNNING)
    assert await world.take(says_succeeded()) == [replace(succeeded(), grade=Grade.SIGNED)]
    assert world.outputs.asked == [(ISLAND, JOB_ID, 1, assigned().output_after, OUTPUT_WAIT_S)]


async def test_a_success_that_nobody_signed_says_so() -> None:
    world = await world_with_job(*RUNNING)
    (event,) = await world.take(says_succeeded(), grade=Grade.UNSIGNED)
    assert event == replace(succeeded(), grade=Grade.UNSIGNED)


@pytest.mark.parametrize(
    ("is_complete", "has_gap", "kind"),
    [(True, False, JobSucceeded), (False, False, JobSucceeded), (False, True, AttemptFailed)],
)
async def test_a_success_without_count_and_digest_counts_where_no_chunk_is_missing(
    is_complete: bool, has_gap: bool, kind: type[JobEvent]
) -> None:
    world = await world_with_job(*RUNNING, is_complete=is_complete, has_gap=has_gap)
    first, *_ = await world.take(says_succeeded(chunks=None, digest=None), grade=Grade.UNSIGNED)
    assert isinstance(first, kind)


async def test_copies_of_output_that_differ_from_the_first_are_told() -> None:
    world = await world_with_job(*RUNNING, conflicting=(7, 9))
    (event,) = await world.take(says_succeeded())
    assert isinstance(event, JobSucceeded)
    assert world.conflicting == (7, 9)


async def test_a_flood_costs_karma_once() -> None:
    world = World()
    await world.given(f"island.{ISLAND}", *enrolled())
    for _ in range(2):
        await world.intake.take_flood(ISLAND, "flood-1", messages_per_s=5_000, now_ms=T0_MS)
    penalized = [e for c in world.log.commits for e in c.events if isinstance(e, FloodPenalized)]
    assert [(event.flood_id, event.messages_per_s) for event in penalized] == [("flood-1", 5_000)]


async def test_a_flood_that_two_coordinators_notice_at_once_costs_karma_once() -> None:
    world = World()
    await world.given(f"island.{ISLAND}", *enrolled())
    other = Intake(CommandHandler(world.log), world.outputs, world.mailbox)
    await asyncio.gather(
        world.intake.take_flood(ISLAND, "flood-1", messages_per_s=5_000, now_ms=T0_MS),
        other.take_flood(ISLAND, "flood-1", messages_per_s=4_000, now_ms=T0_MS + 1),
    )
    penalized = [e for c in world.log.commits for e in c.events if isinstance(e, FloodPenalized)]
    assert len(penalized) == 1


@pytest.mark.parametrize("winner", ["complete", "incomplete"])
async def test_of_two_coordinators_that_judge_one_success_differently_the_first_is_right(winner: str) -> None:
    """One hears the last chunk in time and the other does not; both look before either has recorded anything."""
    world = await world_with_job(*RUNNING)
    both = {"complete": world.intake, "incomplete": intake_that_hears(world, is_complete=False)}
    for intake in both.values():
        await intake._handler.state(JOB, JOB_ID)
    first, second = (both[name] for name in sorted(both, key=lambda name: name != winner))
    claim = says_succeeded()
    told: dict[str, Any] = {"grade": Grade.SIGNED, "received_at_ms": at_ms(5)}
    await first.take(claim, origin=origin("claim.1"), **told)
    recorded = list(world.log.commits)
    with contextlib.suppress(ClaimRejected):
        await second.take(claim, origin=origin("claim.1"), **told)
    assert world.log.commits == recorded
    ended = JobSucceeded if winner == "complete" else AttemptFailed
    assert isinstance(recorded[-1].events[0], ended)


def intake_that_hears(world: World, *, is_complete: bool) -> Intake:
    """Another coordinator's intake on the same log."""
    outputs = ArrivedOutputs(replace(world.outputs.collected, is_complete=is_complete))
    return Intake(CommandHandler(world.log), outputs, world.mailbox)


# What is not believed.


@pytest.mark.parametrize(
    ("output", "is_complete", "code"),
    [
        (OUTPUT, False, Failure.OUTPUT_INCOMPLETE),
        (replace(OUTPUT, chunks=2), True, Failure.OUTPUT_INCOMPLETE),
        (replace(OUTPUT, digest="sha256:other"), True, Failure.OUTPUT_INCOMPLETE),
        (replace(OUTPUT, output_bytes=0), True, Failure.EMPTY_RESULT),
        (replace(OUTPUT, output_bytes=LIMITS.output_bytes + 1), True, Failure.OUTPUT_TOO_LARGE),
        (replace(OUTPUT, output_bytes=LIMITS.output_bytes + 1), False, Failure.OUTPUT_TOO_LARGE),
    ],
)
async def test_a_success_without_its_output_is_a_failure(
    output: Output, is_complete: bool, code: Failure
) -> None:
    world = await world_with_job(*RUNNING, output=output, is_complete=is_complete)
    first, *rest = await world.take(says_succeeded())
    assert isinstance(first, AttemptFailed)
    assert first.code is code
    assert first.detail == f"{output.chunks} of {OUTPUT.chunks} chunks arrived"
    assert [type(event) for event in rest] == ([JobFailed] if code is Failure.OUTPUT_TOO_LARGE else [])


async def test_an_output_of_exactly_the_limit_counts() -> None:
    full = replace(OUTPUT, output_bytes=LIMITS.output_bytes)
    world = await world_with_job(*RUNNING, output=full)
    (event,) = await world.take(says_succeeded())
    assert isinstance(event, JobSucceeded)
    assert event.output == full


async def test_a_success_that_is_delivered_again_is_neither_a_fact_nor_a_rejection() -> None:
    world = await world_with_job(*RUNNING)
    await world.take(says_succeeded())
    assert await world.take(says_succeeded(), seconds=9) == []
    assert len(world.outputs.asked) == 1


@pytest.mark.parametrize("say", SAYINGS, ids=lambda say: say.__name__)
async def test_an_island_that_does_not_hold_the_attempt_is_rejected(say: Any) -> None:
    world = await world_with_job(*RUNNING)
    assert await world.rejection(say(OTHER_ISLAND)) is ClaimRejection.NOT_OWNER


@pytest.mark.parametrize("say", SAYINGS, ids=lambda say: say.__name__)
@pytest.mark.parametrize("attempt", [1, 3])
async def test_another_attempt_than_the_live_one_is_rejected(say: Any, attempt: int) -> None:
    world = await world_with_job(assigned(), lost(), assigned(attempt=2, seconds=70))
    assert await world.rejection(say(attempt=attempt)) is ClaimRejection.STALE_ATTEMPT


@pytest.mark.parametrize("say", SAYINGS, ids=lambda say: say.__name__)
@pytest.mark.parametrize(
    "end", [failed("crashed"), cancelled(attempt=1, island_id=ISLAND)], ids=["failed", "cancelled"]
)
async def test_a_late_claim_is_rejected(say: Any, end: JobEvent) -> None:
    world = await world_with_job(*RUNNING, end)
    assert await world.rejection(say()) is ClaimRejection.JOB_CLOSED


async def test_the_loser_of_a_lease_cannot_collect_the_winner_s_pay() -> None:
    world = await world_with_job(*RUNNING, lost(seconds=70), assigned(OTHER_ISLAND, 2, seconds=80))
    assert await world.rejection(says_succeeded()) is ClaimRejection.STALE_ATTEMPT
    assert world.outputs.asked == []


@pytest.mark.parametrize("say", SAYINGS, ids=lambda say: say.__name__)
async def test_a_job_that_does_not_exist_is_rejected(say: Any) -> None:
    assert await World().rejection(say()) is ClaimRejection.UNKNOWN_JOB


@pytest.mark.parametrize("say", SAYINGS, ids=lambda say: say.__name__)
async def test_only_an_island_that_starts_what_is_over_is_told_to_stop(say: Any) -> None:
    world = await world_with_job(*RUNNING, lost(seconds=70))
    claim: AttemptClaim = say()
    await world.rejection(claim)
    stop = SendCancel(job_id=JOB_ID, attempt=1, island_id=ISLAND, reason="superseded")
    assert world.mailbox.sent == ([stop] if isinstance(claim, Started) else [])


@pytest.mark.parametrize("failure", [LogUnavailable("job"), Conflict("job")], ids=["unavailable", "conflict"])
async def test_what_the_log_refuses_is_delivered_again_and_not_rejected(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handle, "PAUSE_FIRST_S", 0.0)
    world = await world_with_job(assigned())
    world.log.failure = failure
    with pytest.raises(type(failure)):
        await world.take(says_started())
    assert world.mailbox.sent == []
    world.log.failure = None
    assert await world.take(says_started(), seconds=2) == [started(seconds=2)]


def test_every_rejection_of_an_attempt_has_a_claim_rejection_of_its_own() -> None:
    about_islands = {Rejection.ISLAND_UNKNOWN, Rejection.ISLAND_REMOVED}
    told = [code for rejection, code in CLAIM_REJECTION_OF.items() if rejection not in about_islands]
    assert len(set(told)) == len(told) == 4
    assert claim_rejection(Rejected(Rejection.ISLAND_SUSPENDED)) is ClaimRejection.IMPLAUSIBLE
