"""How fast projections catch up, against raw COPY of the rows they end with.

One history of whole job life cycles is applied to each projection in batches, as a runner that is behind does it. Then
the very rows are copied into empty tables of the same shape and indexes: `raw` is what Postgres itself takes for them.
`rebuilt` is a verification beside the live rows, and `single` the mean time of a batch of one commit at the end.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from benchmarks.network import postgres_server
from commands.event_log import Commit
from projections.contract import Projection, Transaction, apply_batch, live_schema
from projections.migrations import prepare
from projections.rebuild import verify
from projections.registry import PROJECTIONS
from projections.runner import BATCH_COMMITS_MAX, connect
from tests.histories import Network, random_history

EVENTS = 50_000
EVENTS_PER_JOB = 9
SINGLES = 500
ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionRate:
    """Events per second; `ratio` is applied to raw. `all` is one projection after the other."""

    applied_per_s: float
    raw_per_s: float
    rebuilt_per_s: float
    single_ms: float

    @property
    def ratio(self) -> float:
        return self.applied_per_s / self.raw_per_s


async def apply_all(
    tx: Transaction, projection: Projection, commits: Sequence[Commit], position: int, batch: int
) -> float:
    """Seconds that it takes to apply the commits behind `position`."""
    started = time.perf_counter()
    while position < len(commits):
        due = commits[position : position + batch]
        position = await apply_batch(tx, projection, live_schema(projection), position, due)
    return time.perf_counter() - started


async def raw_copy(tx: Transaction, projection: Projection) -> float:
    """Seconds that Postgres takes for the projection's rows with their indexes, one COPY a table."""
    seconds = 0.0
    for table in projection.tables:
        rows, raw = sql.Identifier(live_schema(projection), table), sql.Identifier(f"raw_{table}")
        async with tx.cursor() as cursor, cursor.copy(sql.SQL("COPY {} TO STDOUT").format(rows)) as copy:
            data = b"".join([bytes(block) async for block in copy])
        await tx.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(raw, rows))
        started = time.perf_counter()
        async with tx.cursor() as cursor, cursor.copy(sql.SQL("COPY {} FROM STDIN").format(raw)) as copy:
            await copy.write(data)
        seconds += time.perf_counter() - started
    return seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    applied: float
    raw: float
    rebuilt: float
    singles: float


async def measure(dsn: str, projection: Projection, network: Network) -> Seconds:
    bulk = len(network.commits) - SINGLES
    async with await connect(dsn, "benchmark") as tx:
        position = await prepare(tx, projection, live_schema(projection))
        applied = await apply_all(tx, projection, network.commits[:bulk], position, BATCH_COMMITS_MAX)
        singles = await apply_all(tx, projection, network.commits, bulk, 1)
        raw = await raw_copy(tx, projection)
    verified = await verify(network, dsn, projection.name)
    assert verified.is_equal
    return Seconds(applied=applied, raw=raw, rebuilt=verified.seconds, singles=singles)


async def run(events: int = EVENTS) -> dict[str, ProjectionRate]:
    """By projection, and for `all` of them, over a history of about `events` events."""
    network = random_history(events // EVENTS_PER_JOB, trouble=0)
    counted = sum(len(commit.events) for commit in network.commits)
    async with postgres_server() as server:
        seconds = {one.name: await measure(server.dsn, one, network) for one in PROJECTIONS}
    seconds[ALL] = Seconds(
        applied=sum(one.applied for one in seconds.values()),
        raw=sum(one.raw for one in seconds.values()),
        rebuilt=sum(one.rebuilt for one in seconds.values()),
        singles=sum(one.singles for one in seconds.values()),
    )
    return {name: rate(counted, one) for name, one in seconds.items()}


def rate(events: int, seconds: Seconds) -> ProjectionRate:
    return ProjectionRate(
        applied_per_s=(events - SINGLES) / seconds.applied,
        raw_per_s=events / seconds.raw,
        rebuilt_per_s=events / seconds.rebuilt,
        single_ms=1000 * seconds.singles / SINGLES,
    )


async def main() -> None:
    for name, one in (await run()).items():
        print(
            f"{name:10} {one.applied_per_s:11,.0f} events/s  raw COPY {one.raw_per_s:11,.0f}  "
            f"ratio {one.ratio:5.2f}  rebuild {one.rebuilt_per_s:11,.0f}  single {one.single_ms:5.2f} ms"
        )


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
