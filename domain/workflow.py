"""A workflow: steps that feed each other, each an ordinary job once those it depends on have succeeded.

Submitted over HTTP; `api.workflow_running` makes a job of every step that starts and reports its end. What starts, what
can never start any more and when the workflow is over is decided here alone, so a worker that repeats itself or is late
changes nothing. Credits are held step by step, as for any job.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import reduce
from typing import Annotated, Final, assert_never

from domain.batch_events import FailMode, Outcome
from domain.decider import Decider
from domain.ids import AccountId, JobId
from domain.personal import PersonalOf
from domain.rejection import Rejected, Rejection

STEPS_MAX: Final = 50


class StepState(StrEnum):
    """How far a step has come."""

    WAITING = "waiting"  # For the steps it depends on.
    RUNNING = "running"  # It is a job by now, queued or under way.
    SUCCEEDED = "succeeded"  # Its output is there for the steps that depend on it.
    FAILED = "failed"  # Its job failed, or could not be submitted; the code says why.
    CANCELLED = "cancelled"  # Its job was cancelled.
    SKIPPED = "skipped"  # It will never run: a step it needs did not succeed, or the workflow was stopped.


OVER: Final = frozenset({StepState.SUCCEEDED, StepState.FAILED, StepState.CANCELLED, StepState.SKIPPED})
STATE_OF: Final = {
    Outcome.SUCCEEDED: StepState.SUCCEEDED,
    Outcome.FAILED: StepState.FAILED,
    Outcome.CANCELLED: StepState.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`input_json` holds `input`, taken as it is, and `mapping`, whose placeholders stand for outputs of the steps in
    `depends_on`. `job_id` is the job that it becomes.
    `bid_micro` is None where the usual bid of such a job is to be made.
    """

    key: str
    job_id: JobId
    workload: str
    input_json: Annotated[str, PersonalOf("account_id", holds_json=True)]
    depends_on: tuple[str, ...]
    bid_micro: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSubmitted:
    """Steps depend on each other without a circle."""

    workflow_id: str
    account_id: AccountId
    name: Annotated[str, PersonalOf("account_id")]
    steps: tuple[Step, ...]
    fail_mode: FailMode
    request_sha256: str
    submitted_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """All that it depends on has succeeded: its job is submitted from here on."""

    workflow_id: str
    account_id: AccountId
    key: str
    job_id: JobId
    started_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnded:
    """Steps that depend on one that did not succeed never start. `code` and `detail` say why it failed."""

    workflow_id: str
    account_id: AccountId
    key: str
    job_id: JobId
    outcome: Outcome
    code: str | None
    detail: Annotated[str, PersonalOf("account_id")]
    ended_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowStopped:
    """No further step starts, and the jobs that `running` names are cancelled. `because` is the step that failed."""

    workflow_id: str
    account_id: AccountId
    outcome: Outcome
    because: str
    running: tuple[JobId, ...]
    stopped_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowEnded:
    """It succeeded where every step did."""

    workflow_id: str
    account_id: AccountId
    outcome: Outcome
    ended_at_ms: int


WorkflowEvent = WorkflowSubmitted | StepStarted | StepEnded | WorkflowStopped | WorkflowEnded


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitWorkflow:
    workflow_id: str
    account_id: AccountId
    name: str
    steps: tuple[Step, ...]
    fail_mode: FailMode
    request_sha256: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndStep:
    """The job of a step has ended, or could not be submitted at all."""

    job_id: JobId
    outcome: Outcome
    code: str | None = None
    detail: str = ""
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelWorkflow:
    now_ms: int


WorkflowCommand = SubmitWorkflow | EndStep | CancelWorkflow


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStanding:
    """`detail` lies sealed."""

    state: StepState = StepState.WAITING
    code: str | None = None
    detail: Annotated[str, PersonalOf(None)] = ""
    started_at_ms: int | None = None
    ended_at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """`outcome` stands from the moment it is stopped or has ended; `ended_at_ms` once no step runs any more."""

    submitted: WorkflowSubmitted | None = None
    steps: Mapping[str, StepStanding] = field(default_factory=dict)
    outcome: Outcome | None = None
    ended_at_ms: int | None = None

    def of_job(self, job_id: JobId) -> Step | None:
        """The step that became this job and still runs."""
        running = (step for step in self.in_state(StepState.RUNNING) if step.job_id == job_id)
        return next(running, None)

    def in_state(self, state: StepState) -> Iterator[Step]:
        for step in self.submitted.steps if self.submitted else ():
            if self.steps[step.key].state is state:
                yield step


def decide(workflow: Workflow, command: WorkflowCommand) -> list[WorkflowEvent]:
    match command:
        case SubmitWorkflow():
            return submit(workflow, command)
        case EndStep():
            return end_step(workflow, command)
        case CancelWorkflow():
            return cancel(workflow, command)
        case _:
            assert_never(command)


def submit(workflow: Workflow, command: SubmitWorkflow) -> list[WorkflowEvent]:
    if workflow.submitted is not None:
        known = (workflow.submitted.account_id, workflow.submitted.request_sha256)
        if known != (command.account_id, command.request_sha256):
            raise Rejected(Rejection.IDEMPOTENCY_MISMATCH, "Idempotency-Key: used for another request")
        return []
    assert 0 < len(command.steps) <= STEPS_MAX
    submitted = WorkflowSubmitted(
        workflow_id=command.workflow_id,
        account_id=command.account_id,
        name=command.name,
        steps=command.steps,
        fail_mode=command.fail_mode,
        request_sha256=command.request_sha256,
        submitted_at_ms=command.now_ms,
    )
    return [submitted, *starts(evolve(workflow, submitted), submitted, command.now_ms)]


