"""Every part of one coordinator, connected with every other. The only place where they meet.

Made by `api.main` at start. `run` keeps the workers going until it is cancelled: tails and heartbeats in every
coordinator, claims shared among all of them, processes and planners on the one that leads, each projection on whoever
holds its lock.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from nats.aio.client import Client
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.nats import asyncapi
from adapters.nats.artifacts import Artifacts
from adapters.nats.connection import connect
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.event_tail import EventTail
from adapters.nats.mailbox import ClaimMailbox, Outbox, new_broker
from adapters.nats.outputs import Outputs
from adapters.nats.rejected_claims import RejectedClaims
from adapters.nats.streams import create_streams
from adapters.postgres.leadership import Leadership
from adapters.postgres.process_store import ProcessStore
from api.island_access import SharedIslandUser
from api.planners import Planners, load_planners, planner_work
from api.services import Services
from api.settings import Settings
from api.version import VERSION
from api.workers import Troubles, hear_heartbeats, keep_running, run_process, watch_connection
from commands.handle import CommandHandler
from commands.intake import Intake
from commands.process import ReactionCarrier
from commands.processes.dispatching import DISPATCHING
from commands.processes.karma import KARMA
from commands.processes.settling import SETTLING
from projections.contract import live_schema
from projections.migrations import prepare
from projections.progress import ProjectionProgress
from projections.read_model import ReadModel, ReadPool, read_pool
from projections.registry import PROJECTIONS
from projections.runner import Runner
from projections.runner import connect as connect_database

PROCESSES: Final = (DISPATCHING, SETTLING, KARMA)
PROCESS_CONNECTIONS_MAX: Final = 4
JOBS_GATHERING_S: Final = 0.004
GATHERING_S: Final = 0.05

Pool = AsyncConnectionPool[AsyncConnection[Any]]
Work = Callable[[], Awaitable[None]]


class Coordinator:
    def __init__(
        self,
        settings: Settings,
        *,
        client: Client,
        artifacts: Artifacts,
        store: ProcessStore,
        reads: ReadPool,
        progress: ProjectionProgress,
        planners: Callable[[Outputs], Awaitable[Planners]],
    ) -> None:
        self.settings = settings
        self.log = JetStreamEventLog(client)
        self.handler = CommandHandler(self.log)
        self.troubles = Troubles()
        self._client = client
        self._artifacts = artifacts
        self._store = store
        self._reads = reads
        self.progress = progress
        self._tail = EventTail(client, self.log)
        self._outputs = Outputs(client)
        self._rejected = RejectedClaims(client)
        self._broker = new_broker(settings.nats_url, "coordinator-mailbox")
        self._outbox = Outbox(self._broker, self.log, self._artifact_url)
        intake = Intake(self.handler, self._outputs, self._outbox)
        self._claims = ClaimMailbox(self._broker, intake, self._rejected)
        self._carrier = ReactionCarrier(self.handler, self._outbox)
        self._leadership = Leadership(settings.postgres_dsn)
        self._load_planners = planners
        self._planners: Planners | None = None

    def _artifact_url(self, digest: str) -> str:
        return f"{self.settings.public_url}/api/v1/artifacts/{digest}"

    def services(self) -> Services:
        """What the HTTP face is given."""
        return Services(
            settings=self.settings,
            handler=self.handler,
            log=self.log,
            tail=self._tail,
            reads=ReadModel(self._reads),
            progress=self.progress,
            outputs=self._outputs,
            artifacts=self._artifacts,
            rejected_claims=self._rejected,
            island_access=SharedIslandUser(self._client, self.settings.island_nats_url),
            heard=lambda island_id: (
                self._planners.liveness.last_heard_ms(island_id) if self._planners else None
            ),
            asyncapi=self._asyncapi,
            troubles=lambda: dict(self.troubles.by_worker),
        )

    def _asyncapi(self) -> Mapping[str, Any]:
        return asyncapi.document(self._broker, VERSION)

    async def run(self) -> None:
        """Keeps every worker going until cancelled; then claims in hand are finished and pictures are saved."""
        self._planners = planners = await self._load_planners(self._outputs)
        work: dict[str, Work] = {
            "event_tail": self._tail.run,
            "output_tail": self._outputs.run,
            "heartbeats": partial(hear_heartbeats, self._client, planners.liveness),
            "connection": partial(watch_connection, self._client, planners.liveness),
            "leading": partial(self._leadership.run, partial(self._lead, planners)),
        }
        for projection in PROJECTIONS:
            runner = Runner(self.settings.postgres_dsn, projection)
            source = partial(self._tail.follow, gathering_s=gathering_s(projection.name))
            work[f"projection_{projection.name}"] = partial(runner.run_forever, source)
        await self._broker.start()
        try:
            await self._keep_running(work)
        finally:
            await self._broker.stop()

    async def _lead(self, planners: Planners) -> None:
        work: dict[str, Work] = {
            process.name: partial(run_process, process, self._tail, self._store, self._carrier, self.troubles)
            for process in PROCESSES
        }
        work |= planner_work(planners, self._tail, self._carrier, self._store)
        await self._keep_running(work)

    async def _keep_running(self, work: Mapping[str, Work]) -> None:
        async with asyncio.TaskGroup() as group:
            for name, one in work.items():
                group.create_task(keep_running(name, one, self.troubles), name=name)


def gathering_s(projection: str) -> float:
    """How long commits gather before a projection takes them: people watch jobs; the others can wait a moment."""
    return JOBS_GATHERING_S if projection == "jobs" else GATHERING_S


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Coordinator]:
    """A coordinator with open connections, its streams and tables made."""
    async with contextlib.AsyncExitStack() as stack:
        client = await connect(settings.nats_url, "coordinator")
        stack.push_async_callback(client.close)
        await create_streams(client, replicas=settings.stream_replicas)
        artifacts = await Artifacts.open(client, replicas=settings.stream_replicas)
        pool: Pool = AsyncConnectionPool(
            settings.postgres_dsn,
            min_size=1,
            max_size=PROCESS_CONNECTIONS_MAX,
            open=False,
            kwargs={
                "autocommit": True,
                "application_name": "archipelago processes",
                # A lost position repeats what decides nothing, so it need not wait for the disk.
                "options": "-c synchronous_commit=off",
            },
        )
        store = ProcessStore(await stack.enter_async_context(pool))
        await store.create()
        await make_read_tables(settings.postgres_dsn)
        yield Coordinator(
            settings,
            client=client,
            artifacts=artifacts,
            store=store,
            reads=await stack.enter_async_context(read_pool(settings.postgres_dsn)),
            progress=await stack.enter_async_context(ProjectionProgress(settings.postgres_dsn)),
            planners=partial(load_planners, store),
        )


async def make_read_tables(dsn: str) -> None:
    """The tables of every projection, so that the first reader finds them empty rather than missing."""
    async with await connect_database(dsn, "archipelago start") as connection:
        for projection in PROJECTIONS:
            await prepare(connection, projection, live_schema(projection))
