"""Batches: what starts when, what one failure means for the others, and one end for all."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from domain.batch import BATCH, Batch, BatchPhase
from domain.batch_commands import AbandonBatch, BatchCommand
from domain.batch_events import BatchAbandoned, BatchEnd, BatchEvent, FailMode, Outcome, Part
from domain.ids import AccountId, JobId
from domain.rejection import Rejection
from tests.batch_examples import (
    BATCH_ID,
    STARTED,
    batch_ended,
    batch_stopped,
    batch_submitted,
    cancel_batch,
    end_part,
    part_ended,
    part_started,
    submit_batch,
)
from tests.examples import CUSTOMER, at_ms
from tests.scenario import Scenario

batch: Scenario[BatchCommand, Batch, BatchEvent] = Scenario(BATCH)
FAST = (batch_submitted(fail_mode=FailMode.FAIL_FAST), *STARTED[1:])


def test_a_batch_starts_as_many_parts_as_it_may_at_once() -> None:
    batch.when(submit_batch()).then(batch_submitted(), part_started(0), part_started(1))


def test_a_batch_of_fewer_parts_than_it_may_run_starts_them_all() -> None:
    started = batch.when(submit_batch(parallelism_max=50)).decided()
    assert len(started) == 4


def test_a_part_that_ends_makes_room_for_the_next() -> None:
    batch.given(*STARTED).when(end_part(1)).then(part_ended(1), part_started(2, 5))


def test_the_last_part_to_end_ends_the_batch() -> None:
    past = (*STARTED, part_ended(0), part_started(2), part_ended(2))
    batch.given(*past).when(end_part(1)).then(part_ended(1), batch_ended())


def test_a_batch_at_its_best_effort_succeeds_with_what_succeeded() -> None:
    past = (*STARTED, part_ended(0, Outcome.FAILED), part_started(2), part_ended(2, Outcome.FAILED))
    batch.given(*past).when(end_part(1)).then(part_ended(1), batch_ended(succeeded=1, failed=2))


def test_a_batch_of_which_nothing_succeeds_has_failed() -> None:
    past = (*STARTED, part_ended(0, Outcome.FAILED), part_started(2), part_ended(2, Outcome.CANCELLED))
    batch.given(*past).when(end_part(1, Outcome.FAILED, code="crashed")).then(
        part_ended(1, Outcome.FAILED, code="crashed"),
        batch_ended(
            Outcome.FAILED,
            code=BatchEnd.ALL_PARTS_FAILED,
            detail="none of 3 parts succeeded",
            succeeded=0,
            failed=3,
        ),
    )


def test_a_batch_that_fails_fast_stops_with_its_first_failure() -> None:
    batch.given(*FAST).when(end_part(0, Outcome.FAILED, code="crashed")).then(
        part_ended(0, Outcome.FAILED, code="crashed"),
        batch_stopped(1, outcome=Outcome.FAILED, code=BatchEnd.PART_FAILED, detail="part 0: crashed"),
    )


def test_a_stopped_batch_ends_when_the_last_part_under_way_has_ended() -> None:
    stopped = batch_stopped(1, outcome=Outcome.FAILED, code=BatchEnd.PART_FAILED, detail="part 0: crashed")
    past = (*FAST, part_ended(0, Outcome.FAILED), stopped)
    batch.given(*past).when(end_part(1, Outcome.CANCELLED)).then(
        part_ended(1, Outcome.CANCELLED),
        batch_ended(
            Outcome.FAILED, code=BatchEnd.PART_FAILED, detail="part 0: crashed", succeeded=0, failed=2
        ),
    )


def test_a_batch_that_fails_with_nothing_under_way_ends_at_once() -> None:
    past = (batch_submitted(fail_mode=FailMode.FAIL_FAST, parallelism_max=1), part_started(0))
    kinds = [type(event).__name__ for event in batch.given(*past).when(end_part(0, Outcome.FAILED)).decided()]
    assert kinds == ["PartEnded", "BatchStopped", "BatchEnded"]


def test_the_end_of_a_part_is_told_once() -> None:
    batch.given(*STARTED, part_ended(0), part_started(2)).when(end_part(0, seconds=9)).then_nothing()


def test_a_job_that_is_no_part_ends_nothing() -> None:
    batch.given(*STARTED).when(end_part(2)).then_nothing()


def test_a_cancelled_batch_stops_what_is_under_way_and_starts_no_more() -> None:
    batch.given(*STARTED).when(cancel_batch()).then(batch_stopped(0, 1))
    past = (*STARTED, batch_stopped(0, 1))
    batch.given(*past).when(end_part(0)).then(part_ended(0))
    batch.given(*past).when(cancel_batch(seconds=9)).then_nothing()
    batch.given(*past, part_ended(0)).when(end_part(1, Outcome.CANCELLED)).then(
        part_ended(1, Outcome.CANCELLED), batch_ended(Outcome.CANCELLED, succeeded=1, failed=1)
    )


def test_a_batch_that_has_ended_or_failed_cannot_be_cancelled() -> None:
    ended = (*STARTED, part_ended(0), part_started(2), part_ended(1), part_ended(2), batch_ended())
    batch.given(*ended).when(cancel_batch()).then_rejected(Rejection.JOB_FINISHED)
    failed = (*FAST, part_ended(0, Outcome.FAILED), batch_stopped(1, outcome=Outcome.FAILED))
    batch.given(*failed).when(cancel_batch()).then_rejected(Rejection.JOB_FINISHED)


def test_only_its_own_account_can_cancel_a_batch() -> None:
    batch.when(cancel_batch()).then_rejected(Rejection.JOB_UNKNOWN)
    others = batch_submitted(account_id=AccountId("other"))
    batch.given(others).when(cancel_batch()).then_rejected(Rejection.JOB_UNKNOWN)


def test_a_batch_submitted_again_is_the_same_batch() -> None:
    batch.given(*STARTED).when(submit_batch(now_ms=at_ms(9))).then_nothing()
    other = submit_batch(request_sha256="d" * 64)
    batch.given(*STARTED).when(other).then_rejected(Rejection.IDEMPOTENCY_MISMATCH)


def test_a_batch_that_was_given_up_never_arrives() -> None:
    give_up = AbandonBatch(batch_id=BATCH_ID, account_id=CUSTOMER, now_ms=at_ms(60))
    gone = BatchAbandoned(batch_id=BATCH_ID, account_id=CUSTOMER, abandoned_at_ms=at_ms(60))
    batch.when(give_up).then(gone)
    batch.given(gone).when(give_up).then_nothing()
    batch.given(gone).when(submit_batch()).then_rejected(Rejection.JOB_FINISHED)
    batch.given(*STARTED).when(give_up).then_nothing()


@pytest.mark.parametrize("fail_mode", FailMode)
@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_however_its_parts_end_a_batch_ends_once_and_leaves_nothing_under_way(
    fail_mode: FailMode, at_once: int
) -> None:
    parts = tuple(Part(job_id=JobId(f"part-{n}"), input_json="{}") for n in range(4))
    for outcomes in product(Outcome, repeat=4):
        command = submit_batch(parts=parts, fail_mode=fail_mode, parallelism_max=at_once)
        events: list[Any] = BATCH.decide(Batch(), command)
        state = BATCH.fold(events)
        while state.running:
            assert len(state.running) <= at_once
            job_id, index = next(iter(state.running.items()))
            more = BATCH.decide(state, replace(end_part(0, outcomes[index]), job_id=job_id))
            state = BATCH.fold(more, state)
            events += more
        assert state.phase is BatchPhase.ENDED
        assert [type(event).__name__ for event in events].count("BatchEnded") == 1
        assert events[-1].succeeded == sum(
            event.outcome is Outcome.SUCCEEDED for event in events if type(event).__name__ == "PartEnded"
        )


def test_an_ended_batch_has_forgotten_its_inputs() -> None:
    assert BATCH.fold((*STARTED, batch_ended())).submitted is None
