"""Answers about workflows."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from api.schemas.fields import Instant
from domain.batch_events import FailMode
from domain.workflow import StepState


class StepError(TypedDict):
    """Why a step failed: the code of its job, or why there is none."""

    code: str
    message: str


class WorkflowStep(TypedDict):
    """One step, and the job that it became."""

    key: str
    workload: str
    depends_on: list[str]
    state: StepState
    job_id: NotRequired[str]
    error: NotRequired[StepError]
    started_at: NotRequired[Instant]
    completed_at: NotRequired[Instant]


class Workflow(TypedDict):
    """Steps that feed each other."""

    id: str
    name: str
    state: Literal["running", "succeeded", "failed", "cancelled"]
    fail_mode: FailMode
    steps: list[WorkflowStep]
    created_at: Instant
    completed_at: NotRequired[Instant]
