"""Workflows: jobs that feed each other, submitted at once and followed as one."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Reader, Writer
from api.edge import Edge, EdgeState, origin_of
from api.errors import ApiError, not_found
from api.job_submission import fingerprint, runnable_cargo
from api.key_ring import Caller
from api.request_fields import UUID, IdempotencyKey, RequestId
from api.schemas.forms import with_data
from api.schemas.workflow import Workflow as WorkflowForm
from api.shapes.workflow import workflow_shape
from api.strict_json import StrictRoute
from api.workflow_request import WorkflowRequest, at_step
from commands.submission import id_from
from domain.workflow import WORKFLOW, CancelWorkflow, Workflow

router = APIRouter(prefix="/workflows", tags=["jobs"], route_class=StrictRoute)


async def workflow_id_in_path(workflow_id: str) -> str:
    if not UUID.fullmatch(workflow_id):
        raise not_found("such workflow")
    return workflow_id


PathWorkflowId = Annotated[str, Depends(workflow_id_in_path)]


@router.post("", status_code=201, response_model=with_data(WorkflowForm))
async def submit_workflow(
    request: WorkflowRequest, caller: Writer, edge: Edge, request_id: RequestId, key: IdempotencyKey = None
) -> Response:
    """Submit steps that feed each other; each becomes a job once those it depends on have succeeded."""
    request.check()
    workflow_id = id_from("workflow", caller.account_id, key) if key else clock.new_id()
    if (await edge.services.handler.state(WORKFLOW, workflow_id)).submitted is None:
        await check_workloads(edge, request)
    command = request.command(
        workflow_id,
        caller.account_id,
        fingerprint=await fingerprint(edge, caller.account_id, request),
        now_ms=clock.now_ms(),
    )
    handled = await edge.services.handler.handle(
        WORKFLOW, workflow_id, command, origin=origin_of(caller, request_id)
    )
    return await workflow_answer(edge, handled.state, status=201, position=handled.position)


async def check_workloads(edge: EdgeState, request: WorkflowRequest) -> None:
    """What can be known before anything runs. Raises `ApiError` with the step."""
    for index, step in enumerate(request.definition.steps):
        try:
            cargo = await runnable_cargo(edge, step.workload)
            if not step.input_mapping:
                edge.schemas.check(cargo.spec.slug, cargo.spec.version, cargo.input_schema, step.input)
        except ApiError as error:
            raise at_step(error, index) from error


@router.get("/{workflow_id}", response_model=with_data(WorkflowForm))
async def get_workflow(workflow_id: PathWorkflowId, caller: Reader, edge: Edge) -> Response:
    """Show where each step of a workflow stands, and the job that it became."""
    return await workflow_answer(edge, await own_workflow(edge, caller, workflow_id))


@router.delete("/{workflow_id}", response_model=with_data(WorkflowForm))
async def cancel_workflow(
    workflow_id: PathWorkflowId, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Cancel a workflow: jobs under way are cancelled, and nothing further starts. Repeating it changes nothing."""
    await own_workflow(edge, caller, workflow_id)
    command = CancelWorkflow(now_ms=clock.now_ms())
    handled = await edge.services.handler.handle(
        WORKFLOW, workflow_id, command, origin=origin_of(caller, request_id)
    )
    return await workflow_answer(edge, handled.state, position=handled.position)


async def own_workflow(edge: EdgeState, caller: Caller, workflow_id: str) -> Workflow:
    """From the log, so the very next request sees a change. Raises `ApiError` (not_found)."""
    workflow = await edge.services.handler.state(WORKFLOW, workflow_id)
    if workflow.submitted is None or workflow.submitted.account_id != caller.account_id:
        raise not_found("such workflow")
    return workflow


async def workflow_answer(
    edge: EdgeState, workflow: Workflow, *, status: int = 200, position: int | None = None
) -> Response:
    assert workflow.submitted is not None
    cipher = edge.services.cipher
    [submitted] = await cipher.revealed([workflow.submitted])
    standings = await cipher.revealed([workflow.steps[step.key] for step in submitted.steps])
    return answer(workflow_shape(workflow, submitted, standings), status=status, position=position)
