"""The rows of the fleet are what the placing process sees, at every position."""

import random

import pytest

from commands.processes.placing import Placing
from domain.failure import Failure
from domain.island_events import WorkCredited
from domain.placement import Offer
from projections.placement import IslandRow, Placement, island_after
from tests import examples
from tests.histories import random_history
from tests.projections.live import folded, reading


@pytest.mark.parametrize("seed", range(3))
async def test_the_rows_are_the_picture_of_the_placing_process(database: str, seed: int) -> None:
    commits = random_history(40, seed=seed).commits
    picture = Placing(output_position=lambda: 0).picture
    placing = Placing(output_position=lambda: 0, picture=picture)
    looks = sorted(random.Random(seed).sample(range(1, len(commits)), 5))
    taken = 0
    for look in looks:
        for commit in commits[taken:look]:
            placing.take(commit)
        taken = look
        async with reading(database, commits[:look], [Placement()]) as reads:
            assert await reads.offers() == picture.offers
    assert len(picture.offers) == 4
    assert any(offer.active_jobs for offer in picture.offers.values())


def island(*events: object) -> IslandRow:
    return folded(island_after, *examples.ready_island(), *events)


def test_an_island_shows_what_it_runs_and_since_when() -> None:
    row = island()
    assert (row.agent_version, row.protocol, row.gpu_model) == ("0.1.0", 2, None)
    assert (row.enrolled_at_ms, row.online_at_ms) == (examples.T0_MS, examples.T0_MS)
    assert (row.created_position, row.position) == (1, 4)
    assert type(row.offer) is Offer


def test_successes_and_mishaps_are_counted() -> None:
    row = island(
        examples.assigned(),
        examples.succeeded(),
        examples.attempt_failed(Failure.ENGINE_ERROR),
        examples.lost(),
        examples.returned(),
    )
    assert (row.jobs_completed, row.jobs_failed) == (1, 2)


def credited(worked_ms: int, pending_minutes: int) -> WorkCredited:
    return WorkCredited(
        island_id=examples.ISLAND,
        job_id=examples.JOB_ID,
        attempt=1,
        worked_ms=worked_ms,
        multiplier_permille=1500,
        karma_delta=0,
        karma=3,
        pending_minutes=pending_minutes,
        pending_ms=0,
        karma_rules_version=1,
        credited_at_ms=examples.T0_MS,
    )


def test_all_work_adds_up_and_the_newest_standing_counts() -> None:
    row = island(credited(90_000, 2), credited(60_000, 4))
    assert (row.worked_ms, row.pending_minutes, row.karma) == (150_000, 4, 3)


def test_an_event_that_changes_nothing_leaves_the_row_alone() -> None:
    row = island()
    assert island_after(row, examples.settled(), 9) is row


def test_an_island_that_never_enrolled_has_no_row() -> None:
    assert island_after(None, examples.came_online(), 1) is None
