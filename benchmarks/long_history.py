"""How long an account with a long past takes to be known after a restart, with and without a snapshot.

One account of 100 000 commits (a hold, then its release, again and again) in a real log; then a handler that knows
nothing asks for its state, from the first event and from a snapshot that is as far behind as one may be.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, Final

import msgspec
from nats.aio.client import Client
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters import codec
from adapters.nats import subjects
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import connect
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.streams import deploy_streams
from adapters.postgres.snapshots import PostgresSnapshots
from benchmarks.network import nats_server, postgres_server
from commands.handle import CommandHandler
from commands.snapshots import UNKEPT_SHARE_MAX, Snapshot, Snapshots
from domain.account import ACCOUNT, Account
from domain.account_events import AccountEvent, AccountOpened, CreditsHeld, HoldReleased
from domain.ids import AccountId, JobId

COMMITS: Final = 100_000
AT_ONCE: Final = 500
ROUNDS: Final = 3
RICH: Final = AccountId("rich")


@dataclass(frozen=True, slots=True, kw_only=True)
class LongHistory:
    """Seconds until the state is known, the best of a few rounds, and the bytes of the snapshot."""

    folded_s: float
    restored_s: float
    snapshot_bytes: int


async def run(commits: int = COMMITS) -> LongHistory:
    async with nats_server() as nats, postgres_server() as postgres:
        await deploy_streams(nats.access(Role.DEPLOY))
        client = await connect(nats.access(Role.COORDINATOR), "long-history")
        pool = AsyncConnectionPool[AsyncConnection[Any]](
            postgres.dsn, min_size=1, open=False, kwargs={"autocommit": True}
        )
        async with pool:
            await write_past(client, commits)
            found = await measured(JetStreamEventLog(client), pool)
        await client.close()
    return found


def past(commits: int) -> Iterator[AccountEvent]:
    yield AccountOpened(account_id=RICH, name="benchmark", opened_at_ms=1)
    for number in range(1, commits):
        job_id = JobId(f"0192f0c1-2b3c-7d4e-8f50-{(number - 1) // 2:012d}")
        if number % 2:
            yield CreditsHeld(account_id=RICH, job_id=job_id, amount_micro=1, held_at_ms=1)
        else:
            yield HoldReleased(account_id=RICH, job_id=job_id, released_micro=1, released_at_ms=1)


async def write_past(client: Client, commits: int) -> None:
    """Many on the wire at once; one connection keeps their order."""
    subject, numbers, events_left = subjects.fact(ACCOUNT.stream(RICH)), count(), past(commits)
    while events := list(islice(events_left, AT_ONCE)):
        bodies = [(codec.encode([event]), {subjects.COMMAND_ID: f"c{next(numbers)}"}) for event in events]
        await asyncio.gather(
            *(client.request(subject, body, headers=headers, timeout=30) for body, headers in bodies)
        )


async def measured(log: JetStreamEventLog, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> LongHistory:
    snapshots = PostgresSnapshots(pool, program="benchmark")
    await snapshots.create()
    folded_s = min([await known_after_s(log, None) for _ in range(ROUNDS)])
    snapshot = await as_old_as_may_be(log)
    await snapshots.write(ACCOUNT.stream(RICH), snapshot)
    return LongHistory(
        folded_s=folded_s,
        restored_s=min([await known_after_s(log, snapshots) for _ in range(ROUNDS)]),
        snapshot_bytes=len(msgspec.msgpack.encode(snapshot.state)),
    )


async def known_after_s(log: JetStreamEventLog, snapshots: Snapshots | None) -> float:
    handler, began = CommandHandler(log, snapshots), time.perf_counter()
    state = await handler.state(ACCOUNT, RICH)
    took_s = time.perf_counter() - began
    assert state.is_open
    return took_s


async def as_old_as_may_be(log: JetStreamEventLog) -> Snapshot[Account]:
    """A snapshot of which a next one is about to be due."""
    end = round(await log.last_position() / (1 + UNKEPT_SHARE_MAX))
    commits = [commit async for batch in log.read(after=0, up_to=end) for commit in batch]
    state = ACCOUNT.fold(event for commit in commits for event in commit.events)
    return Snapshot(state=state, version=end, events=end, command_id=commits[-1].origin.command_id)


async def main() -> None:
    found = await run()
    print(
        f"an account of {COMMITS:,} commits is known after {found.folded_s:.2f} s, from a snapshot of "
        f"{found.snapshot_bytes / 1e6:.2f} MB after {found.restored_s:.2f} s"
    )


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
