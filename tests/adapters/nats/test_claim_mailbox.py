"""What becomes of claims between the stream and the intake: in order, again, dropped, kept, and told of as poison."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerInfo

from adapters.claim_envelope import seal
from adapters.claim_quota import CLAIMS_BURST, CLAIMS_PER_S
from adapters.embedded.data_directory import DataDirectory
from adapters.nats import claim_mailbox, floods, subjects
from adapters.nats.accounts.roles import Role
from adapters.nats.claim_mailbox import ClaimMailbox
from adapters.nats.rejected_claims import RejectedClaim, RejectedClaims
from adapters.nats.rejection_history import RejectionHistory
from adapters.nats.replies import OLD_RECEIPT_TOKENS, read_next, recorded_at_ms, stored_at_ms
from adapters.nats.streams import DELIVERIES_MAX, create_consumer, create_streams, intake_settings
from commands.event_log import Conflict, LogUnavailable, Origin
from commands.handle import CommandHandler
from commands.senders import Senders
from domain.claim import Claim, ClaimRejection, Heartbeat, Registration
from domain.ids import AccountId, IslandId
from domain.island import ISLAND
from domain.island_commands import EnrolIsland
from domain.job_events import Grade
from tests.fabric import Fabric, JoinedIsland
from tests.memory_log import MemoryEventLog
from tests.servers import nats_on

WITHIN_S: Final = 10.0
SHORT_WAIT_NS: Final = 50_000_000
FLOOD: Final = CLAIMS_BURST + 2 * CLAIMS_PER_S


class PreparedIntake:
    """An intake that fails at each job's first claims with what was prepared for them, and waits where it is told to.

    `taken` are the jobs whose claims it took, `penalized` the floods it was told of.
    """

    def __init__(self) -> None:
        self.faults: dict[str, list[Exception]] = {}
        self.waits: dict[str, asyncio.Event] = {}
        self.conflicting: dict[str, tuple[int, ...]] = {}
        self.taken: list[str] = []
        self.grades: list[Grade] = []
        self.penalized: list[tuple[str, str, int]] = []

    async def take(self, claim: Claim, *, grade: Grade, **_: Any) -> tuple[int, ...]:
        name = "" if isinstance(claim, Registration | Heartbeat) else str(claim.job_id)
        if name in self.waits:
            await self.waits[name].wait()
        if faults := self.faults.get(name):
            raise faults.pop(0)
        self.taken.append(name)
        self.grades.append(grade)
        return self.conflicting.get(name, ())

    async def take_flood(self, island_id: IslandId, flood_id: str, *, messages_per_s: int, **_: Any) -> None:
        self.penalized.append((island_id, flood_id, messages_per_s))


async def members(*joined: JoinedIsland) -> Senders:
    """Islands that are paired with their keys."""
    handler = CommandHandler(MemoryEventLog(now_ms=1))
    for island in joined:
        joins = EnrolIsland(
            island_id=island.island_id,
            owner_id=AccountId("account-1"),
            name="atlas",
            user_key=island.user.public,
            now_ms=1,
        )
        await handler.handle(ISLAND, island.island_id, joins, origin=Origin(command_id=island.island_id))
    return Senders(handler)


class World:
    """Two islands that speak through their own accounts, and a client that may do everything."""

    def __init__(self, client: Client, island: JoinedIsland, other: JoinedIsland) -> None:
        self.client = client
        self.island = island
        self.other = other
        self.intake = PreparedIntake()
        self.n = 0

    def sealed(self, body: bytes, job_id: str, **fields: Any) -> dict[str, str]:
        self.n += 1
        plain: dict[str, Any] = {
            "user": self.island.user,
            "island_id": self.island.island_id,
            "kind": "status",
            "job": job_id,
            "attempt": 1,
            "n": self.n,
            "claim_id": f"claim-{self.n}",
        }
        return seal(**(plain | fields), at_ms=1, body=body)

    async def claim(self, client: Client, job_id: str, *, by: JoinedIsland | None = None) -> int:
        """Stores a sealed claim over an island's own connection; its place in the stream."""
        island, body = by or self.island, started(job_id)
        sealed = self.sealed(body, job_id, user=island.user, island_id=island.island_id)
        answer = await client.request(subjects.status(island.island_id), body, headers=sealed, timeout=5)
        return int(json.loads(answer.data)["seq"])

    async def pending(self) -> ConsumerInfo:
        info: ConsumerInfo = await self.client.jetstream().consumer_info(subjects.JOB_STATUS, subjects.INTAKE)
        return info

    async def impatient(self) -> None:
        """From now on the server waits a moment only before it delivers a claim again."""
        settings = intake_settings() | {"ack_wait": SHORT_WAIT_NS}
        await create_consumer(self.client, subjects.JOB_STATUS, subjects.INTAKE, settings)

    async def rejected(self) -> dict[int, RejectedClaim]:
        return {one.claim_position: one for one in await RejectionHistory(self.client).newest(limit=100)}


