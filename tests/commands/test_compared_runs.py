"""Runs that are compared are kept apart, and results are drawn for a comparison where one can be made."""

from dataclasses import replace
from typing import Any

import pytest

from commands.compared_runs import ComparedRuns, check_for, check_of, other_owners, take_owner
from domain.cargo_spec import Determinism
from domain.check_draw import CheckReason
from domain.ids import IslandId, JobId
from domain.placement import Explanation, Placement
from tests.check_examples import OTHER_OWNER
from tests.examples import ISLAND, JOB_ID, OWNER, PRICE_MICRO, cargo_with, offer_of, want_of

FIRST = want_of(redundancy=2)
SECOND = want_of("second", check_id=JOB_ID)
PLACED = Placement(
    winner=offer_of(ISLAND), price_micro=PRICE_MICRO, explanation=Explanation(), has_other_owner=True
)


def test_every_run_of_a_check_keeps_away_from_the_owners_of_the_others() -> None:
    compared: ComparedRuns = {}
    take_owner(compared, FIRST, OWNER)
    assert other_owners(compared, SECOND) == {OWNER}
    assert other_owners(compared, FIRST) == set()
    take_owner(compared, SECOND, OTHER_OWNER)
    assert other_owners(compared, FIRST) == {OTHER_OWNER}


def test_an_attempt_that_ended_frees_its_owner_and_leaves_nothing_behind() -> None:
    compared: ComparedRuns = {}
    take_owner(compared, FIRST, OWNER)
    take_owner(compared, FIRST, None)
    assert compared == {}
    take_owner(compared, FIRST, None)
    assert compared == {}


@pytest.mark.parametrize(
    "want",
    [want_of(), want_of("asked", check_id=JOB_ID, only_island=IslandId("one"))],
    ids=["plain", "known answer"],
)
def test_a_job_that_is_compared_with_nothing_is_kept_from_nobody(want: Any) -> None:
    compared: ComparedRuns = {JOB_ID: {JobId("other"): OWNER}}
    take_owner(compared, want, OTHER_OWNER)
    assert (check_of(want), other_owners(compared, want)) == (None, set())


def test_the_result_of_a_new_island_is_checked() -> None:
    assert check_for(want_of(), PLACED, b"") is CheckReason.NEWCOMER


@pytest.mark.parametrize(
    ("want", "placement"),
    [
        (want_of(cargo=cargo_with(determinism=Determinism.NONE)), PLACED),
        (want_of(cargo=cargo_with(determinism=Determinism.TOLERANT)), PLACED),
        (want_of(), replace(PLACED, has_other_owner=False)),
        (want_of(), replace(PLACED, winner=None)),
        (FIRST, PLACED),
        (SECOND, PLACED),
    ],
    ids=["not exact", "tolerant", "one owner", "not placed", "compared anyway", "a second opinion"],
)
def test_nothing_is_drawn_where_nothing_could_be_compared(want: Any, placement: Placement) -> None:
    assert check_for(want, placement, b"") is None


def test_what_counts_is_the_row_of_the_runtime_that_runs() -> None:
    proven = replace(offer_of(ISLAND), valid_in_row={"wasm": 10**6})
    elsewhere = replace(offer_of(ISLAND), valid_in_row={"container": 10**6})
    jobs = [want_of(f"job-{number}") for number in range(200)]
    drawn = [check_for(want, replace(PLACED, winner=proven), b"") for want in jobs]
    assert drawn.count(None) > 180
    assert check_for(want_of(), replace(PLACED, winner=elsewhere), b"") is CheckReason.NEWCOMER
