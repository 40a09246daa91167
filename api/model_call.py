"""One call of a model: an ordinary job that a client waits for. Used by the routes that speak OpenAI's language.

A job that no island takes in time, or whose client leaves, is cancelled, so nobody pays for what nobody reads. A call
with an Idempotency-Key goes on without its client, who may ask again and get the same answer.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from starlette.requests import Request

from api.attempt_telling import Moment, Resume
from api.changes import of_job
from api.edge import EdgeState, origin_of
from api.errors import ApiError, ErrorCode
from api.job_request import JobRequest
from api.job_story import JobStory
from api.job_submission import cancel, submitted_job
from api.job_text import text_so_far
from api.key_ring import Caller
from api.recorded_job import RecordedJob
from api.shapes.job import ENDED, error_text
from api.task_end import end_tasks
from commands.event_log import Origin
from domain.failure import JobEnd
from domain.ids import CargoSlug
from domain.job_state import Phase
from domain.rejection import Rejected
from projections.jobs import JobRow

DEADLINE_GRACE_S: Final = 30
"""So much longer the job itself waits for an island: it ends although the coordinator died that would cancel it."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """`is_kept`: the job goes on when its client leaves."""

    edge: EdgeState
    job: RecordedJob
    origin: Origin
    is_kept: bool

    @property
    def row(self) -> JobRow:
        assert self.job.row is not None, "a call begins with its job"
        return self.job.row

    async def taken(self) -> None:
        """Waits until an island has the job. Raises `ApiError` (no_hosts) and cancels where none does in time."""
        wait_s = self.edge.services.settings.model_wait_s
        try:
            async with asyncio.timeout(wait_s):
                await self._until(lambda row: row.state is not Phase.SUBMITTED)
        except TimeoutError:
            await self.give_up()
            raise no_hosts(self.row, f"within {wait_s:g} s") from None

    async def succeeded(self) -> JobRow:
        """Waits for the end. Raises `ApiError` where it is not a success."""
        await self._until(lambda row: row.state in ENDED)
        if problem := problem_of(self.row):
            raise problem
        return self.row

    async def text(self) -> str:
        """What the job put out, once it succeeded. Raises `ApiError`."""
        await self.taken()
        text = await text_so_far(self.edge, await self.succeeded())
        if text is None:
            raise ApiError(ErrorCode.NOT_FOUND, "output: it was kept for 7 days and is gone")
        return text

    def moments(self) -> AsyncGenerator[Moment]:
        """The job's story from its first chunk."""
        return JobStory(self.edge, self.row.job_id, Resume()).moments()

    async def leave(self) -> None:
        """The client has gone."""
        if not self.is_kept:
            await self.give_up()

    async def give_up(self) -> None:
        """Cancels the job unless it has ended."""
        await self.job.refresh()
        with suppress(Rejected):
            await cancel(self.edge, self.job, self.origin)

    async def _until(self, is_there: Callable[[JobRow], bool]) -> None:
        with self.edge.changes.watch(of_job(self.row.job_id)) as watch:
            await self.job.refresh()
            while not is_there(self.row):
                await watch.behind(self.job.version)
                await self.job.refresh()


async def begin_call(
    edge: EdgeState,
    caller: Caller,
    cargo: CargoSlug,
    cargo_input: dict[str, Any],
    *,
    request_id: str,
    key: str | None,
) -> ModelCall:
    """Submits the job, or finds the one that this Idempotency-Key made. Raises `ApiError` and `Rejected`."""
    deadline_s = int(edge.services.settings.model_wait_s) + DEADLINE_GRACE_S
    request = JobRequest(workload=cargo, input=cargo_input, deadline_seconds=deadline_s)
    job = await submitted_job(edge, caller, request, request_id=request_id, key=key)
    return ModelCall(edge=edge, job=job, origin=origin_of(caller, request_id), is_kept=key is not None)


async def while_there(request: Request, call: ModelCall, work: Awaitable[T]) -> T:
    """The result of `work`, unless the client leaves before; then the call is left too."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.create_task(gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
    finally:
        await end_tasks((working, leaving))
    await call.leave()
    raise ApiError(ErrorCode.JOB_FINISHED, "the client left")


async def gone(request: Request) -> None:
    """Returns when the client has left. The body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def problem_of(row: JobRow) -> ApiError | None:
    """Why a job that has ended has no answer; None where it has one."""
    if row.state is Phase.SUCCEEDED:
        return None
    facts = {"job_id": row.job_id}
    if row.error_code == JobEnd.UNPLACEABLE or (row.state is Phase.CANCELLED and not row.attempt):
        return no_hosts(row, "in time")
    if row.state is Phase.CANCELLED:
        return ApiError(ErrorCode.JOB_FINISHED, f"the job {row.job_id} was cancelled", facts=facts)
    return ApiError(
        ErrorCode.JOB_FAILED, f"the job {row.job_id} failed: {error_text(row) or 'no reason'}", facts=facts
    )


def no_hosts(row: JobRow, when: str) -> ApiError:
    """Says why not, as far as it is known: how many islands refused for which reason."""
    counted = ", ".join(f"{refusal.code} {refusal.count}" for refusal in row.refusals or ())
    reasons = f" ({counted})" if counted else ""
    return ApiError(
        ErrorCode.NO_HOSTS,
        f"no island took the job {when}{reasons}; it is cancelled and nothing is charged",
        facts={"job_id": row.job_id},
    )


def unexpected(row: JobRow, wanted: str) -> ApiError:
    """The cargo succeeded and put out something else: it is no model of this kind."""
    return ApiError(
        ErrorCode.JOB_FAILED,
        f"model: {row.cargo_slug} put out no {wanted}; read GET /api/v1/jobs/{row.job_id}/output",
        facts={"job_id": row.job_id},
    )
