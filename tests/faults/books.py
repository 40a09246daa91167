"""What must hold of a network at rest, whatever was killed before: log, ledger and read side agree, nothing twice.

Read directly from the servers, past the coordinators, so that no coordinator can flatter itself.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from adapters.nats.event_log import JetStreamEventLog
from domain.account_events import CreditsEarned, CreditsHeld, HoldReleased, HoldSettled
from domain.island_events import WorkCredited
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    JobAssigned,
    JobSubmitted,
    JobSucceeded,
)
from projections.read_model import ReadModel, read_pool
from projections.rebuild import verify
from projections.registry import BY_NAME
from tests.faults import slow_cargo
from tests.faults.network import Network, eventually

ONCE_A_JOB: Final = (CreditsHeld, JobSubmitted, JobSucceeded, HoldSettled, WorkCredited)


async def events_of(network: Network) -> list[Any]:
    """Every event in the log, in order."""
    async with network.as_operator() as client:
        log = JetStreamEventLog(client)
        return [event async for commits in log.read(after=0) for commit in commits for event in commit.events]


async def assert_all_succeeded_once(network: Network, job_ids: Collection[str]) -> list[Any]:
    """Every job succeeded and was paid once, nobody owes anything, the read side is the log. Returns the events."""
    for job_id in job_ids:
        job = await network.until_state(job_id, "succeeded", "failed", "cancelled")
        assert job["state"] == "succeeded", job
    await eventually(lambda: at_rest(network))
    events = await events_of(network)
    assert_nothing_twice(events, job_ids)
    await assert_read_side_is_the_log(network)
    for job_id in job_ids:
        job = await network.job(job_id)
        assert (job["output"]["text"], job["charged"]) == (slow_cargo.OUTPUT, "1.0"), job
    return events


async def at_rest(network: Network) -> bool:
    """Whether nothing is held and nothing waits to be earned: every payment has been made."""
    balances = await balances_micro(network)
    moved = {account: amount for account, amount in balances.items() if amount}
    return not any(account.startswith(("held:", "clearing")) for account in moved)


async def balances_micro(network: Network) -> Mapping[str, int]:
    async with read_pool(network.servers.postgres_dsn, size=1) as pool:
        return await ReadModel(pool).balances()


def assert_nothing_twice(events: Sequence[Any], job_ids: Collection[str]) -> None:
    for kind in ONCE_A_JOB:
        counted = Counter(event.job_id for event in events if isinstance(event, kind))
        assert counted == Counter(dict.fromkeys(job_ids, 1)), kind
    assert not [event for event in events if isinstance(event, HoldReleased)]
    earned = Counter((event.job_id, event.island_id) for event in events if isinstance(event, CreditsEarned))
    assert set(earned.values()) == {1}
    for job_id in job_ids:
        assert_one_attempt_at_a_time([event for event in events if getattr(event, "job_id", None) == job_id])


def assert_one_attempt_at_a_time(events: Sequence[Any]) -> None:
    """Attempts are numbered from 1, and the next begins when the one before is over."""
    placed, live = 0, False
    for event in events:
        match event:
            case JobAssigned():
                assert not live, events
                assert event.attempt == placed + 1, events
                placed, live = event.attempt, True
            case AttemptLost() | AttemptFailed() | AttemptReturned() | JobSucceeded():
                assert live, events
                assert event.attempt == placed, events
                live = False
            case _:
                pass


async def assert_read_side_is_the_log(network: Network) -> None:
    async with network.as_operator() as client, read_pool(network.servers.postgres_dsn, size=1) as pool:
        log, reads = JetStreamEventLog(client), ReadModel(pool)

        async def is_caught_up() -> bool:
            return min((await reads.positions()).values()) >= await log.last_position()

        await eventually(is_caught_up)
        for name in BY_NAME:
            compared = await verify(log, network.servers.postgres_dsn, name)
            assert compared.is_equal, compared
        assert await reads.ledger_sum() == 0
        assert sum((await reads.balances()).values()) == 0
