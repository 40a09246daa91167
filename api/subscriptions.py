"""The subscriptions of one WebSocket: each a task of its own that puts frames into the outbox.

Called by `api.websocket`. A subscription that cannot go on says so in an `error` frame and ends; the others go on.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from nats.errors import Error as NatsError
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from adapters.nats.replies import Unanswered
from api.edge import EdgeState
from api.errors import ApiError, ErrorCode, invalid, not_found
from api.key_ring import Caller
from api.log_topics import follow_facts, follow_job, follow_output
from api.outbox import Outbox, Stalled
from api.request_fields import island_id_in_path, job_id_in_path, slug_of
from api.row_topic import Emit, follow_rows
from api.row_topics import (
    account_topic,
    batch_topic,
    cargos_topic,
    host_topic,
    hosts_topic,
    jobs_topic,
    ledger_topic,
    market_topic,
)
from api.server_frames import Failed, SubscriptionFrame, Unsubscribed, text_of, with_id
from api.socket_frames import Subscribe
from api.task_end import end_tasks
from commands.event_log import LogUnavailable
from domain.ids import CargoSlug

SUBSCRIPTIONS_MAX: Final = 100
ID_CHARACTERS_MAX: Final = 100
TOPICS: Final = (
    "account",
    "batch",
    "cargos",
    "events",
    "host",
    "hosts",
    "job",
    "job.output",
    "jobs",
    "ledger",
    "market",
)
PASSING: Final = (LogUnavailable, Unanswered, NatsError, OperationalError, PoolTimeout, TimeoutError)

log = logging.getLogger(__name__)


class Subscriptions:
    def __init__(
        self, edge: EdgeState, caller: Caller, outbox: Outbox, on_stalled: Callable[[], None]
    ) -> None:
        self._edge = edge
        self._caller = caller
        self._outbox = outbox
        self._on_stalled = on_stalled
        self._running: dict[str, asyncio.Task[None]] = {}

    async def add(self, request: Subscribe) -> None:
        if problem := self._problem(request):
            await self._say_error(request.id, problem)
            return
        task = asyncio.create_task(self._run(request))
        self._running[request.id] = task
        task.add_done_callback(lambda done: self._forget(request.id, done))

    async def remove(self, subscription_id: str) -> None:
        """Ends a subscription; no frame of it follows `unsubscribed`."""
        task = self._running.pop(subscription_id, None)
        if task is not None:
            await end_tasks({task})
        await self._outbox.put(with_id(subscription_id, text_of(Unsubscribed())))

    async def end(self) -> None:
        await end_tasks(self._running.values())

    def _problem(self, request: Subscribe) -> ApiError | None:
        if not 0 < len(request.id) <= ID_CHARACTERS_MAX:
            return invalid("id", f"1 to {ID_CHARACTERS_MAX} characters")
        if request.id in self._running:
            return ApiError(ErrorCode.CONFLICT, f"id: {request.id} is subscribed already")
        if len(self._running) >= SUBSCRIPTIONS_MAX:
            return ApiError(
                ErrorCode.RATE_LIMITED, f"at most {SUBSCRIPTIONS_MAX} subscriptions on one socket"
            )
        if request.topic not in TOPICS:
            return invalid("topic", f"one of {', '.join(TOPICS)}")
        return None

    def _forget(self, subscription_id: str, task: asyncio.Task[None]) -> None:
        if self._running.get(subscription_id) is task:
            del self._running[subscription_id]

    async def _run(self, request: Subscribe) -> None:
        async def emit(frame: SubscriptionFrame | str) -> None:
            text = frame if isinstance(frame, str) else text_of(frame)
            await self._outbox.put(with_id(request.id, text))

        try:
            await self._follow(request, emit)
        except ApiError as error:
            await self._say_error(request.id, error)
        except PASSING as fault:
            log.warning("subscription_interrupted", extra={"topic": request.topic, "error": repr(fault)})
            unavailable = ApiError(ErrorCode.UNAVAILABLE, "the stores do not answer; subscribe again")
            await self._say_error(request.id, unavailable)
        except Stalled:
            self._on_stalled()
        except Exception:
            log.exception("subscription_failed", extra={"topic": request.topic})
            await self._say_error(request.id, ApiError(ErrorCode.INTERNAL, "the coordinator failed"))

    async def _follow(self, request: Subscribe, emit: Emit) -> None:
        edge, caller, after = self._edge, self._caller, request.after
        match request.topic:
            case "jobs":
                await follow_rows(edge, jobs_topic(edge, caller), after, emit)
            case "account":
                await follow_rows(edge, account_topic(edge, caller), after, emit)
            case "ledger":
                await follow_rows(edge, ledger_topic(edge, caller), after or 0, emit)
            case "hosts":
                await follow_rows(edge, hosts_topic(edge, caller), after, emit)
            case "host":
                island_id = await island_id_in_path(request.host_id or "")
                await follow_rows(edge, await host_topic(edge, caller, island_id), after, emit)
            case "cargos":
                await follow_rows(edge, cargos_topic(edge), after, emit)
            case "market":
                await follow_rows(edge, await market_topic(edge, wanted_slug(request)), after, emit)
            case "batch":
                batch_id = await job_id_in_path(request.job_id or "")
                await follow_rows(edge, await batch_topic(edge, caller, batch_id), after, emit)
            case "job":
                await follow_job(edge, caller, await job_id_in_path(request.job_id or ""), after, emit)
            case "job.output":
                await follow_output(edge, caller, await job_id_in_path(request.job_id or ""), after, emit)
            case "events":
                await follow_facts(edge, caller, request.category, after, emit)
            case _:
                raise not_found(f"topic {request.topic}")

    async def _say_error(self, subscription_id: str, error: ApiError) -> None:
        text = text_of(Failed(error.code, error.message))
        try:
            await self._outbox.put(with_id(subscription_id[:ID_CHARACTERS_MAX], text))
        except Stalled:
            self._on_stalled()


def wanted_slug(request: Subscribe) -> CargoSlug | None:
    """Raises `ApiError` (not_found)."""
    if request.workload is None:
        return None
    slug = slug_of(request.workload)
    if slug is None:
        raise not_found("such workload")
    return slug
