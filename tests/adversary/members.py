"""Islands in a plain client's hands: what any of them can do, and the one that only wants to work.

`Member` speaks for itself and signs as it likes; `Victim` holds a job and, asked whether it still works, says something
on every stream and waits until each word has had its effect.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

import nats.errors
from nats.aio.client import Client

from adapters import codec, wire
from adapters.claim_envelope import seal
from adapters.nats import subjects
from adapters.nats.accounts.island_keys import island_signing_key
from adapters.nats.accounts.jwt import mint
from adapters.nats.accounts.nkey import Kind, NKey
from domain.ids import IslandId
from domain.island_events import AsksChanged
from domain.job import LEASE_MS, LEASE_STEP_MS
from domain.job_events import AttemptStarted, LeaseRenewed
from tests.fabric import EXPIRES_AT_S, ISSUED_AT_S, Fabric, JoinedIsland, settle

ANSWER_S: Final = 5.0
SILENCE_S: Final = 0.15
"""How long an answer is waited for that must not come, where the server does not say at once that nobody listens."""
EFFECT_S: Final = 10.0
LOOK_S: Final = 0.002
NOBODY: Final = b""
ENVELOPE_NAME_CHARACTERS_MAX: Final = 64
_numbers = itertools.count(time.time_ns() // 1_000_000)
_claims = itertools.count(1)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def seen(question: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits for an effect."""
    deadline = time.monotonic() + EFFECT_S
    while not await question():
        assert time.monotonic() < deadline, f"not after {EFFECT_S} s: {what}"
        await asyncio.sleep(LOOK_S)


class Member:
    """One island. `complaints` is what the server has said to its connections."""

    def __init__(self, joined: JoinedIsland) -> None:
        self.joined = joined
        self.complaints: list[str] = []
        self.ended = asyncio.Event()
        self._stack = AsyncExitStack()

    @property
    def island_id(self) -> IslandId:
        return self.joined.island_id

    @property
    def inbox(self) -> str:
        return subjects.inbox_prefix(self.island_id)

    async def connect(self, **more: Any) -> Client:
        """As the user that the registrar has made; once, it does not come back. `more` are options of the library."""

        async def complain(error: Exception) -> None:
            self.complaints.append(str(error))

        async def end() -> None:
            self.ended.set()

        once = {"allow_reconnect": False, "error_cb": complain, "closed_cb": end}
        return await self._stack.enter_async_context(self.joined.connected(**once | more))

    async def connect_freely(self, fabric: Fabric) -> Client:
        """As a user of its account who has no list of permissions: what the account alone keeps in."""
        return await self.connect(**as_anything_goes(self.joined, fabric))

    async def close(self) -> None:
        await self._stack.aclose()

    def sealed(self, subject: str, body: bytes, **fields: Any) -> dict[str, str]:
        """The envelope that belongs to a claim, or with other `fields` one that does not."""
        named = job_in(body)[:ENVELOPE_NAME_CHARACTERS_MAX]
        number = named.rpartition("_")[2]
        plain: dict[str, Any] = {
            "user": self.joined.user,
            "island_id": self.island_id,
            "kind": subject.rpartition(".")[2],
            "job": named,
            "attempt": int(number) if number.isdigit() else int(bool(named)),
            "n": next(_numbers),
            "claim_id": f"claim-{next(_claims)}",
            "at_ms": now_ms(),
        }
        return seal(**plain | fields, body=body)

    async def is_denied(self, client: Client, act: Awaitable[object], subject: str) -> bool:
        """Whether the server refuses what its client does then, and names the subject."""
        self.complaints.clear()
        await act
        await settle(client)
        said = [complaint.lower() for complaint in self.complaints]
        return any("permissions violation" in one and subject.lower() in one for one in said)


