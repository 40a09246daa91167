"""How karma is counted."""

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.karma import (
    MINUTE_MS,
    PENALTY_POINTS,
    Penalty,
    Standing,
    after_work,
    cooldown_ms,
    multiplier_permille,
)


def after_minutes(standing: Standing, *minutes: float) -> Standing:
    for worked in minutes:
        standing = after_work(standing, round(worked * MINUTE_MS))
    return standing


def test_the_worked_example_of_a_new_island() -> None:
    assert after_minutes(Standing(), 25) == Standing(karma=0, pending_minutes=37)
    assert after_minutes(Standing(), 25, 20) == Standing(karma=1, pending_minutes=7)
    assert after_minutes(Standing(), 25, 20, 45) == Standing(karma=2, pending_minutes=14)


def test_an_island_with_payouts_earns_its_plain_minutes() -> None:
    assert after_minutes(Standing(karma=10), 30) == Standing(karma=10, pending_minutes=30)


@pytest.mark.parametrize(("karma", "permille"), [(-50, 1500), (9, 1500), (10, 1000), (500, 1000)])
def test_new_and_recovering_islands_earn_half_as_much_again(karma: int, permille: int) -> None:
    assert multiplier_permille(karma) == permille


def test_jobs_under_a_minute_gather_in_their_own_bucket() -> None:
    assert after_work(Standing(), 20_000) == Standing(pending_ms=30_000)
    assert after_work(Standing(pending_ms=30_000), 20_000) == Standing(pending_minutes=1)
    full = Standing(pending_minutes=59, pending_ms=30_000)
    assert after_work(full, 20_000) == Standing(karma=1)


def test_a_job_of_a_minute_is_counted_in_minutes() -> None:
    assert after_work(Standing(pending_ms=59_000), MINUTE_MS) == Standing(
        pending_minutes=1, pending_ms=59_000
    )
    assert after_work(Standing(karma=10), 2 * MINUTE_MS - 1) == Standing(karma=10, pending_minutes=1)


@for_all(st.lists(st.integers(0, 5 * 3_600_000), max_size=20))
def test_work_never_lowers_a_standing_and_buckets_never_overflow(works_ms: list[int]) -> None:
    standing = Standing()
    for worked_ms in works_ms:
        after = after_work(standing, worked_ms)
        assert after.karma >= standing.karma
        assert 0 <= after.pending_minutes < 60
        assert 0 <= after.pending_ms < MINUTE_MS
        standing = after


@for_all(st.lists(st.integers(0, MINUTE_MS - 1), min_size=20, max_size=200))
def test_no_second_of_a_short_job_is_lost(works_ms: list[int]) -> None:
    standing = Standing(karma=10)
    for worked_ms in works_ms:
        standing = after_work(standing, worked_ms)
    counted_ms = ((standing.karma - 10) * 60 + standing.pending_minutes) * MINUTE_MS + standing.pending_ms
    assert counted_ms == sum(works_ms)


def test_what_each_fault_costs() -> None:
    assert PENALTY_POINTS == {
        Penalty.ATTEMPT_FAILED: 1,
        Penalty.LEASE_LOST: 2,
        Penalty.REFUSED_AFTER_ACCEPTING: 1,
        Penalty.QUORUM_CONTRADICTED: 24,
        Penalty.KNOWN_ANSWER_FAILED: 48,
        Penalty.FLOODED: 12,
    }


@pytest.mark.parametrize(
    ("faults", "minutes"), [(0, 0), (2, 0), (3, 5), (4, 10), (5, 20), (6, 40), (7, 60), (8, 60), (10**6, 60)]
)
def test_the_third_fault_in_a_row_starts_a_pause_that_doubles_to_an_hour(faults: int, minutes: int) -> None:
    assert cooldown_ms(faults) == minutes * MINUTE_MS
