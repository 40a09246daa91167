"""The rows of the fleet are what the placing process sees, at every position."""

import random

import pytest

from commands.processes.placing import Placing
from domain.failure import Failure
from domain.island_events import (
    Absence,
    DrainStarted,
    IslandPaired,
    IslandRemoved,
    IslandRevoked,
    IslandSuspended,
    IslandWentOffline,
    WorkCredited,
)
from domain.job_events import JobAssigned
from domain.placement import Offer
from projections.placement import IslandRow, IslandStatus, Placement, island_after
from tests import examples
from tests.histories import random_history
from tests.projections.live import folded, reading


@pytest.mark.parametrize("seed", range(3))
async def test_the_rows_are_the_picture_of_the_placing_process(database: str, seed: int) -> None:
    commits = random_history(100, seed=seed, trouble=0.6).commits
    picture = Placing(output_position=lambda: 0).picture
    placing = Placing(output_position=lambda: 0, picture=picture)
    looks = [*sorted(random.Random(seed).sample(range(1, len(commits)), 4)), len(commits)]
    taken = 0
    for look in looks:
        for commit in commits[taken:look]:
            placing.take(commit)
        taken = look
        async with reading(database, commits[:look], [Placement()]) as reads:
            assert await reads.offers() == picture.offers
    assert picture.offers
    happened = {type(event) for commit in commits[: looks[-1]] for event in commit.events}
    assert happened >= {JobAssigned, IslandRemoved, IslandRevoked, IslandPaired, IslandSuspended}


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


def test_an_island_has_no_row_until_it_is_paired() -> None:
    assert island_after(None, examples.joined(), 1) is None
    row = folded(island_after, examples.joined(), *examples.paired(seconds=3))
    assert (row.name, row.enrolled_at_ms, row.created_position) == (examples.ISLAND, examples.at_ms(3), 2)
    assert row.status is IslandStatus.OFFLINE


def test_an_island_with_only_a_password_is_unsigned() -> None:
    by_password = examples.joined(owner_id=examples.OWNER, user_key=None, password_sha256="f" * 64)
    assert folded(island_after, by_password).is_unsigned
    assert not island().is_unsigned


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([], IslandStatus.ONLINE),
        ([DrainStarted(island_id=examples.ISLAND, drained_at_ms=1)], IslandStatus.DRAINING),
        (
            [IslandWentOffline(island_id=examples.ISLAND, reason=Absence.GOODBYE, offline_at_ms=1)],
            IslandStatus.OFFLINE,
        ),
        ([examples.suspended()], IslandStatus.SUSPENDED),
        ([examples.suspended(), examples.reinstated()], IslandStatus.ONLINE),
        ([examples.revoked()], IslandStatus.REVOKED),
        ([examples.suspended(), examples.revoked()], IslandStatus.REVOKED),
        ([examples.revoked(), examples.key_replaced()], IslandStatus.PENDING),
        ([examples.revoked(), examples.key_replaced(), *examples.paired()], IslandStatus.ONLINE),
        ([examples.key_replaced()], IslandStatus.ONLINE),
        ([examples.removed()], IslandStatus.REMOVED),
        ([examples.removed(), examples.joined()], IslandStatus.REMOVED),
        ([examples.removed(), *examples.enrolled()], IslandStatus.OFFLINE),
    ],
    ids=lambda value: "" if isinstance(value, list) else value,
)
def test_an_island_stands_where_its_events_left_it(events: list[object], status: IslandStatus) -> None:
    assert island(*events).status is status


def test_an_island_that_comes_back_keeps_its_record_and_starts_anew() -> None:
    worked = [examples.assigned(), examples.succeeded(), credited(90_000, 2)]
    gone = [*worked, examples.renamed(), examples.removed()]
    assert (island(*gone).name, island(*gone).is_online) == ("attic", False)
    row = island(*gone, *examples.enrolled(karma=3))
    assert (row.jobs_completed, row.worked_ms, row.pending_minutes, row.karma) == (1, 90_000, 2, 3)
    assert (row.name, row.platform, row.is_removed) == (examples.ISLAND, "", False)
    assert row.created_position == 10


def test_what_happens_to_a_removed_island_does_not_change_its_row() -> None:
    row = island(examples.removed())
    for event in (examples.came_online(), examples.lost(), examples.suspended(), examples.joined()):
        assert island_after(row, event, 9) is row


def test_an_event_that_changes_nothing_leaves_the_row_alone() -> None:
    row = island()
    assert island_after(row, examples.settled(), 9) is row


def test_an_island_that_never_enrolled_has_no_row() -> None:
    assert island_after(None, examples.came_online(), 1) is None
