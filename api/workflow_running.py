"""Runs workflows: makes a job of every step that has started, and tells the workflow how the job ended.

Run by the coordinator that leads, over the log and from its own position. Every job has an id that follows from its
step, and a workflow takes each end once, so what a crash repeats changes nothing.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from adapters.postgres.process_store import ProcessStore
from api.edge import new_edge
from api.errors import ApiError, ErrorCode, of_rejection
from api.job_request import JobRequest
from api.job_submission import submit_for
from api.job_text import text_so_far
from api.recorded_job import RecordedJob
from api.services import Services
from api.step_input import NoSuchValue, filled
from commands.batch_parts import cancel_part
from commands.event_log import Commit, LogUnavailable, Origin
from domain.batch_events import Outcome
from domain.ids import AccountId, JobId
from domain.job import JOB
from domain.job_events import JobCancelled, JobFailed, JobSucceeded
from domain.job_state import Phase
from domain.person import PersonErased
from domain.rejection import Rejected, Rejection
from domain.workflow import (
    WORKFLOW,
    CancelWorkflow,
    EndStep,
    Step,
    StepEnded,
    StepStarted,
    Workflow,
    WorkflowStopped,
)

PROCESS: Final = "workflows"
GATHERING_S: Final = 0.02
POSITION_SAVED_EVERY_S: Final = 0.5
TEMPORARY: Final = frozenset({ErrorCode.UNAVAILABLE, ErrorCode.NOT_CAUGHT_UP})
"""A step is not failed by these; the worker begins again where it stood."""
OUTPUT_GONE: Final = "output_gone"


class OutputGone(ValueError):
    """A step's output is kept no longer."""


@dataclass(frozen=True, slots=True)
class Running:
    """Whose step a job is."""

    workflow_id: str
    account_id: AccountId


