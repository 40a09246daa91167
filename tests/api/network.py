"""A coordinator's read and write side with its HTTP face on a real socket, over real NATS and real PostgreSQL.

The workers are left out: a test plays the placing process and the island itself, step by step, so it decides what
happens when. One network serves all tests of a module; each test works with accounts and cargos of its own.
"""

import asyncio
import hashlib
import itertools
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx
import psycopg
import uvicorn
from fastapi import FastAPI
from nats.aio.client import Client
from websockets.asyncio.client import ClientConnection, connect

from adapters import clock
from adapters.email_address import EmailIndex
from adapters.field_cipher import FieldCipher
from adapters.mail import Mail
from adapters.nats import subjects
from adapters.nats.accounts.roles import Role
from adapters.nats.artifacts import Artifacts
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.event_tail import EventTail
from adapters.nats.outputs import Outputs
from adapters.nats.past_log import JetStreamPastLog
from adapters.nats.raw_log import RawLog
from adapters.nats.registrar_client import RegistrarClient
from adapters.nats.rejection_history import RejectionHistory
from adapters.nats.streams import create_streams
from adapters.revealed_log import RevealedLog
from adapters.safe_http import SafeHttp
from api.api_key_text import new_api_key
from api.app import build_app
from api.connections import Connections
from api.coordinator import make_read_tables
from api.log_proofs import LogProofs
from api.own_tables import own_tables
from api.personal_texts import field_cipher
from api.services import Services
from api.settings import Settings
from commands.event_log import Origin
from commands.handle import CommandHandler
from domain.account import ACCOUNT
from domain.account_commands import EarnCredits, EarnedShare, GrantCredits, OpenAccount, SettleHold
from domain.api_key import API_KEY, IssueApiKey, RevokeApiKey, Scope
from domain.cargo import CARGO
from domain.cargo_commands import PublishCargo
from domain.cargo_spec import CargoVersion
from domain.claim import wire_id
from domain.failure import Failure
from domain.ids import AccountId, CargoSlug, IslandId, JobId
from domain.island import ISLAND
from domain.island_commands import EnrolIsland, RegisterIsland
from domain.job import JOB
from domain.job_commands import (
    AssignJob,
    DeferPlacement,
    ExpireLease,
    FailAttempt,
    RenewLease,
    StartAttempt,
    SucceedAttempt,
)
from domain.job_events import Output, Usage
from domain.placement import Explanation, Refusal, RefusalCount
from domain.pricing import MICRO_PER_CREDIT
from projections.book_reads import BookReads
from projections.checkpoint_reads import CheckpointReads
from projections.demand_reads import DemandReads
from projections.marketplace_reads import MarketplaceReads
from projections.oversight_reads import OversightReads
from projections.people_reads import PeopleReads
from projections.progress import ALL, ProjectionProgress
from projections.read_model import ReadModel, ReadPool, read_pool
from projections.registry import PROJECTIONS
from projections.runner import Runner
from projections.sign_in_reads import SignInReads
from registrar.main import Registrar
from tests.api.answer_schema import our_answers
from tests.api.newcomers import Newcomer
from tests.api.socket_schema import check_frame
from tests.examples import CAPABILITIES, CARGO_VERSION, candidate_of
from tests.fabric import Fabric

BASE: Final = "/api/v1"
SEEN_S: Final = 10.0
PLENTY: Final = 1_000_000
PUBLIC_URL: Final = "https://net.example"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    account_id: AccountId
    key: str
    key_id: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