def job_in(body: bytes) -> str:
    """The job that a claim names; none in what cannot be read."""
    try:
        named = json.loads(body)["job_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return named if isinstance(named, str) and named.isprintable() else ""


async def answer_of(client: Client, subject: str, body: bytes = b"{}", **more: Any) -> bytes:
    """What somebody says to it, or `NOBODY`."""
    try:
        return (await client.request(subject, body, timeout=SILENCE_S, **more)).data
    except (nats.errors.NoRespondersError, nats.errors.TimeoutError):
        return NOBODY


def as_anything_goes(island: JoinedIsland, fabric: Fabric) -> dict[str, Any]:
    signing = island_signing_key(fabric.keys.islands_master, island.island_id)
    user = NKey.new(Kind.USER)
    claims = {"pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1, "issuer_account": island.island_id}
    jwt = mint(signing, user.public, "user", claims, issued_at_s=ISSUED_AT_S, expires_at_s=EXPIRES_AT_S)
    free = JoinedIsland(account=island.account, user=user, jwt=jwt, url=island.url)
    return {name: free.options[name] for name in ("user_jwt_cb", "signature_cb")}


class Victim(Member):
    """`job_id` is the job it holds. `heard` is everything that reached it unasked."""

    def __init__(self, joined: JoinedIsland, operator: Client) -> None:
        super().__init__(joined)
        self.job_id = ""
        self.heard: list[tuple[str, bytes]] = []
        self._operator = operator
        self._prices = itertools.count(1)

    async def begin(self) -> None:
        """Comes online, and hears its signals and one place in its inbox that nobody has been told of."""
        self.client = await self.connect()

        async def hear(message: Any) -> None:
            self.heard.append((message.subject, message.data))

        for kind in ("cancel", "preload", "probe"):
            await self.client.subscribe(f"host.{self.island_id}.{kind}", cb=hear)
        await self.client.subscribe(f"{self.inbox}.unasked", cb=hear)
        await self.say(subjects.REGISTER, wire.encode(self._registration()))
        await self.say(subjects.heartbeat(self.island_id), self._beat(next(self._prices)))

    async def take_job(self) -> None:
        """The next job of its queue, begun."""
        queue = await self.client.jetstream(domain=subjects.CORE_DOMAIN).pull_subscribe_bind(
            subjects.jobs_consumer(self.island_id), stream=subjects.JOBS
        )
        (message,) = await queue.fetch(1, timeout=EFFECT_S)
        self.job_id = json.loads(message.data)["job_id"]
        await message.ack_sync()
        await self.say(subjects.status(self.island_id), self.status("started"))
        await seen(lambda: self._has_told(f"job.{self.job_id}", lambda fact: fact.attempt == 1), "started")

    async def has_heard(self) -> bool:
        return bool(self.heard)

    def status(self, state: str, **more: Any) -> bytes:
        return wire.encode(
            wire.JobStatus(job_id=self.job_id, state=state, timestamp=now_ms(), attempt=1, **more)
        )

    async def say(self, subject: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
        """Its place in its stream. Asserts that it is stored under its own name, word for word, and no duplicate."""
        receipt = await self.client.request(
            subject, body, timeout=ANSWER_S, headers=self.sealed(subject, body) | dict(headers or {})
        )
        place = json.loads(receipt.data)
        assert "error" not in place, place
        assert not place.get("duplicate"), place
        stored = await self._operator.jetstream().get_msg(place["stream"], place["seq"])
        own = f"{subject}.{self.island_id}" if subject == subjects.REGISTER else subject
        assert (stored.subject, stored.data) == (own, body)
        return int(place["seq"])

    async def works(self) -> int:
        """Its heartbeat and its renewal are stored and taken in, its progress is stored.

        Returns how many facts of its job that made: none where the renewal added too little to the lease to be news.
        """
        facts, price = f"job.{self.job_id}", next(self._prices)
        before = await self._last_position(facts)
        asked_ms = now_ms()
        lease = wire.LeaseRenewal(job_id=self.job_id, extend_seconds=60, attempt=1)
        step = wire.JobProgress(job_id=self.job_id, step=1, total=2)
        _, renewal, _ = await asyncio.gather(
            self.say(subjects.heartbeat(self.island_id), self._beat(price)),
            self.say(subjects.lease(self.island_id), wire.encode(lease)),
            self.say(subjects.progress(self.island_id), wire.encode(step)),
        )

        def is_price(fact: object) -> bool:
            return isinstance(fact, AsksChanged) and fact.asks_micro == {"honest": price}

        def is_lease(fact: object) -> bool:
            if not isinstance(fact, AttemptStarted | LeaseRenewed):
                return False
            return fact.lease_ends_at_ms > asked_ms + LEASE_MS - LEASE_STEP_MS

        async def is_taken() -> bool:
            told = await self._operator.jetstream().consumer_info(subjects.JOB_STATUS, subjects.INTAKE)
            return told.ack_floor is not None and told.ack_floor.stream_seq >= renewal

        await seen(lambda: self._has_told(f"island.{self.island_id}", is_price), "its price is a fact")
        await seen(is_taken, "its renewal is taken")
        await seen(lambda: self._has_told(facts, is_lease), "its lease is as long as it asked")
        return int(await self._last_position(facts) > before)

    async def _last_position(self, stream: str) -> int:
        stored = await self._operator.jetstream().get_last_msg(subjects.EVT, subjects.fact(stream))
        assert stored.seq is not None
        return stored.seq

    async def _has_told(self, stream: str, is_it: Callable[[Any], bool]) -> bool:
        stored = await self._operator.jetstream().get_last_msg(subjects.EVT, subjects.fact(stream))
        return any(is_it(fact) for fact in codec.decode(stored.data or b""))

    def _registration(self) -> wire.RegisterHost:
        test = wire.WireSelfTest(
            runtime="wasm", engine="wasmtime", engine_version="50", passed=True, score=100
        )
        return wire.RegisterHost(
            host_id=self.island_id,
            version="1.0",
            capabilities=wire.WireCapabilities(cpu_cores=4, ram_mb=4096),
            protocol=wire.PROTOCOL,
            platform="linux-x86_64",
            disk_free_mb=10_000,
            supported_runtimes=["wasm"],
            self_tests=[test],
            slots=1,
        )

    def _beat(self, price_micro: int) -> bytes:
        live = [wire.WireAttempt(job_id=self.job_id, attempt=1, state="running")] if self.job_id else []
        return wire.encode(
            wire.HostHeartbeat(
                host_id=self.island_id,
                agent_version="1.0",
                status="online",
                active_jobs=len(live),
                timestamp=now_ms(),
                asking_prices={"honest": f"0.{price_micro:06}"},
                protocol=wire.PROTOCOL,
                attempts=live,
            )
        )
