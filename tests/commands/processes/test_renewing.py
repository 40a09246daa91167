"""An attempt on an island with a password keeps its lease by any sign of life, and by nothing else."""

from collections.abc import Sequence
from typing import Any, Final

import pytest

from commands.event_log import Commit
from commands.process import Order
from commands.processes.renewing import Picture, Renewing
from domain.failure import Failure
from domain.job import JOB, LEASE_MS
from domain.job_commands import RenewLease
from domain.job_events import JobEvent, LeaseRenewed
from tests.examples import (
    ISLAND,
    JOB_ID,
    OTHER_ISLAND,
    OTHER_JOB_ID,
    PASSWORD,
    T0_MS,
    assigned,
    at_ms,
    attempt_failed,
    cancelled,
    enrolled,
    failed,
    lost,
    origin,
    returned,
    started,
    submitted,
    succeeded,
)
from tests.scenario import added

DUE_S: Final = 32  # The start at 2 s gave a lease to 62 s; it is renewed in its second half.


def renewing(*events: Any, island: dict[str, Any] = PASSWORD) -> Renewing:
    planner = Renewing()
    for event in (*enrolled(**island), *events):
        tell(planner, event)
    return planner


def tell(planner: Renewing, event: Any) -> None:
    position = planner.picture.position + 1
    commit = Commit(
        position=position, stream="any.any", events=(event,), recorded_at_ms=T0_MS, origin=origin("c")
    )
    planner.take(commit)


def running(**more: Any) -> Renewing:
    return renewing(submitted(), assigned(), started(), **more)


def asked(planner: Renewing, seconds: float = DUE_S) -> Sequence[Order]:
    return planner.plan(at_ms(seconds))


def renewal(heard_s: float, job_id: str = JOB_ID) -> Order:
    command = RenewLease(
        job_id=JOB_ID, attempt=1, island_id=ISLAND, extend_ms=LEASE_MS, now_ms=at_ms(heard_s)
    )
    return Order(decider=JOB, aggregate_id=job_id, command=command)


def test_a_silent_attempt_is_not_renewed() -> None:
    assert asked(running()) == []


def test_a_heartbeat_that_counts_the_attempt_renews_it_from_when_it_was_received() -> None:
    planner = running()
    planner.heard_heartbeat(ISLAND, 1, at_ms(25))
    assert asked(planner, DUE_S - 1) == []
    assert asked(planner) == [renewal(25)]


def test_output_of_the_attempt_renews_it_too() -> None:
    planner = running()
    planner.heard_output(ISLAND, JOB_ID, 1, at_ms(20))
    assert asked(planner) == [renewal(20)]
    planner.heard_heartbeat(ISLAND, 1, at_ms(30))
    assert asked(planner) == [renewal(30)]


def test_a_heartbeat_with_a_lower_number_renews_nothing() -> None:
    planner = running()
    tell(planner, submitted(job_id=OTHER_JOB_ID))
    planner.heard_heartbeat(ISLAND, 2, at_ms(20))
    planner.heard_heartbeat(ISLAND, 0, at_ms(30))
    assert asked(planner) == []


def test_what_was_heard_as_the_lease_began_does_not_make_it_longer() -> None:
    planner = running()
    planner.heard_heartbeat(ISLAND, 1, at_ms(2))
    assert asked(planner, 61) == []
    planner.heard_heartbeat(ISLAND, 1, at_ms(11.999))
    assert asked(planner, 61) == []
    planner.heard_heartbeat(ISLAND, 1, at_ms(12))
    assert asked(planner, 61) == [renewal(12)]


@pytest.mark.parametrize(
    ("island_id", "job_id", "attempt"),
    [(OTHER_ISLAND, JOB_ID, 1), (ISLAND, OTHER_JOB_ID, 1), (ISLAND, JOB_ID, 2)],
)
def test_output_in_another_s_name_renews_nothing(island_id: Any, job_id: Any, attempt: int) -> None:
    planner = running()
    planner.heard_output(island_id, job_id, attempt, at_ms(20))
    assert asked(planner) == []


def test_another_island_s_heartbeat_renews_nothing() -> None:
    planner = running()
    planner.heard_heartbeat(OTHER_ISLAND, 9, at_ms(20))
    assert asked(planner) == []


def test_an_attempt_that_has_not_started_is_not_renewed() -> None:
    planner = renewing(submitted(), assigned())
    planner.heard_heartbeat(ISLAND, 1, at_ms(20))
    planner.heard_output(ISLAND, JOB_ID, 1, at_ms(20))
    assert asked(planner, 50) == []


def test_an_island_that_signs_renews_for_itself() -> None:
    planner = running(island={})
    assert not planner.listens_to(ISLAND)
    planner.heard_heartbeat(ISLAND, 1, at_ms(20))
    planner.heard_output(ISLAND, JOB_ID, 1, at_ms(20))
    assert asked(planner) == []


def test_a_renewed_lease_is_left_alone_until_it_is_half_over() -> None:
    planner = running()
    planner.heard_heartbeat(ISLAND, 1, at_ms(30))
    (order,) = asked(planner)
    planner.failed(order)
    assert asked(planner) == [order]
    history: list[JobEvent] = [submitted(), assigned(), started()]
    (renewed,) = added(JOB, history, order.command)
    assert renewed == LeaseRenewed(job_id=JOB_ID, attempt=1, island_id=ISLAND, lease_ends_at_ms=at_ms(90))
    tell(planner, renewed)
    assert asked(planner) == []
    planner.heard_heartbeat(ISLAND, 1, at_ms(60))
    assert asked(planner, 59) == []
    assert asked(planner, 60) == [renewal(60)]


@pytest.mark.parametrize(
    "end",
    [
        lost(),
        attempt_failed(Failure.ENGINE_ERROR),
        returned(),
        succeeded(),
        failed("crashed"),
        cancelled(attempt=1, island_id=ISLAND),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_attempt_that_has_ended_is_forgotten(end: Any) -> None:
    planner = running()
    planner.heard_output(ISLAND, JOB_ID, 1, at_ms(20))
    planner.heard_heartbeat(ISLAND, 1, at_ms(20))
    tell(planner, end)
    assert asked(planner) == []
    assert planner.picture == Picture(position=6, unsigned={ISLAND})
