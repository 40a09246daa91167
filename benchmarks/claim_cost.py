"""What a claim costs: to sign it, to check it, and to turn away one that is wrong.

Signing and checking are processor time in this process. Turning away is measured twice: the check alone, for every kind
of wrong claim, and the whole way through a running coordinator, from the first of many to the last acknowledged one.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from nats.aio.client import Client

from adapters.claim_address import address_of
from adapters.claim_check import ClaimCheck
from adapters.claim_envelope import opened, seal
from adapters.nats import subjects
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import access_of, connect
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.streams import deploy_streams
from benchmarks.end_to_end import Running
from benchmarks.end_to_end import network as whole_network
from benchmarks.island_admission import enrolled
from benchmarks.network import nats_server
from commands.event_log import Origin
from commands.handle import CommandHandler
from commands.senders import Senders
from domain.claim import ClaimRejected
from domain.ids import AccountId, IslandId
from domain.island import ISLAND
from domain.island_commands import EnrolIsland
from island.identity import Identity

ROUNDS: Final = 2_000
WRONG_ROUNDS: Final = 200
TURNED_AWAY: Final = 800
"""Below the quota of an island, so that every one is read."""
JOB: Final = "unknown_1"
BODY: Final = json.dumps({"job_id": JOB, "state": "started", "timestamp": 1, "attempt": 1}).encode()
WRONG_BODIES: Final = {
    "no JSON": b"\xff\xfe" * 50,
    "not a number": BODY.replace(b'"timestamp": 1', b'"timestamp": NaN'),
    "deep": b"[" * 60_000,
    "long": BODY[:-1] + b" " * 64_000 + b"}",
    "too long": b" " * 70_000,
    "another attempt": BODY.replace(b'"attempt": 1', b'"attempt": 2'),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCost:
    """`wrong_ms` is by kind of wrong claim; `turned_away_ms` the whole way, each, when many come at once."""

    signed_per_s: float
    checked_per_s: float
    wrong_ms: Mapping[str, float]
    turned_away_ms: float


async def run() -> ClaimCost:
    identity = Identity(account=NKey.new(Kind.ACCOUNT), user=NKey.new(Kind.USER), is_new=True)
    signed_per_s, checked_per_s = pace(identity)
    return ClaimCost(
        signed_per_s=signed_per_s,
        checked_per_s=checked_per_s,
        wrong_ms=await wrong_ms(identity),
        turned_away_ms=await turned_away_ms(identity),
    )


def sealed(identity: Identity, body: bytes, n: int) -> dict[str, str]:
    return seal(
        identity.user,
        island_id=identity.island_id,
        kind="status",
        job=JOB,
        attempt=1,
        n=n,
        claim_id=f"claim-{n}",
        at_ms=1,
        body=body,
    )


def pace(identity: Identity) -> tuple[float, float]:
    """Claims a second: signed, and checked."""
    started = time.perf_counter()
    headers = [sealed(identity, BODY, n) for n in range(ROUNDS)]
    signed = time.perf_counter()
    for one in headers:
        opened(one, island_id=identity.island_id, kind="status", body=BODY, user_key=identity.user.public)
    return ROUNDS / (signed - started), ROUNDS / (time.perf_counter() - signed)


async def wrong_ms(identity: Identity) -> dict[str, float]:
    """Milliseconds for each wrong claim, by what is wrong with it."""
    stranger = Identity(account=identity.account, user=NKey.new(Kind.USER), is_new=True)
    async with nats_server() as server:
        await deploy_streams(server.access(Role.DEPLOY))
        client = await connect(server.access(Role.COORDINATOR), "claim-cost")
        handler = CommandHandler(JetStreamEventLog(client))
        await handler.handle(ISLAND, identity.island_id, joining(identity), origin=Origin(command_id="joins"))
        check = ClaimCheck(Senders(handler))
        claims = {name: (sealed(identity, body, 1), body) for name, body in WRONG_BODIES.items()}
        claims |= {"unsigned": ({}, BODY), "signed by another": (sealed(stranger, BODY, 1), BODY)}
        found = {name: await rejection_ms(check, identity.island_id, *one) for name, one in claims.items()}
        await client.close()
    return found


def joining(identity: Identity) -> EnrolIsland:
    return EnrolIsland(
        island_id=identity.island_id,
        owner_id=AccountId("owner"),
        name="atlas",
        user_key=identity.user.public,
        now_ms=1,
    )


async def rejection_ms(
    check: ClaimCheck, island_id: IslandId, headers: Mapping[str, str], body: bytes
) -> float:
    address = address_of(subjects.status(island_id))
    started = time.perf_counter()
    for _ in range(WRONG_ROUNDS):
        try:
            await check.checked(address, headers, body, is_redelivered=False)
        except ClaimRejected:
            continue
        raise AssertionError("a wrong claim was taken")
    return 1_000 * (time.perf_counter() - started) / WRONG_ROUNDS


async def turned_away_ms(identity: Identity) -> float:
    async with whole_network() as running, httpx.AsyncClient() as http:
        session = await enrolled(identity, running, http)
        await session.open()
        observer = await observing(running)
        started = time.perf_counter()
        for _ in range(TURNED_AWAY):
            await session.tell(subjects.status(identity.island_id), BODY)
        await session.ask(subjects.status(identity.island_id), BODY, timeout_s=5.0)
        while not await is_read(observer):  # noqa: ASYNC110 - done by another process
            await asyncio.sleep(0.01)
        taken = time.perf_counter() - started
        await observer.close()
        await session.close()
    return 1_000 * taken / (TURNED_AWAY + 1)


async def observing(running: Running) -> Client:
    folder = KeyFolder(Path(running.nats_keys).with_name("operator"))
    return await connect(access_of(running.nats_url, folder, Role.DEPLOY), "claim-cost")


async def is_read(client: Client) -> bool:
    intake = await client.jetstream().consumer_info(subjects.JOB_STATUS, subjects.INTAKE)
    return not intake.num_pending and not intake.num_ack_pending