class Network:
    def __init__(
        self, services: Services, app: FastAPI, client: Client, http: httpx.AsyncClient, address: str
    ) -> None:
        self.services = services
        self.app = app
        self.nats = client
        self.http = http
        self.address = address
        self._somebody: tuple[Person, CargoSlug] | None = None

    @property
    def mailbox(self) -> "Mailbox":
        assert isinstance(self.services.mailer, Mailbox)
        return self.services.mailer

    def app_with(self, **settings: Any) -> FastAPI:
        """Another HTTP face of the same network, set differently."""
        changed = self.services.settings.model_copy(update=settings)
        return build_app(replace(self.services, settings=changed))

    async def person(
        self, *, funds: int = 100, scopes: tuple[Scope, ...] = (Scope.READ, Scope.WRITE)
    ) -> Person:
        """A new account with free credits and a key."""
        account_id = AccountId(f"account-{next(_numbers)}")
        opened = OpenAccount(account_id=account_id, name="Somebody", now_ms=clock.now_ms())
        await self.handle(ACCOUNT, account_id, opened)
        if funds:
            granted = GrantCredits(
                account_id=account_id,
                grant_id="first",
                amount_micro=funds * MICRO_PER_CREDIT,
                reason="test",
                now_ms=clock.now_ms(),
            )
            await self.handle(ACCOUNT, account_id, granted)
        return await self.key_for(account_id, scopes=scopes)

    async def key_for(self, account_id: AccountId, *, scopes: tuple[Scope, ...]) -> Person:
        text = new_api_key()
        issued = IssueApiKey(
            key_id=text.key_id,
            account_id=account_id,
            name="test",
            prefix=text.prefix,
            secret_sha256=text.sha256,
            scopes=scopes,
            now_ms=clock.now_ms(),
        )
        await self.command(API_KEY, text.key_id, issued)
        return Person(account_id=account_id, key=text.text, key_id=text.key_id)

    async def revoke(self, person: Person) -> None:
        """As another coordinator would: this one only hears of it."""
        revoked = RevokeApiKey(key_id=person.key_id, account_id=person.account_id, now_ms=clock.now_ms())
        await self.command(API_KEY, person.key_id, revoked)

    async def cargo(self, **fields: Any) -> CargoSlug:
        """A new cargo; `fields` replace those of the example version."""
        slug = CargoSlug(f"cargo-{next(_numbers)}")
        spec = replace(CARGO_VERSION.spec, slug=slug, **fields.pop("spec", {}))
        version: CargoVersion = replace(CARGO_VERSION, spec=spec, **fields)
        await self.command(CARGO, slug, PublishCargo(cargo=version, now_ms=clock.now_ms()))
        return slug

    async def island(self, owner: AccountId) -> IslandId:
        newcomer = Newcomer.new()
        island_id = newcomer.island_id
        now_ms = clock.now_ms()
        enrolled = EnrolIsland(
            island_id=island_id,
            owner_id=owner,
            name="The first",
            user_key=newcomer.user.public,
            now_ms=now_ms,
        )
        registered = RegisterIsland(
            island_id=island_id,
            agent_version="1.0",
            protocol=2,
            capabilities=CAPABILITIES,
            asks_micro={"_default": MICRO_PER_CREDIT},
            now_ms=now_ms,
        )
        await self.handle(ISLAND, island_id, enrolled)
        await self.command(ISLAND, island_id, registered)
        return island_id

    async def somebody(self) -> tuple[Person, CargoSlug]:
        """One person and one cargo for all tests that change nothing."""
        if self._somebody is None:
            self._somebody = await self.person(), await self.cargo()
        return self._somebody

    async def handle(self, decider: Any, aggregate_id: str, command: Any) -> int:
        """Carries out a command and returns its position."""
        origin = Origin(command_id=clock.new_id(), actor="test")
        handled = await self.services.handler.handle(decider, aggregate_id, command, origin=origin)
        return handled.position

    async def command(self, decider: Any, aggregate_id: str, command: Any) -> int:
        """The same, and waits until every projection has seen it."""
        position = await self.handle(decider, aggregate_id, command)
        assert await self.services.progress.wait(ALL, position, SEEN_S)
        return position

    async def job(self, person: Person, slug: CargoSlug, **fields: Any) -> JobId:
        """A submitted job."""
        answer = await self.http.post(
            "/jobs", json={"workload": slug, "input": {"text": "hi"}, **fields}, headers=person.headers
        )
        assert answer.status_code == 201, answer.text
        return JobId(answer.json()["id"])

    async def assign(self, job_id: JobId, island_id: IslandId, *, attempt: int = 1) -> int:
        assigned = AssignJob(
            job_id=job_id,
            attempt=attempt,
            island_id=island_id,
            owner_id=AccountId("owner"),
            price_micro=MICRO_PER_CREDIT,
            output_after=await self.output_position(),
            explanation=Explanation(
                considered=2,
                candidates=(candidate_of(island_id),),
                refusals=(RefusalCount(code=Refusal.OFFLINE, count=1, example=IslandId("island-gone")),),
            ),
            now_ms=clock.now_ms(),
        )
        return await self.command(JOB, job_id, assigned)

    async def defer(self, job_id: JobId) -> int:
        refusals = (RefusalCount(code=Refusal.AT_CAPACITY, count=2, example=IslandId("island-full")),)
        explanation = Explanation(considered=2, refusals=refusals)
        deferred = DeferPlacement(job_id=job_id, explanation=explanation, now_ms=clock.now_ms())
        return await self.command(JOB, job_id, deferred)

    async def start(self, job_id: JobId, island_id: IslandId, *, attempt: int = 1) -> int:
        started = StartAttempt(job_id=job_id, attempt=attempt, island_id=island_id, now_ms=clock.now_ms())
        return await self.command(JOB, job_id, started)

    async def renew(self, job_id: JobId, island_id: IslandId) -> int:
        renewed = RenewLease(
            job_id=job_id, attempt=1, island_id=island_id, extend_ms=60_000, now_ms=clock.now_ms() + 15_000
        )
        return await self.command(JOB, job_id, renewed)

    async def lose(self, job_id: JobId, *, attempt: int = 1) -> int:
        late_ms = clock.now_ms() + 10 * 60_000
        return await self.command(JOB, job_id, ExpireLease(job_id=job_id, attempt=attempt, now_ms=late_ms))

    async def fail(self, job_id: JobId, island_id: IslandId, *, attempt: int = 1) -> int:
        failed = FailAttempt(
            job_id=job_id,
            attempt=attempt,
            island_id=island_id,
            code=Failure.CRASHED,
            detail="exit code 3",
            now_ms=clock.now_ms(),
        )
        return await self.command(JOB, job_id, failed)

    async def say(
        self,
        job_id: JobId,
        island_id: IslandId,
        content: str,
        *,
        seq: int,
        attempt: int = 1,
        last: bool = False,
    ) -> int:
        """Publishes one chunk as the island does, and returns its position."""
        body = {"job_id": wire_id(job_id, attempt), "seq": seq, "chunk": content, "is_final": last}
        return await self.publish(subjects.output(island_id), body)

    async def progress(self, job_id: JobId, island_id: IslandId, step: int, total: int) -> int:
        return await self.publish(
            subjects.progress(island_id), {"job_id": job_id, "step": step, "total": total}
        )

    async def publish(self, subject: str, body: dict[str, Any]) -> int:
        return int((await self.nats.jetstream().publish(subject, json.dumps(body).encode())).seq)

    async def succeed(self, job_id: JobId, island_id: IslandId, *, attempt: int = 1) -> int:
        """The success claim of an island that said everything."""
        job = await self.services.handler.state(JOB, job_id)
        collected = await self.services.outputs.collect(
            island_id, job_id, attempt, after=job.output_after, wait_s=SEEN_S
        )
        return await self.record_success(job_id, island_id, collected.output, attempt=attempt)

    async def record_success(
        self, job_id: JobId, island_id: IslandId, output: Output, *, attempt: int = 1
    ) -> int:
        succeeded = SucceedAttempt(
            job_id=job_id,
            attempt=attempt,
            island_id=island_id,
            output=output,
            usage=Usage(wall_ms=5, prompt_tokens=2, completion_tokens=3),
            now_ms=clock.now_ms(),
        )
        return await self.command(JOB, job_id, succeeded)

    async def run(self, person: Person, slug: CargoSlug, island_id: IslandId, *texts: str) -> JobId:
        """A job from its submission to its success, putting out `texts`."""
        job_id = await self.job(person, slug)
        await self.assign(job_id, island_id)
        await self.start(job_id, island_id)
        for seq, text in enumerate(texts, start=1):
            await self.say(job_id, island_id, text, seq=seq)
        await self.say(job_id, island_id, "", seq=len(texts) + 1, last=True)
        await self.succeed(job_id, island_id)
        return job_id

    async def settle(self, job_id: JobId, person: Person, *, earner: Person) -> int:
        """Charges a job that succeeded; `earner` owns the island that did it."""
        settled = SettleHold(
            account_id=person.account_id,
            job_id=job_id,
            charge_micro=MICRO_PER_CREDIT,
            island_id=IslandId("island-1"),
            owner_id=earner.account_id,
            publisher_id=AccountId("publisher"),
            now_ms=clock.now_ms(),
        )
        earned = EarnCredits(
            account_id=earner.account_id,
            job_id=job_id,
            shares=(EarnedShare(island_id=IslandId("island-1"), amount_micro=850_000),),
            now_ms=clock.now_ms(),
        )
        await self.handle(ACCOUNT, person.account_id, settled)
        return await self.command(ACCOUNT, earner.account_id, earned)

    async def output_position(self) -> int:
        info = await self.nats.jetstream().stream_info(subjects.JOB_OUTPUT)
        return info.state.last_seq

    @asynccontextmanager
    async def socket(self, person: Person, **options: Any) -> AsyncIterator["Socket"]:
        """An authenticated WebSocket, `ready` received."""
        async with self.raw_socket(additional_headers=person.headers, **options) as connection:
            live = Socket(connection)
            assert (await live.next())["type"] == "ready"
            yield live

    def raw_socket(self, **options: Any) -> connect:
        return connect(f"ws://{self.address}{BASE}/ws", **options)


