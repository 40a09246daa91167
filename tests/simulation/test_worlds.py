"""Many worlds, and no rule broken in any; the same seed is the same world, wherever and whenever it runs."""

import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final, get_args

import pytest

from domain.account_events import AccountEvent
from domain.batch_events import BatchEvent
from domain.check_events import CheckEvent
from domain.failure import JobEnd, Loss
from domain.island_events import IslandEvent
from domain.job_events import AttemptLost, JobEvent, JobFailed
from domain.treasury_events import TreasuryEvent
from tests.simulation import scenario as scenarios
from tests.simulation.scenario import Act, scenario_of
from tests.simulation.shortest import story_of
from tests.simulation.world import World

WORLDS: Final = 90
ROOT: Final = Path(__file__).resolve().parents[2]
NOT_SIMULATED: Final = {
    "AccountRenamed",
    "BatchAbandoned",
    "BidSaved",
    "CapabilitiesVerified",
    "ChargeRefunded",
    "CreditsCorrected",
    "DrainEnded",
    "DrainLifted",
    "DrainOrdered",
    "DrainStarted",
    "EarningTakenBack",
    "IslandRejected",
    "IslandRenamed",
    "LateAnswerTaken",  # Met in one world of 400 (seed 13 of an earlier draw): an answer behind its verdict.
    "RefundCovered",
    "RefundOwed",
    "RuntimesChanged",
    "VerificationWithdrawn",
    "WarmCargosChanged",
}


@cache
def ended_world(seed: int) -> World:
    world = World(scenario_of(seed))
    world.run()
    return world


@pytest.mark.parametrize("seed", range(WORLDS))
def test_no_rule_is_broken(seed: int) -> None:
    assert ended_world(seed).broken is None, f"see make simulate SEED={seed}"


def test_everything_that_can_happen_happens_in_these_worlds() -> None:
    """A simulation in which nothing goes wrong would find nothing."""
    commits = [commit for seed in range(WORLDS) for commit in ended_world(seed).servers.log.commits]
    events = [event for commit in commits for event in commit.events]
    unions = (AccountEvent, BatchEvent, CheckEvent, IslandEvent, JobEvent, TreasuryEvent)
    possible = {kind.__name__ for union in unions for kind in get_args(union)}
    happened = {type(event).__name__ for event in events}
    assert happened >= possible - NOT_SIMULATED
    assert {event.loss for event in events if isinstance(event, AttemptLost)} == set(Loss)
    ends = {event.code for event in events if isinstance(event, JobFailed)}
    assert ends >= {*JobEnd, "timed_out", "crashed"}
    acts = {one.act for seed in range(WORLDS) for one in scenario_of(seed).happenings}
    assert acts == set(Act)


def test_the_same_seed_is_the_same_history() -> None:
    (_, once), (_, again) = (story_of(scenario_of(3)) for _ in range(2))
    assert len(once) > 60
    assert once == again
    assert story_of(scenario_of(4))[1] != once


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_history_is_the_same_in_every_process(hash_seed: str) -> None:
    """Sets of texts are walked in another order in every process; no decision may depend on that."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seed", "6"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.splitlines()[:-1] == story_of(scenario_of(6))[1]


def test_a_world_without_happenings_is_quiet() -> None:
    world = World(replace(scenario_of(0), happenings=()))
    assert world.run() is None
    assert not world.invariants.jobs.jobs
    assert world.schedule.now_s == pytest.approx(scenarios.CHAOS_S + 10)
