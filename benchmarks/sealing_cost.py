"""Submitting jobs to the log with their inputs sealed, against the same with inputs readable.

Both sides append events of one shape to the same server, in turns, so noise hits both. Every job is of one of 20
accounts, whose keys are known after the first round, as those of customers at work are. What one event takes to seal
and to reveal is timed without the server, from decoded event to decoded event.
"""

import asyncio
import json
import secrets
import statistics
import time
from dataclasses import dataclass, replace

from nats.aio.client import Client

from adapters.field_cipher import FieldCipher
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import connect
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.streams import deploy_streams
from adapters.nats.subject_keys import JetStreamSubjectKeys
from benchmarks.network import nats_server
from commands.event_log import Origin
from domain.ids import AccountId, JobId
from domain.job_events import JobSubmitted
from tests.examples import submitted

ROUNDS = 7
ACCOUNTS = 20
AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingCost:
    """Appends per second, medians over the rounds; `ratio` is the median of the rounds' own ratios."""

    input_bytes: int
    plain_per_s: float
    sealed_per_s: float
    ratio: float
    sealed_us: float
    revealed_us: float


def jobs(count: int, input_bytes: int) -> list[JobSubmitted]:
    return [
        replace(
            submitted(),
            job_id=JobId(secrets.token_hex(16)),
            account_id=AccountId(f"account-{number % ACCOUNTS}"),
            input_json=json.dumps({"text": secrets.token_hex(input_bytes // 2)}),
        )
        for number in range(count)
    ]


async def appended_per_s(log: JetStreamEventLog, events: list[JobSubmitted]) -> float:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(event: JobSubmitted) -> None:
        async with turns:
            await log.append(
                f"job.{event.job_id}", [event], expected=0, origin=Origin(command_id=event.job_id)
            )

    started = time.perf_counter()
    await asyncio.gather(*(one(event) for event in events))
    return len(events) / (time.perf_counter() - started)


async def cipher_us(cipher: FieldCipher, events: list[JobSubmitted]) -> tuple[float, float]:
    """Microseconds to seal one event, and to reveal one."""
    started = time.perf_counter()
    sealed = [(await cipher.sealed([event], event.job_id))[0] for event in events]
    between = time.perf_counter()
    for event in sealed:
        await cipher.revealed([event])
    ended = time.perf_counter()
    return 1e6 * (between - started) / len(events), 1e6 * (ended - between) / len(events)


async def run(input_bytes: int, appends: int) -> SealingCost:
    async with nats_server() as server:
        await deploy_streams(server.access(Role.DEPLOY))
        client: Client = await connect(server.access(Role.COORDINATOR), "sealing-cost")
        master = secrets.token_bytes(32)
        cipher = FieldCipher(JetStreamSubjectKeys(client, master), master)
        plain, sealing = JetStreamEventLog(client), JetStreamEventLog(client, cipher)
        await appended_per_s(sealing, jobs(ACCOUNTS, input_bytes))
        plain_rates, sealed_rates = [], []
        for _ in range(ROUNDS):
            plain_rates.append(await appended_per_s(plain, jobs(appends, input_bytes)))
            sealed_rates.append(await appended_per_s(sealing, jobs(appends, input_bytes)))
        sealed_us, revealed_us = await cipher_us(cipher, jobs(appends, input_bytes))
        await client.close()
    return SealingCost(
        input_bytes=input_bytes,
        plain_per_s=statistics.median(plain_rates),
        sealed_per_s=statistics.median(sealed_rates),
        ratio=statistics.median(s / p for s, p in zip(sealed_rates, plain_rates, strict=True)),
        sealed_us=sealed_us,
        revealed_us=revealed_us,
    )