class Mailbox:
    """Everybody's mailbox: keeps what the network sends."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    async def send(self, mail: Mail) -> None:
        self.mails.append(mail)

    async def link_for(self, email: str) -> str:
        """The text of the newest link to an address, waited for and taken out."""

        async def has_come() -> bool:
            return any(mail.to == email for mail in self.mails)

        await eventually(has_come)
        found = [mail for mail in self.mails if mail.to == email]
        self.mails = [mail for mail in self.mails if mail.to != email]
        return found[-1].text.partition("#")[2].split()[0]


class Socket:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(SEEN_S):
            found: dict[str, Any] = json.loads(await self.connection.recv())
        check_frame(found)
        return found

    async def changes(self, count: int) -> list[dict[str, Any]]:
        """The next `count` changes, each with its place and its row, however many came in one frame."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            frame = await self.next()
            assert frame["type"] in {"change", "changes"}, frame
            found += frame["rows"] if frame["type"] == "changes" else [frame]
        assert len(found) == count
        return found

    async def until(self, is_it: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Frames up to and including the first that `is_it`."""
        frames = [await self.next()]
        while not is_it(frames[-1]):
            frames.append(await self.next())
        return frames


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


async def eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Waits for an effect; fails when it does not come."""
    async with asyncio.timeout(SEEN_S):
        while not await is_so():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running_network(fabric: Fabric, postgres_dsn: str) -> AsyncIterator[Network]:
    async with AsyncExitStack() as stack:
        dsn = fresh_database(stack, postgres_dsn)
        await make_read_tables(dsn)
        client = await stack.enter_async_context(fabric.connected(Role.DEPLOY))
        stack.push_async_callback(delete_streams, client)
        await create_streams(client)
        settings = settings_of(fabric, dsn)
        connections = await stack.enter_async_context(Connections.opened(settings))
        cipher = field_cipher(settings, connections.coordinator)
        log = JetStreamEventLog(connections.coordinator, cipher)
        tail = EventTail(connections.projector, JetStreamEventLog(connections.projector))
        outputs = Outputs(connections.api)
        registrar = Registrar(
            system=await stack.enter_async_context(fabric.connected(Role.REGISTRAR)),
            core=await stack.enter_async_context(fabric.connected(Role.REGISTRAR_CORE)),
            keys=fabric.keys,
        )
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        progress = await stack.enter_async_context(ProjectionProgress(dsn))
        tables = await stack.enter_async_context(own_tables(settings))
        work = [tail.run(), outputs.run(), registrar.run()]
        work += [Runner(dsn, projection).run_forever(tail.follow) for projection in PROJECTIONS]
        reads = await stack.enter_async_context(read_pool(dsn))
        services = Services(
            settings=settings,
            handler=CommandHandler(log),
            past=JetStreamPastLog(connections.projector),
            tail=tail,
            **readers(reads, log, cipher),
            proofs=LogProofs(RawLog(connections.projector), tables.tree, CheckpointReads(reads)),
            progress=progress,
            outputs=outputs,
            deliveries=tables.deliveries,
            safe_http=SafeHttp(to_loopback=True),
            artifacts=Artifacts(connections.api),
            rejected_claims=RejectionHistory(connections.api),
            registrar=RegistrarClient(connections.api),
            pairing_codes=tables.codes,
            key_uses=tables.key_uses,
            email_index=EmailIndex(b"a network's secret"),
            mailer=Mailbox(),
            nonce_secret=b"a network's secret",
            heard=lambda _: 1_800_000_000_000,
            asyncapi=lambda: {"asyncapi": "3.0.0"},
            troubles=dict,
        )
        app = build_app(services)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="websockets-sansio", lifespan="on"))
        running = [asyncio.create_task(one) for one in (*work, server.serve(sockets=[listener]))]
        stack.push_async_callback(stop, server, running)
        http = await stack.enter_async_context(client_of(address))
        network = Network(services, app, client, http, address)
        await eventually(lambda: is_up(server))
        yield network