def starts(workflow: Workflow, of: WorkflowSubmitted, now_ms: int) -> list[WorkflowEvent]:
    """Of every step whose needs are met by now."""
    return [
        StepStarted(
            workflow_id=of.workflow_id,
            account_id=of.account_id,
            key=step.key,
            job_id=step.job_id,
            started_at_ms=now_ms,
        )
        for step in workflow.in_state(StepState.WAITING)
        if all(workflow.steps[key].state is StepState.SUCCEEDED for key in step.depends_on)
    ]


def end_step(workflow: Workflow, command: EndStep) -> list[WorkflowEvent]:
    of, step = workflow.submitted, workflow.of_job(command.job_id)
    if of is None or step is None:
        return []
    ended = StepEnded(
        workflow_id=of.workflow_id,
        account_id=of.account_id,
        key=step.key,
        job_id=step.job_id,
        outcome=command.outcome,
        code=command.code,
        detail=command.detail,
        ended_at_ms=command.now_ms,
    )
    return [ended, *after_step(evolve(workflow, ended), of, ended)]


def after_step(workflow: Workflow, of: WorkflowSubmitted, last: StepEnded) -> list[WorkflowEvent]:
    """What follows from the end of a step, in the same commit."""
    events: list[WorkflowEvent] = []
    if workflow.outcome is None:
        if last.outcome is not Outcome.SUCCEEDED and of.fail_mode is FailMode.FAIL_FAST:
            events = [stop(workflow, of, Outcome.FAILED, last.ended_at_ms, last.key)]
        else:
            events = starts(workflow, of, last.ended_at_ms)
    return [*events, *end_of(reduce(evolve, events, workflow), of, last.ended_at_ms)]


def stop(
    workflow: Workflow, of: WorkflowSubmitted, outcome: Outcome, now_ms: int, because: str = ""
) -> WorkflowStopped:
    return WorkflowStopped(
        workflow_id=of.workflow_id,
        account_id=of.account_id,
        outcome=outcome,
        because=because,
        running=tuple(step.job_id for step in workflow.in_state(StepState.RUNNING)),
        stopped_at_ms=now_ms,
    )


def end_of(workflow: Workflow, of: WorkflowSubmitted, now_ms: int) -> list[WorkflowEvent]:
    """The end, where nothing is left to run."""
    states = {standing.state for standing in workflow.steps.values()}
    if not states <= OVER:
        return []
    outcome = workflow.outcome or (Outcome.SUCCEEDED if states == {StepState.SUCCEEDED} else Outcome.FAILED)
    return [
        WorkflowEnded(
            workflow_id=of.workflow_id, account_id=of.account_id, outcome=outcome, ended_at_ms=now_ms
        )
    ]


def cancel(workflow: Workflow, command: CancelWorkflow) -> list[WorkflowEvent]:
    of = workflow.submitted
    if of is None or workflow.outcome is Outcome.CANCELLED:
        return []
    if workflow.outcome is not None:
        raise Rejected(Rejection.JOB_FINISHED, f"the workflow is {workflow.outcome} already")
    stopped = stop(workflow, of, Outcome.CANCELLED, command.now_ms)
    return [stopped, *end_of(evolve(workflow, stopped), of, command.now_ms)]


def evolve(workflow: Workflow, event: WorkflowEvent) -> Workflow:
    match event:
        case WorkflowSubmitted():
            return Workflow(submitted=event, steps={step.key: StepStanding() for step in event.steps})
        case StepStarted():
            began = replace(
                standing_of(workflow, event.key), state=StepState.RUNNING, started_at_ms=event.started_at_ms
            )
            return moved(workflow, event.key, began)
        case StepEnded():
            over = replace(
                standing_of(workflow, event.key),
                state=STATE_OF[event.outcome],
                code=event.code,
                detail=event.detail,
                ended_at_ms=event.ended_at_ms,
            )
            ended = moved(workflow, event.key, over)
            return ended if event.outcome is Outcome.SUCCEEDED else without_dependents(ended)
        case WorkflowStopped():
            waiting = [step.key for step in workflow.in_state(StepState.WAITING)]
            return replace(skipped(workflow, waiting), outcome=event.outcome)
        case WorkflowEnded():
            return replace(workflow, outcome=event.outcome, ended_at_ms=event.ended_at_ms)
        case _:
            assert_never(event)


def standing_of(workflow: Workflow, key: str) -> StepStanding:
    return workflow.steps.get(key, StepStanding())


def moved(workflow: Workflow, key: str, standing: StepStanding) -> Workflow:
    return replace(workflow, steps={**workflow.steps, key: standing})


def without_dependents(workflow: Workflow) -> Workflow:
    """Steps that need one that will not succeed are skipped, and so are those that need them."""
    lost = {StepState.FAILED, StepState.CANCELLED, StepState.SKIPPED}
    while True:
        next_ones = [
            step.key
            for step in workflow.in_state(StepState.WAITING)
            if any(workflow.steps[key].state in lost for key in step.depends_on)
        ]
        if not next_ones:
            return workflow
        workflow = skipped(workflow, next_ones)


def skipped(workflow: Workflow, keys: list[str]) -> Workflow:
    lost = {key: replace(standing_of(workflow, key), state=StepState.SKIPPED) for key in keys}
    return replace(workflow, steps={**workflow.steps, **lost})


WORKFLOW: Final[Decider[WorkflowCommand, Workflow, WorkflowEvent]] = Decider(
    "workflow", Workflow(), decide, evolve
)
