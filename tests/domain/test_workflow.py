"""Workflows: what starts when, what a step that fails means for the others, and when all of it is over."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.batch_events import FailMode, Outcome
from domain.rejection import Rejection
from domain.workflow import (
    WORKFLOW,
    CancelWorkflow,
    EndStep,
    StepStarted,
    StepState,
    Workflow,
    WorkflowCommand,
    WorkflowEnded,
    WorkflowEvent,
    decide,
    evolve,
)
from tests.examples import OTHER_JOB_ID, at_ms
from tests.scenario import Scenario
from tests.workflow_examples import (
    EVENTS,
    NEEDS,
    end,
    ended,
    job_of,
    over,
    started,
    stopped,
    submit,
    submitted,
)

workflow: Scenario[WorkflowCommand, Workflow, WorkflowEvent] = Scenario(WORKFLOW)
BEGUN = (submitted(), started("get"), started("count"))
FAST = (submitted(fail_mode=FailMode.FAIL_FAST), *BEGUN[1:])
CANCEL = CancelWorkflow(now_ms=at_ms(5))


def folded(*events: WorkflowEvent) -> Workflow:
    state = Workflow()
    for event in events:
        state = evolve(state, event)
    return state


def states(*events: WorkflowEvent) -> dict[str, StepState]:
    return {key: standing.state for key, standing in folded(*events).steps.items()}


def test_steps_that_need_nothing_start_at_once() -> None:
    workflow.when(submit()).then(*BEGUN)


def test_the_same_request_again_changes_nothing() -> None:
    workflow.given(*BEGUN).when(submit()).then()


@pytest.mark.parametrize("other", [{"request_sha256": "b" * 64}, {"account_id": "somebody-else"}])
def test_another_request_under_the_same_key_is_refused(other: dict[str, Any]) -> None:
    workflow.given(*BEGUN).when(submit(**other)).then_rejected(Rejection.IDEMPOTENCY_MISMATCH)


def test_a_step_starts_when_all_that_it_needs_has_succeeded() -> None:
    workflow.given(*BEGUN).when(end("get")).then(ended("get"))
    workflow.given(*BEGUN, ended("get")).when(end("count")).then(ended("count"), started("join", 5))


def test_it_succeeds_with_its_last_step() -> None:
    past = (*BEGUN, ended("get"), ended("count"), started("join"), ended("join"), started("tell"))
    workflow.given(*past).when(end("tell")).then(ended("tell"), over(Outcome.SUCCEEDED))


def test_at_its_best_effort_what_does_not_need_the_failed_step_goes_on() -> None:
    failed = ended("get", Outcome.FAILED, "crashed")
    workflow.given(*BEGUN).when(end("get", Outcome.FAILED, "crashed")).then(failed)
    assert states(*BEGUN, failed) == {
        "get": StepState.FAILED,
        "count": StepState.RUNNING,
        "join": StepState.SKIPPED,
        "tell": StepState.SKIPPED,
    }
    workflow.given(*BEGUN, failed).when(end("count")).then(ended("count"), over(Outcome.FAILED))


def test_a_failure_stops_the_others_where_it_shall_fail_fast() -> None:
    workflow.given(*FAST).when(end("get", Outcome.FAILED, "crashed")).then(
        ended("get", Outcome.FAILED, "crashed"), stopped(Outcome.FAILED, "count", because="get")
    )
    past = (*FAST, ended("get", Outcome.FAILED), stopped(Outcome.FAILED, "count", because="get"))
    workflow.given(*past).when(end("count", Outcome.CANCELLED)).then(
        ended("count", Outcome.CANCELLED), over(Outcome.FAILED)
    )


def test_a_step_that_succeeds_after_the_stop_starts_nothing() -> None:
    past = (*FAST, ended("get", Outcome.FAILED), stopped(Outcome.FAILED, "count", because="get"))
    workflow.given(*past).when(end("count")).then(ended("count"), over(Outcome.FAILED))


def test_a_job_that_somebody_cancels_counts_as_one_that_did_not_succeed() -> None:
    workflow.given(*FAST).when(end("get", Outcome.CANCELLED)).then(
        ended("get", Outcome.CANCELLED), stopped(Outcome.FAILED, "count", because="get")
    )


def test_cancelling_stops_what_runs_and_starts_nothing_more() -> None:
    workflow.given(*BEGUN).when(CANCEL).then(stopped(Outcome.CANCELLED, "get", "count"))
    past = (*BEGUN, stopped(Outcome.CANCELLED, "get", "count"))
    assert states(*past)["join"] is StepState.SKIPPED
    workflow.given(*past).when(CANCEL).then()
    workflow.given(*past, ended("get", Outcome.CANCELLED)).when(end("count", Outcome.CANCELLED)).then(
        ended("count", Outcome.CANCELLED), over(Outcome.CANCELLED)
    )


def test_what_has_ended_cannot_be_cancelled() -> None:
    past = (*FAST, ended("get", Outcome.FAILED), stopped(Outcome.FAILED, "count", because="get"))
    workflow.given(*past).when(CANCEL).then_rejected(Rejection.JOB_FINISHED)


def test_nothing_is_cancelled_that_was_never_submitted() -> None:
    workflow.when(CANCEL).then()


@pytest.mark.parametrize("job_id", [job_of("join"), job_of("get"), OTHER_JOB_ID])
def test_an_end_of_no_running_step_changes_nothing(job_id: Any) -> None:
    late = EndStep(job_id=job_id, outcome=Outcome.SUCCEEDED, now_ms=at_ms(6))
    workflow.given(*BEGUN, ended("get")).when(late).then()


@pytest.mark.parametrize("event", EVENTS)
def test_what_happens_to_an_unknown_workflow_does_not_fail(event: WorkflowEvent) -> None:
    evolve(Workflow(), event)


@given(
    st.lists(st.sampled_from(list(Outcome)), min_size=len(NEEDS), max_size=len(NEEDS)),
    st.permutations(list(NEEDS)),
    st.sampled_from(list(FailMode)),
)
def test_however_steps_end_each_runs_at_most_once_and_the_workflow_ends_once(
    outcomes: list[Outcome], order: list[str], fail_mode: FailMode
) -> None:
    ends = dict(zip(NEEDS, outcomes, strict=True))
    state, told = Workflow(), list[WorkflowEvent]()
    commands: list[WorkflowCommand] = [submit(fail_mode=fail_mode)]
    commands += [end(key, ends[key]) for _ in NEEDS for key in order]
    for command in commands:
        for event in decide(state, command):
            state = evolve(state, event)
            told.append(event)
    begun = [event.key for event in told if isinstance(event, StepStarted)]
    assert len(begun) == len(set(begun))
    assert all(ends[need] is Outcome.SUCCEEDED for key in begun for need in NEEDS[key])
    (the_end,) = [event for event in told if isinstance(event, WorkflowEnded)]
    assert told[-1] is the_end
    assert (the_end.outcome is Outcome.SUCCEEDED) == (set(outcomes) == {Outcome.SUCCEEDED})