class WorkflowRunning:
    """Memory is bounded by the steps that run: jobs of theirs count among those an account may have open."""

    def __init__(self, services: Services, store: ProcessStore) -> None:
        self._services = services
        self._edge = new_edge(services)
        self._store = store
        self._running: dict[JobId, Running] = {}

    async def run(self) -> None:
        """Follows the log until cancelled. Raises what log and database raise."""
        loop = asyncio.get_running_loop()
        saved = await self._store.position(PROCESS)
        await self.know(saved)
        save_at = loop.time()
        async for commits in self._services.tail.follow(saved, gathering_s=GATHERING_S):
            for commit in commits:
                await self.take(commit)
            if loop.time() >= save_at:
                await self._store.save_position(PROCESS, old=saved, new=commits[-1].position)
                saved, save_at = commits[-1].position, loop.time() + POSITION_SAVED_EVERY_S

    async def know(self, position: int) -> None:
        """Learns which steps ran as of that position."""
        self._running = {}
        past = self._services.past.read_category(WORKFLOW.category, after=0, up_to=position)
        async for commits in past:
            for commit in commits:
                for event in commit.events:
                    self._note(event)

    def _note(self, event: Any) -> None:
        match event:
            case StepStarted():
                self._running[event.job_id] = Running(event.workflow_id, event.account_id)
            case StepEnded():
                self._running.pop(event.job_id, None)
            case _:
                pass

    async def take(self, commit: Commit) -> None:
        for index, event in enumerate(commit.events):
            self._note(event)
            cause = f"{commit.position}.{index}"
            origin = Origin(
                command_id=f"{PROCESS}.{cause}",
                cause=cause,
                actor=PROCESS,
                correlation_id=commit.origin.correlation_id,
            )
            await self._react(event, origin, commit.recorded_at_ms)

    async def _react(self, event: Any, origin: Origin, at_ms: int) -> None:
        match event:
            case StepStarted():
                await self._start(event, origin, at_ms)
            case WorkflowStopped():
                for job_id in event.running:
                    await self._cancel_job(job_id, event.account_id, origin, at_ms)
            case JobSucceeded():
                await self._tell(ended(event.job_id, Outcome.SUCCEEDED, at_ms), origin)
            case JobFailed():
                await self._tell(failed(event.job_id, event.code, "", at_ms), origin)
            case JobCancelled():
                await self._tell(ended(event.job_id, Outcome.CANCELLED, at_ms), origin)
            case PersonErased():
                await self._cancel_all_of(event.account_id, origin, at_ms)
            case _:
                pass

    async def _start(self, started: StepStarted, origin: Origin, at_ms: int) -> None:
        workflow = await self._services.handler.state(WORKFLOW, started.workflow_id)
        step = workflow.of_job(started.job_id)
        job = await self._services.handler.state(JOB, started.job_id)
        if step is None or job.phase not in {Phase.UNSUBMITTED, Phase.ABANDONED}:
            return  # It was submitted before; its own events tell the rest.
        if workflow.outcome is not None:  # Stopped meanwhile.
            await self._tell(ended(started.job_id, Outcome.CANCELLED, at_ms), origin)
            return
        try:
            request = await self._request(workflow, step)
            await submit_for(self._edge, started.account_id, started.job_id, request, origin)
        except Rejected as refused:
            error = of_rejection(refused)
            await self._tell(failed(started.job_id, error.code, error.message, at_ms), origin)
        except ApiError as refused:
            if refused.code in TEMPORARY:
                raise LogUnavailable(refused.message) from refused
            await self._tell(failed(started.job_id, refused.code, refused.message, at_ms), origin)
        except NoSuchValue as fault:
            await self._tell(failed(started.job_id, ErrorCode.INVALID, str(fault), at_ms), origin)
        except OutputGone as fault:
            await self._tell(failed(started.job_id, OUTPUT_GONE, str(fault), at_ms), origin)

    async def _request(self, workflow: Workflow, step: Step) -> JobRequest:
        """The step's job, its input filled from the outputs of the steps before it."""
        [readable] = await self._services.cipher.revealed([workflow.submitted])
        assert readable is not None
        [written] = [one.input_json for one in readable.steps if one.key == step.key]
        parts = msgspec.json.decode(written)
        outputs = {
            before.key: await self._output(before)
            for before in readable.steps
            if before.key in step.depends_on
        }
        whole = {**parts["input"], **filled(parts["mapping"], outputs)}
        return JobRequest.model_construct(workload=step.workload, input=whole, bid_price=step.bid_micro)

    async def _output(self, step: Step) -> str:
        job = await RecordedJob.load(self._services.log, step.job_id)
        assert job.row is not None, "a step ends behind its job"
        text = await text_so_far(self._edge, job.row)
        if text is None:
            raise OutputGone(f"the output of {step.key} is kept no longer")
        return text

    async def _tell(self, end: EndStep, origin: Origin) -> None:
        """Jobs that are no step end without a word."""
        running = self._running.get(end.job_id)
        if running is not None:
            await self._services.handler.handle(WORKFLOW, running.workflow_id, end, origin=origin)

    async def _cancel_job(self, job_id: JobId, account_id: AccountId, origin: Origin, at_ms: int) -> None:
        await cancel_part(
            self._services.handler,
            self._services.outputs,
            job_id,
            account_id,
            origin=origin,
            now_ms=at_ms,
        )

    async def _cancel_all_of(self, account_id: AccountId, origin: Origin, at_ms: int) -> None:
        workflows = {one.workflow_id for one in self._running.values() if one.account_id == account_id}
        for workflow_id in workflows:
            try:
                command = CancelWorkflow(now_ms=at_ms)
                await self._services.handler.handle(WORKFLOW, workflow_id, command, origin=origin)
            except Rejected as rejected:
                if rejected.code is not Rejection.JOB_FINISHED:
                    raise


def ended(job_id: JobId, outcome: Outcome, at_ms: int) -> EndStep:
    return EndStep(job_id=job_id, outcome=outcome, now_ms=at_ms)


def failed(job_id: JobId, code: str, detail: str, at_ms: int) -> EndStep:
    return EndStep(job_id=job_id, outcome=Outcome.FAILED, code=code, detail=detail, now_ms=at_ms)
