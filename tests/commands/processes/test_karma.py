"""Karma follows attempts."""

from typing import Any

import pytest

from commands.process import Order
from commands.processes.karma import REFUSALS, react
from domain.failure import FAULT_OF, Failure, Fault, Loss, ReturnReason
from domain.ids import IslandId
from domain.island import ISLAND as ISLAND_DECIDER
from domain.island_commands import CreditWork, PenalizeKarma
from domain.karma import Penalty
from tests.examples import (
    ISLAND,
    JOB_ID,
    OTHER_ISLAND,
    USAGE,
    assigned,
    at_ms,
    attempt_failed,
    cancelled,
    failed,
    lost,
    returned,
    started,
    submitted,
    succeeded,
)

NOW_MS = at_ms(6)


def penalty(kind: Penalty, island_id: IslandId = ISLAND, attempt: int = 1) -> list[Order]:
    command = PenalizeKarma(island_id=island_id, job_id=JOB_ID, attempt=attempt, penalty=kind, now_ms=NOW_MS)
    return [Order(decider=ISLAND_DECIDER, aggregate_id=island_id, command=command)]


def test_a_success_credits_the_time_worked() -> None:
    command = CreditWork(
        island_id=ISLAND, job_id=JOB_ID, attempt=1, worked_ms=USAGE.wall_ms, now_ms=NOW_MS, unchecked="wasm"
    )
    assert react(succeeded(), NOW_MS) == [Order(decider=ISLAND_DECIDER, aggregate_id=ISLAND, command=command)]


def test_a_lost_lease_costs_the_island_that_lost_it() -> None:
    assert react(lost(OTHER_ISLAND, 2), NOW_MS) == penalty(Penalty.LEASE_LOST, OTHER_ISLAND, 2)


def test_an_attempt_that_a_bar_ended_costs_nothing_more() -> None:
    assert react(lost(loss=Loss.ISLAND_BARRED), NOW_MS) == []


@pytest.mark.parametrize("code", list(Failure))
def test_only_an_island_s_own_failure_costs_it(code: Failure) -> None:
    expected = penalty(Penalty.ATTEMPT_FAILED) if FAULT_OF[code] is Fault.ISLAND else []
    assert react(attempt_failed(code), NOW_MS) == expected


def test_what_turned_out_to_be_the_cargo_costs_the_second_island_nothing() -> None:
    assert react(attempt_failed(Failure.ENGINE_ERROR, OTHER_ISLAND, 2, fault=Fault.CARGO), NOW_MS) == []


@pytest.mark.parametrize("reason", list(ReturnReason))
def test_giving_back_costs_only_where_it_refuses_what_was_begun(reason: ReturnReason) -> None:
    assert react(returned(reason), NOW_MS) == []
    expected = penalty(Penalty.REFUSED_AFTER_ACCEPTING) if reason in REFUSALS else []
    assert react(returned(reason, was_started=True), NOW_MS) == expected


def test_protecting_the_device_is_never_a_refusal() -> None:
    protecting = {
        ReturnReason.DRAIN,
        ReturnReason.HEAT,
        ReturnReason.BATTERY,
        ReturnReason.METERED,
        ReturnReason.OWNER,
        ReturnReason.RESTART,
    }
    assert set(ReturnReason) - protecting == REFUSALS


@pytest.mark.parametrize("event", [submitted(), assigned(), started(), failed("crashed"), cancelled()])
def test_nothing_else_moves_karma(event: Any) -> None:
    assert react(event, NOW_MS) == []