def client_of(address: str) -> httpx.AsyncClient:
    """It holds every answer against the OpenAPI document."""
    hooks = {"response": [our_answers().check]}
    return httpx.AsyncClient(base_url=f"http://{address}{BASE}", timeout=SEEN_S, event_hooks=hooks)


def readers(pool: ReadPool, log: JetStreamEventLog, cipher: FieldCipher) -> dict[str, Any]:
    """What the services read the log and the projections by."""
    return {
        "log": RevealedLog(log, cipher),
        "cipher": cipher,
        "reads": ReadModel(pool, cipher.revealed),
        "books": BookReads(pool),
        "marketplace": MarketplaceReads(pool, cipher.revealed),
        "oversight": OversightReads(pool),
        "demands": DemandReads(pool),
        "people": PeopleReads(pool, cipher.revealed),
        "sign_ins": SignInReads(pool, cipher.revealed),
    }


def settings_of(fabric: Fabric, dsn: str) -> Settings:
    return Settings(
        nats_url=fabric.url,
        nats_keys=fabric.deployment.coordinator.path,
        postgres_dsn=dsn,
        public_url=PUBLIC_URL,
        island_nats_url=fabric.url,
        requests_per_minute=PLENTY,
        job_reads_per_minute=PLENTY,
        anonymous_per_minute=PLENTY,
        wrong_keys_per_minute=PLENTY,
        sign_ins_per_minute=PLENTY,
        write_wait_s=SEEN_S,
    )


async def is_up(server: uvicorn.Server) -> bool:
    return server.started


async def stop(server: uvicorn.Server, running: list[asyncio.Task[Any]]) -> None:
    server.should_exit = True
    await asyncio.wait({running[-1]}, timeout=SEEN_S)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def delete_streams(client: Client) -> None:
    stream_log = client.jetstream()
    for stream in await stream_log.streams_info():
        await stream_log.delete_stream(stream.config.name or "")


def fresh_database(stack: AsyncExitStack, postgres_dsn: str) -> str:
    name = f"network_{next(_numbers)}"
    connection = stack.enter_context(psycopg.connect(postgres_dsn, autocommit=True))
    connection.execute(f"create database {name}".encode())
    stack.callback(lambda: connection.execute(f"drop database {name} with (force)".encode()))
    return f"{postgres_dsn.rpartition('/')[0]}/{name}"