def started(job_id: str) -> bytes:
    return json.dumps({"job_id": job_id, "state": "started", "timestamp": 1}).encode()


@asynccontextmanager
async def at_work(fabric: Fabric, client: Client, *, mailboxes: int = 1) -> AsyncIterator[World]:
    await create_streams(client)
    world = World(client, await fabric.island(), await fabric.island())
    senders = await members(world.island, world.other)
    async with fabric.connected(Role.COORDINATOR) as coordinator:
        running = [
            asyncio.create_task(
                ClaimMailbox(
                    coordinator,
                    world.intake,  # type: ignore[arg-type]  # only `take` and `take_flood` are used
                    senders,
                    RejectedClaims(coordinator),
                ).run()
            )
            for _ in range(mailboxes)
        ]
        yield world
        for task in running:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
async def world(nats_client: Client, fabric: Fabric, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(claim_mailbox, "REDELIVERY_DELAY_S", 0.05)
    monkeypatch.setattr(floods, "GATHERED_S", 0.2)
    async with at_work(fabric, nats_client) as world:
        yield world


async def nothing_pends(world: World) -> None:
    """Waits until no claim waits to be delivered, for the first time or again."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            info = await world.pending()
            if not info.num_pending and not info.num_ack_pending:
                return
            await asyncio.sleep(0.02)


async def comes_true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_sealed_claim_from_an_islands_own_account_is_taken_in_as_signed(world: World) -> None:
    async with world.island.connected() as island:
        await world.claim(island, "good")
    await comes_true(lambda: world.intake.taken == ["good"])
    assert world.intake.grades == [Grade.SIGNED]


async def test_claims_that_prove_nothing_are_kept_with_their_codes_and_never_come_again(world: World) -> None:
    own = world.island.island_id
    body = started("job-1")
    good = world.sealed(body, "job-1")
    sent: dict[int, ClaimRejection] = {}
    async with world.island.connected() as island:
        for headers, text, code in [
            ({}, body, ClaimRejection.BAD_SIGNATURE),
            (good | {"Claim-Signature": "A" * 86}, body, ClaimRejection.BAD_SIGNATURE),
            (good | {"Claim": "\t"}, body, ClaimRejection.BAD_SIGNATURE),
            (good | {"Claim": "A" * 20_000}, body, ClaimRejection.BAD_SIGNATURE),
            (good, body + b" ", ClaimRejection.BAD_SIGNATURE),
            (world.sealed(body, "job-1", island_id="A" * 56), body, ClaimRejection.ID_MISMATCH),
            (world.sealed(body, "job-2"), body, ClaimRejection.ID_MISMATCH),
            (world.sealed(b"{", "job-1"), b"{", ClaimRejection.BAD_JSON),
            (good | {"Status": "409"}, b"", ClaimRejection.BAD_SIGNATURE),
        ]:
            answer = await island.request(subjects.status(own), text, headers=headers or None, timeout=5)
            sent[json.loads(answer.data)["seq"]] = code
        await island.request(subjects.status(own), body, headers=good, timeout=5)
        answer = await island.request(subjects.status(own), body, headers=good, timeout=5)
        sent[json.loads(answer.data)["seq"]] = ClaimRejection.REPLAYED
    await comes_true(lambda: world.intake.taken == ["job-1"])
    await nothing_pends(world)
    kept = await world.rejected()
    assert {place: claim.code for place, claim in kept.items()} == sent
    assert {claim.subject for claim in kept.values()} == {subjects.status(own)}


async def test_a_claim_about_no_island_is_a_bad_subject(world: World) -> None:
    answer = await world.client.jetstream().publish("host.x.status", started("job-1"))
    async with asyncio.timeout(WITHIN_S):
        while not (kept := await world.rejected()):
            await asyncio.sleep(0.02)
    assert kept[answer.seq].code == ClaimRejection.BAD_SUBJECT


@pytest.mark.parametrize("fault", [Conflict("job.late"), LogUnavailable("loading"), TimeoutError()])
async def test_a_claim_that_could_not_be_recorded_now_comes_again_and_is_no_replay(
    world: World, fault: Exception
) -> None:
    world.intake.faults["late"] = [fault]
    async with world.island.connected() as island:
        await world.claim(island, "late")
    await comes_true(lambda: world.intake.taken == ["late"])
    assert await world.rejected() == {}


async def test_a_claim_that_breaks_the_intake_is_told_of_and_holds_up_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.intake.faults["broken"] = [RuntimeError("a defect")]
    async with world.island.connected() as island:
        with caplog.at_level(logging.ERROR, logger=claim_mailbox.__name__):
            await world.claim(island, "broken")
            await world.claim(island, "next")
            await comes_true(lambda: world.intake.taken == ["next"])
            await comes_true(lambda: bool(caplog.records))
    (told,) = caplog.records
    assert (told.message, told.levelname) == ("claim_broke", "ERROR")
    assert "a defect" in caplog.text


async def test_a_claim_that_breaks_the_intake_every_time_ends_as_poison(world: World) -> None:
    await world.impatient()
    tries = 2 * DELIVERIES_MAX
    world.intake.faults["poison"] = [RuntimeError("a defect") for _ in range(tries)]
    async with world.island.connected() as island:
        place = await world.claim(island, "poison")
        await world.claim(island, "next")
    advisory = f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{subjects.JOB_STATUS}.{subjects.INTAKE}"
    told = None
    async with asyncio.timeout(WITHIN_S):
        while told is None:
            told = await read_next(world.client, subjects.ADVISORIES, advisory, start=1)
            await asyncio.sleep(0.02)
    advised = json.loads(told.data)
    assert (advised["stream_seq"], advised["deliveries"]) == (place, DELIVERIES_MAX)
    assert len(world.intake.faults["poison"]) == tries - DELIVERIES_MAX
    assert world.intake.taken == ["next"]


async def test_output_that_conflicts_is_kept_with_its_own_place(world: World) -> None:
    world.intake.conflicting["job-1"] = (70, 71)
    async with world.island.connected() as island:
        await world.claim(island, "job-1")
    async with asyncio.timeout(WITHIN_S):
        while len(kept := await world.rejected()) < 2:
            await asyncio.sleep(0.02)
    assert [(one.claim_stream, one.code, one.subject) for one in kept.values()] == 2 * [
        (subjects.JOB_OUTPUT, ClaimRejection.CONFLICTING_CHUNK, subjects.output(world.island.island_id))
    ]


async def test_an_island_whose_claims_are_slow_holds_up_nobody_else(world: World) -> None:
    world.intake.waits["slow"] = asyncio.Event()
    async with world.island.connected() as island, world.other.connected() as stranger:
        for _ in range(100):
            await world.claim(island, "slow")
        await world.claim(stranger, "quick", by=world.other)
        await comes_true(lambda: world.intake.taken == ["quick"])
        world.intake.waits["slow"].set()
        await comes_true(lambda: world.intake.taken.count("slow") == 100)


async def test_a_flood_is_dropped_told_of_once_and_penalized_once_while_others_are_heard(
    world: World,
) -> None:
    async with world.island.connected() as island, world.other.connected() as stranger:
        body, own = started("flood"), subjects.status(world.island.island_id)
        for _ in range(FLOOD):
            await island.publish(own, body, headers=world.sealed(body, "flood"))
        await island.flush()
        await world.claim(stranger, "quick", by=world.other)
        await comes_true(lambda: "quick" in world.intake.taken)
        await comes_true(lambda: bool(world.intake.penalized))
    await nothing_pends(world)
    taken = world.intake.taken.count("flood")
    kept = [one for one in (await world.rejected()).values() if one.code == ClaimRejection.OVER_LIMIT]
    dropped = sum(int(one.detail.split()[0]) for one in kept)
    assert taken >= CLAIMS_BURST
    assert taken + dropped == FLOOD
    assert len(kept) <= 2
    assert len({flood_id for _, flood_id, _ in world.intake.penalized}) == 1
    assert all(island_id == world.island.island_id for island_id, _, _ in world.intake.penalized)


async def test_a_full_lane_puts_claims_back_and_loses_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.nats.lanes.IN_LANE_MAX", 3)
    world.intake.waits["slow"] = asyncio.Event()
    async with world.island.connected() as island:
        for _ in range(6):
            await world.claim(island, "slow")
        async with asyncio.timeout(WITHIN_S):
            while not (await world.pending()).num_redelivered:
                await asyncio.sleep(0.02)
        world.intake.waits["slow"].set()
        await comes_true(lambda: len(world.intake.taken) == 6)
    assert await world.rejected() == {}


async def test_a_claim_that_takes_longer_than_the_server_waits_is_taken_once(world: World) -> None:
    await world.impatient()
    world.intake.waits["slow"] = asyncio.Event()
    async with world.island.connected() as island:
        await world.claim(island, "slow")
        async with asyncio.timeout(WITHIN_S):
            while not (await world.pending()).num_redelivered:
                await asyncio.sleep(0.02)
        await asyncio.sleep(2 * SHORT_WAIT_NS / 1e9)  # It is delivered again, and again.
        world.intake.waits["slow"].set()
        await nothing_pends(world)
    assert world.intake.taken == ["slow"]


async def test_claims_are_taken_once_where_two_coordinators_share_them(
    nats_client: Client, fabric: Fabric
) -> None:
    async with at_work(fabric, nats_client, mailboxes=2) as world, world.island.connected() as island:
        for number in range(50):
            await world.claim(island, f"job-{number}")
        await comes_true(lambda: len(world.intake.taken) == 50)
        assert len(set(world.intake.taken)) == 50


async def test_claims_are_taken_with_the_newer_layout_of_receipts(
    data_directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with nats_on(data_directory, has_new_receipts=True) as server:
        fabric = Fabric(server)
        async with (
            fabric.connected(Role.DEPLOY) as client,
            at_work(fabric, client) as world,
            world.island.connected() as island,
        ):
            receipts: list[str] = []

            def noted(receipt: str) -> int:
                receipts.append(receipt)
                return stored_at_ms(receipt)

            monkeypatch.setattr(claim_mailbox, "stored_at_ms", noted)
            await world.claim(island, "good")
            answer = await island.request(subjects.status(world.island.island_id), b"{", timeout=5)
            place = json.loads(answer.data)["seq"]
            await comes_true(lambda: world.intake.taken == ["good"])
            await nothing_pends(world)
            stored = await read_next(client, subjects.JOB_STATUS, "host.>", start=place)
            kept = await world.rejected()
    assert min(len(receipt.split(".")) for receipt in receipts) > OLD_RECEIPT_TOKENS
    assert stored is not None
    assert list(kept) == [place]
    assert kept[place].received_at_ms == recorded_at_ms((stored.headers or {})["Nats-Time-Stamp"])
