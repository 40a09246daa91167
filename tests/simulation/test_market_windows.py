"""Windows of the market in worlds where coordinators die, freeze and lead twice: every sale counts once.

Worlds are shorter than a real window, so windows are ten seconds here.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest

from commands.event_log import Commit
from commands.processes.exchanging import Exchanging
from domain import exchange
from domain.account_events import HoldReleased, HoldSettled
from domain.exchange import RatesSnapshotted
from domain.ids import NETWORK_ACCOUNT
from domain.job_events import JobFailed, JobSubmitted
from tests.simulation.scenario import scenario_of
from tests.simulation.world import World

WORLDS: Final = 15
WINDOW_MS: Final = 10_000


def miscount(commits: Sequence[Commit]) -> str | None:
    """What is wrong with the snapshots of a log, or None."""
    traded: set[str] = set()
    sold_at: dict[str, list[int]] = {}
    slug_of: dict[str, str] = {}
    through: dict[str, int] = {}
    for commit in commits:
        for event in commit.events:
            match event:
                case JobSubmitted() if not is_ordered_by_the_network(event):
                    traded.add(event.job_id)
                    slug_of[event.job_id] = event.cargo.slug
                case JobFailed() | HoldReleased():
                    traded.discard(event.job_id)
                case HoldSettled() if event.job_id in traded:
                    sold_at.setdefault(slug_of[event.job_id], []).append(commit.position)
                case RatesSnapshotted():
                    if event.after != through.get(event.slug, 0):
                        return f"counted behind {event.after}, not behind {through.get(event.slug, 0)}"
                    through[event.slug] = event.through
                    sold = sold_at.get(event.slug, [])
                    expected = sum(event.after < position <= event.through for position in sold)
                    if event.figures.jobs_cleared != expected:
                        return f"{event.figures.jobs_cleared} jobs were counted, {expected} were sold"
                case _:
                    pass
    return None


def is_ordered_by_the_network(event: JobSubmitted) -> bool:
    return event.account_id == NETWORK_ACCOUNT or bool(event.check_id or event.only_island)


def log_of(seed: int) -> Sequence[Commit]:
    world = World(scenario_of(seed))
    world.run()
    assert world.broken is None, f"see make simulate SEED={seed}"
    return world.servers.log.commits


@pytest.fixture(autouse=True)
def short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "SNAPSHOT_EVERY_MS", WINDOW_MS)


def test_every_sale_counts_once_whoever_leads() -> None:
    snapshots = 0
    for seed in range(WORLDS):
        commits = log_of(seed)
        assert miscount(commits) is None, f"see make simulate SEED={seed}"
        taken = [e for commit in commits for e in commit.events if isinstance(e, RatesSnapshotted)]
        assert len({(one.slug, one.window_ends_ms) for one in taken}) == len(taken)
        snapshots += sum(one.figures.jobs_cleared > 0 for one in taken)
    assert snapshots > WORLDS


def forgetting_snapshots(take: Callable[[Exchanging, Any], None]) -> Callable[[Exchanging, Any], None]:
    """A planner that counts on where a snapshot has counted already."""

    def take_all_but_sales(planner: Exchanging, event: Any) -> None:
        kept = {slug: list(sales) for slug, sales in planner.picture.cleared.items()}
        take(planner, event)
        if isinstance(event, RatesSnapshotted):
            planner.picture.cleared = kept

    return take_all_but_sales


def test_a_sale_that_is_counted_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Exchanging._take
    monkeypatch.setattr(Exchanging, "_take", forgetting_snapshots(take))
    assert any(miscount(log_of(seed)) for seed in range(WORLDS))
