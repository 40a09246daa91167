"""A workflow as its owner reads it: each step with the job that it became."""

from typing import Any

from api.shapes.present import instant, maybe_instant, present
from domain.workflow import Step, StepStanding, StepState, Workflow, WorkflowSubmitted

HAS_NO_JOB = frozenset({StepState.WAITING, StepState.SKIPPED})


def workflow_shape(
    workflow: Workflow, submitted: WorkflowSubmitted, details: list[StepStanding]
) -> dict[str, Any]:
    """`submitted` and `details`, the standing of each step in order, with their texts readable."""
    shape = present(
        {
            "id": submitted.workflow_id,
            "name": submitted.name,
            "state": workflow.outcome if workflow.ended_at_ms is not None else "running",
            "fail_mode": submitted.fail_mode,
            "steps": [step_shape(*both) for both in zip(submitted.steps, details, strict=True)],
            "created_at": instant(submitted.submitted_at_ms),
            "completed_at": maybe_instant(workflow.ended_at_ms),
        }
    )
    return {**shape, "data": shape}


def step_shape(step: Step, standing: StepStanding) -> dict[str, Any]:
    error = {"code": standing.code, "message": standing.detail or standing.code} if standing.code else None
    return present(
        {
            "key": step.key,
            "workload": step.workload,
            "depends_on": list(step.depends_on),
            "state": standing.state,
            "job_id": None if standing.state in HAS_NO_JOB else step.job_id,
            "error": error,
            "started_at": maybe_instant(standing.started_at_ms),
            "completed_at": maybe_instant(standing.ended_at_ms),
        }
    )
