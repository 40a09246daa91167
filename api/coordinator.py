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

from adapters.email_address import EmailIndex
from adapters.field_cipher import FieldCipher
from adapters.mail import FolderMailer, Mailer, SmtpMailer
from adapters.nats import asyncapi
from adapters.nats.accounts.deployment import EMAILS_MASTER
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.roles import Role
from adapters.nats.artifacts import Artifacts
from adapters.nats.audit import Auditor
from adapters.nats.claim_mailbox import ClaimMailbox
from adapters.nats.edge import EdgeService
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.event_tail import EventTail
from adapters.nats.mailbox import Broker, Outbox
from adapters.nats.outputs import Outputs
from adapters.nats.past_log import JetStreamPastLog
from adapters.nats.raw_log import RawLog
from adapters.nats.registrar_client import RegistrarClient
from adapters.nats.rejected_claims import RejectedClaims
from adapters.nats.rejection_history import RejectionHistory
from adapters.postgres.leadership import Leadership
from adapters.revealed_log import RevealedLog
from adapters.safe_http import SafeHttp
from api.archiving import keep_archive
from api.check_policy import CheckPolicy
from api.checkpointing import Checkpointing, signing_key
from api.connections import Connections, access
from api.erasing import keep_erasing
from api.log_proofs import LogProofs
from api.network_account import ensure_network_account
from api.nonces import nonce_secret
from api.own_tables import OwnTables, own_tables
from api.pairing_desk import PairingDesk
from api.pairing_page import pair_url
from api.personal_texts import field_cipher
from api.planners import Planners, load_planners, planner_work
from api.preload_worker import preload_islands
from api.services import Services
from api.settings import Settings
from api.version import VERSION
from api.webhook_queueing import WebhookQueueing
from api.webhook_sending import WebhookSending
from api.workers import (
    Troubles,
    audit_log,
    hear_heartbeats,
    hear_output,
    keep_running,
    run_process,
    watch_connection,
)
from api.workflow_running import WorkflowRunning
from commands.handle import CommandHandler
from commands.intake import Intake
from commands.process import ReactionCarrier
from commands.processes.batching import BATCHING
from commands.processes.checking import CHECKING
from commands.processes.dispatching import DISPATCHING
from commands.processes.karma import KARMA
from commands.processes.rating import RATING
from commands.processes.repaying import REPAYING
from commands.processes.settling import SETTLING
from commands.senders import Senders
from projections.book_reads import BookReads
from projections.checkpoint_reads import CheckpointReads
from projections.contract import live_schema
from projections.demand_reads import DemandReads
from projections.marketplace_reads import MarketplaceReads
from projections.migrations import prepare
from projections.oversight_reads import OversightReads
from projections.people_reads import PeopleReads
from projections.progress import ProjectionProgress
from projections.read_model import ReadModel, ReadPool, read_pool
from projections.registry import PROJECTIONS
from projections.runner import Runner
from projections.runner import connect as connect_database
from projections.sign_in_reads import SignInReads

PROCESSES: Final = (DISPATCHING, SETTLING, KARMA, CHECKING, BATCHING, REPAYING, RATING)
JOBS_GATHERING_S: Final = 0.004
GATHERING_S: Final = 0.05

Work = Callable[[], Awaitable[None]]


