"""How long it takes to let an island in, and to put it out again.

Enrolment is measured on the whole network with the island's own code: nonce, signed enrolment over HTTP, the account
pushed, a connection, and the receipt of the first claim. Connections and their ends are measured on a server with a
registrar: each connection is the first of its island, and an end is seen on the island's socket.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Final

import httpx

from adapters import clock
from adapters.nats import connection
from adapters.nats.accounts.island_keys import IslandKeys
from adapters.nats.accounts.layout import IslandAccount
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import Role
from adapters.nats.accounts.system import SystemAccount
from adapters.nats.claim_signer import ClaimSigner
from adapters.nats.island_session import IslandAccess, IslandSession
from adapters.wire import JobStatus
from benchmarks.end_to_end import Running
from benchmarks.end_to_end import network as whole_network
from benchmarks.island_network import IslandNetwork, island_network
from benchmarks.thin_island import Member, connected
from domain.island_commands import RevokeIsland, SuspendIsland
from island.enrolment import CoordinatorDoor
from island.identity import Identity

ENROLMENTS: Final = 60
CONNECTIONS: Final = 200
ENDS: Final = 50
DROPPED_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Milliseconds."""

    p50_ms: float
    p95_ms: float
    max_ms: float

    def __str__(self) -> str:
        return f"p50 {self.p50_ms:.1f} ms, p95 {self.p95_ms:.1f} ms, max {self.max_ms:.1f} ms"


def spread(seconds: list[float]) -> Spread:
    ordered = sorted(1_000 * one for one in seconds)
    return Spread(
        p50_ms=statistics.median(ordered), p95_ms=ordered[int(len(ordered) * 0.95)], max_ms=ordered[-1]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    answered: Spread
    to_first_receipt: Spread


async def enrolment() -> Enrolment:
    answered, received = [], []
    async with whole_network() as running, httpx.AsyncClient() as client:
        for number in range(ENROLMENTS):
            identity = Identity(account=NKey.new(Kind.ACCOUNT), user=NKey.new(Kind.USER), is_new=True)
            started = time.perf_counter()
            session = await enrolled(identity, running, client)
            answered.append(time.perf_counter() - started)
            await session.open()
            await session.claims.status.publish(claim(), f"first-{number}")
            received.append(time.perf_counter() - started)
            await session.close()
    return Enrolment(answered=spread(answered), to_first_receipt=spread(received))


async def enrolled(identity: Identity, running: Running, client: httpx.AsyncClient) -> IslandSession:
    """A connection of an island that has joined, not open yet."""
    door = CoordinatorDoor(client, running.url)
    found = await door.enrol(identity, key=running.key, name="atlas", platform="linux")
    numbers = count(clock.now_ms())
    access = IslandAccess(
        url=found.nats_url,
        island_id=identity.island_id,
        user=identity.user,
        document=lambda: found.user_jwt,
        encryption=connection.encryption(found.nats_url, None),
    )
    signer = ClaimSigner(island_id=identity.island_id, user=identity.user, next_number=lambda: next(numbers))
    return IslandSession(access, signer, lambda _: None, lambda _: None)


def claim() -> JobStatus:
    """About a job that nobody knows: stored and acknowledged like any other, and rejected afterwards."""
    return JobStatus(job_id="unknown_1", state="started", timestamp=clock.now_ms(), attempt=1)


async def first_connections(*, is_encrypted: bool) -> Spread:
    """One after the other, each of an island that has never been connected."""
    taken = []
    async with island_network(is_encrypted=is_encrypted) as network:
        for member in await network.join_many(CONNECTIONS):
            started = time.perf_counter()
            island = await connected(member, network.server.url, network.tls)
            taken.append(time.perf_counter() - started)
            island.hang_up()
    return spread(taken)


async def ends() -> dict[str, Spread]:
    """From each order to the closed socket of the island it is about."""
    async with island_network() as network:
        system = SystemAccount(await network.connected(Role.REGISTRAR))
        keys = IslandKeys.of_registrar(network.deployment.registrar)
        orders: dict[str, Callable[[Member], Awaitable[object]]] = {
            "revoked, from the command": lambda one: network.carry_out(revocation(one)),
            "suspended, from the command": lambda one: network.carry_out(suspension(one)),
            "revoked, the push alone": lambda one: system.push(revoked(keys, one)),
            "kicked, the kick alone": lambda one: system.kick(one.island_id),
        }
        return {name: await dropped(network, order) for name, order in orders.items()}


async def dropped(network: IslandNetwork, order: Callable[[Member], Awaitable[object]]) -> Spread:
    taken = []
    for member in await network.join_many(ENDS):
        island = await connected(member, network.server.url, network.tls)
        started = time.perf_counter()
        ordering = asyncio.ensure_future(order(member))
        async with asyncio.timeout(DROPPED_WITHIN_S):
            taken.append(await island.lost_at_s - started)
        await ordering
    return spread(taken)


def revocation(member: Member) -> RevokeIsland:
    return RevokeIsland(island_id=member.island_id, reason="benchmark", now_ms=clock.now_ms())


def suspension(member: Member) -> SuspendIsland:
    return SuspendIsland(island_id=member.island_id, reason="benchmark", now_ms=clock.now_ms())


def revoked(keys: IslandKeys, member: Member) -> str:
    """The account once its key counts no more, as the registrar writes it."""
    now_s = clock.now_ms() // 1_000
    account = IslandAccount(
        island_id=member.island_id, user_key=member.user.public, revoked_before_s=now_s + 1
    )
    return keys.account_jwt(account, issued_at_s=now_s + 1)