class Coordinator:
    def __init__(
        self,
        settings: Settings,
        *,
        connections: Connections,
        cipher: FieldCipher,
        tables: OwnTables,
        reads: ReadPool,
        progress: ProjectionProgress,
        planners: Callable[[Outputs], Awaitable[Planners]],
    ) -> None:
        self.settings = settings
        self.connections = connections
        self.log = JetStreamEventLog(connections.coordinator, cipher)
        self._cipher = cipher
        self._readable = RevealedLog(self.log, cipher)
        self.handler = CommandHandler(self.log, tables.snapshots)
        self.troubles = Troubles()
        self._tables = tables
        self._raw_log = RawLog(connections.projector)
        self._reads = reads
        self.progress = progress
        self._tail = EventTail(connections.projector, JetStreamEventLog(connections.projector))
        self._outputs = Outputs(connections.api)
        self._broker = Broker(access(settings, Role.COORDINATOR), "coordinator mailbox")
        self._outbox = Outbox(self._broker, self._readable, self._artifact_url)
        printed = Outputs(connections.coordinator)
        intake = Intake(self.handler, printed, self._outbox)
        self._claims = ClaimMailbox(
            connections.coordinator,
            intake,
            Senders(self.handler),
            RejectedClaims(connections.coordinator),
        )
        self._carrier = ReactionCarrier(self.handler, self._outbox, printed)
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
            log=self._readable,
            cipher=self._cipher,
            past=JetStreamPastLog(self.connections.projector),
            tail=self._tail,
            reads=ReadModel(self._reads, self._cipher.revealed),
            books=BookReads(self._reads),
            oversight=OversightReads(self._reads),
            demands=DemandReads(self._reads),
            people=PeopleReads(self._reads, self._cipher.revealed),
            marketplace=MarketplaceReads(self._reads, self._cipher.revealed),
            proofs=LogProofs(self._raw_log, self._tables.tree, CheckpointReads(self._reads)),
            progress=self.progress,
            outputs=self._outputs,
            deliveries=self._tables.deliveries,
            safe_http=SafeHttp(to_loopback=self.settings.webhooks_to_loopback),
            artifacts=Artifacts(self.connections.api),
            rejected_claims=RejectionHistory(self.connections.api),
            registrar=RegistrarClient(self.connections.api),
            pairing_codes=self._tables.codes,
            key_uses=self._tables.key_uses,
            sign_ins=SignInReads(self._reads, self._cipher.revealed),
            email_index=EmailIndex(KeyFolder(self.settings.nats_keys).master(EMAILS_MASTER)),
            mailer=mailer_of(self.settings),
            nonce_secret=nonce_secret(access(self.settings, Role.API).credentials),
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
        desk = PairingDesk(self.handler, self._tables.codes, pair_url(self.settings))
        work: dict[str, Work] = {
            "claims": self._claims.run,
            "snapshots": self._tables.snapshots.run,
            "event_tail": self._tail.run,
            "output_tail": partial(self._outputs.run, partial(hear_output, planners.renewing)),
            "heartbeats": partial(
                hear_heartbeats, self.connections.coordinator, planners.liveness, planners.renewing
            ),
            "connection": partial(watch_connection, self.connections.coordinator, planners.liveness),
            "edge": EdgeService(self.connections.edge, desk).run,
            "log_audit": partial(audit_log, Auditor(self.connections.auditor), self.troubles),
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
        await ensure_network_account(self.handler, self.settings.network_credits)
        work: dict[str, Work] = {
            process.name: partial(
                run_process, process, self._tail, self._tables.processes, self._carrier, self.troubles
            )
            for process in PROCESSES
        }
        work["preloading"] = partial(
            preload_islands, DemandReads(self._reads), ReadModel(self._reads), self._outbox
        )
        work["archive"] = partial(keep_archive, self._tables.archive, self._raw_log, self._tail)
        work["erasing"] = partial(keep_erasing, self.services(), self._tables.processes)
        work |= planner_work(planners, self._tail, self._carrier, self._tables.processes)
        services = self.services()
        queueing = WebhookQueueing(services, self._tables.deliveries, self._tables.processes)
        work["webhook_queue"] = queueing.run
        work["workflows"] = WorkflowRunning(services, self._tables.processes).run
        work["webhooks"] = WebhookSending(services, self._tables.deliveries, services.safe_http).run
        work["checkpoints"] = Checkpointing(
            self._raw_log,
            self.log,
            self._tables.tree,
            self.handler,
            BookReads(self._reads),
            key=partial(signing_key, self.settings),
            wait_s=self.settings.checkpoint_wait_s,
        ).run
        await self._keep_running(work)

    async def _keep_running(self, work: Mapping[str, Work]) -> None:
        async with asyncio.TaskGroup() as group:
            for name, one in work.items():
                group.create_task(keep_running(name, one, self.troubles), name=name)


def mailer_of(settings: Settings) -> Mailer | None:
    """A mail server wins over a folder; without either nobody is sent a mail."""
    if settings.smtp_url:
        return SmtpMailer(settings.smtp_url, settings.mail_from)
    return FolderMailer(settings.mail_folder, settings.mail_from) if settings.mail_folder else None


def gathering_s(projection: str) -> float:
    """How long commits gather before a projection takes them: people watch jobs; the others can wait a moment."""
    return JOBS_GATHERING_S if projection == "jobs" else GATHERING_S


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Coordinator]:
    """A coordinator with open connections, its tables made. The streams must be there: `archipelago deploy`."""
    async with contextlib.AsyncExitStack() as stack:
        connections = await stack.enter_async_context(Connections.opened(settings))
        await JetStreamEventLog(connections.coordinator).last_position()  # Raises where there is no log.
        tables = await stack.enter_async_context(own_tables(settings))
        checks = CheckPolicy.of(settings, access(settings, Role.API).credentials)
        await make_read_tables(settings.postgres_dsn)
        yield Coordinator(
            settings,
            connections=connections,
            cipher=field_cipher(settings, connections.coordinator),
            tables=tables,
            reads=await stack.enter_async_context(read_pool(settings.postgres_dsn)),
            progress=await stack.enter_async_context(ProjectionProgress(settings.postgres_dsn)),
            planners=partial(load_planners, tables.processes, checks),
        )


async def make_read_tables(dsn: str) -> None:
    """The tables of every projection, so that the first reader finds them empty rather than missing."""
    async with await connect_database(dsn, "archipelago start") as connection:
        for projection in PROJECTIONS:
            await prepare(connection, projection, live_schema(projection))
