"""A whole network of real processes for one test: embedded servers, registrar, coordinators, islands, and a person.

Made by the fixture `network` with servers and a registrar that run; a test starts the coordinators and islands it
needs and breaks them. Everything is stopped afterwards, whatever happened.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import psutil
from nats.aio.client import Client

from adapters import clock
from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.ports import LOOPBACK, Ports
from adapters.embedded.server import EmbeddedServer
from adapters.embedded.servers import EmbeddedServers
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import Role
from adapters.nats.event_log import JetStreamEventLog
from api.api_key_text import new_api_key
from commands.event_log import Origin
from commands.handle import CommandHandler
from domain.account import ACCOUNT
from domain.account_commands import OpenAccount
from domain.api_key import API_KEY, IssueApiKey, Scope
from domain.ids import AccountId
from island.credentials import CREDENTIALS_FILE
from island.identity import ACCOUNT_SEED_FILE, USER_SEED_FILE
from tests.fabric import Fabric, JoinedIsland
from tests.faults import slow_cargo
from tests.faults.programs import Program

SEEN_WITHIN_S: Final = 90.0
"""Above the 30 s after which a claim that a dead coordinator had in hand comes again, and above a lease and its grace:
an assignment that died with NATS before it reached the disk is made again then."""
PLENTY: Final = "1000000"
LOOK_S: Final = 0.05

T = TypeVar("T")


class Network:
    """`key` is that of the local account, which owns the islands too."""

    def __init__(self, directory: DataDirectory) -> None:
        self.servers = EmbeddedServers(directory)
        self.fabric = Fabric(self.servers.nats)
        self.key = new_api_key().text
        self.registrars: list[Program] = []
        self.doors: list[Program] = []
        self.coordinators: list[Program] = []
        self.islands: list[Program] = []
        self.clients: list[httpx.AsyncClient] = []
        self._directory = directory
        self._ports = Ports(directory.run / "ports.json")
        self._stack = AsyncExitStack()

    @property
    def http(self) -> httpx.AsyncClient:
        """Speaks to the first coordinator."""
        return self.clients[0]

    async def start(self, registrar_keys: Path | None = None) -> None:
        """The registrar has its own folder or that copy of it."""
        await self.servers.start()
        settings = {
            "ARCHIPELAGO_REGISTRAR_NATS_URL": self.servers.nats.url,
            "ARCHIPELAGO_REGISTRAR_NATS_KEYS": str(registrar_keys or self.fabric.deployment.registrar.path),
        }
        registrar = Program("registrar", "registrar", settings, self._directory.logs)
        self.registrars.append(registrar)
        registrar.start()

    async def add_door(self, keys: Path | None = None) -> Program:
        """Starts one, with its own folder or with that copy of it, and waits until it judges."""
        settings = {
            "ARCHIPELAGO_DOOR_NATS_URL": self.servers.nats.url,
            "ARCHIPELAGO_DOOR_NATS_KEYS": str(keys or self.fabric.deployment.door.path),
        }
        door = Program("door", "registrar.door", settings, self._directory.logs)
        self.doors.append(door)
        door.start()
        await door.says("door_open")
        return door

    async def add_coordinator(self, keys: Path | None = None, **more: str) -> Program:
        """Starts one more, with its own folder or with that copy of it, and waits until the local key works there."""
        number = len(self.coordinators) + 1
        port = self._ports.choose(f"coordinator-{number}")
        url = f"http://{LOOPBACK}:{port}"
        settings = {
            "ARCHIPELAGO_PORT": str(port),
            "ARCHIPELAGO_NATS_URL": self.servers.nats.url,
            "ARCHIPELAGO_NATS_KEYS": str(keys or self.fabric.deployment.coordinator.path),
            "ARCHIPELAGO_ISLAND_NATS_URL": self.servers.nats.url,
            "ARCHIPELAGO_POSTGRES_DSN": self.servers.postgres_dsn,
            "ARCHIPELAGO_LOCAL_KEY": self.key,
            "ARCHIPELAGO_REQUESTS_PER_MINUTE": PLENTY,
            "ARCHIPELAGO_JOB_READS_PER_MINUTE": PLENTY,
            **more,
        }
        coordinator = Program(f"coordinator-{number}", "api", settings, self._directory.logs)
        client = await self._stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {self.key}"}, timeout=30
            )
        )
        self.coordinators.append(coordinator)
        self.clients.append(client)
        coordinator.start()
        await self.is_well(client)
        return coordinator

    async def is_well(self, client: httpx.AsyncClient) -> None:
        """Waits until that coordinator says of itself that all is well, and knows the local key."""

        async def well() -> bool:
            found = await answered(client, "/health"), await answered(client, "/account")
            return all(found)

        await eventually(well)

    async def add_owner(self, name: str) -> str:
        """Opens one more account, and returns its key once that works."""
        key, account_id = new_api_key(), AccountId(name)
        opened = OpenAccount(account_id=account_id, name=name, now_ms=clock.now_ms())
        issued = IssueApiKey(
            key_id=key.key_id,
            account_id=account_id,
            name=name,
            prefix=key.prefix,
            secret_sha256=key.sha256,
            scopes=tuple(Scope),
            now_ms=clock.now_ms(),
        )
        async with self.as_operator() as client:
            handler = CommandHandler(JetStreamEventLog(client))
            origin = Origin(command_id=clock.new_id(), actor="test")
            await handler.handle(ACCOUNT, account_id, opened, origin=origin)
            await handler.handle(API_KEY, key.key_id, issued, origin=origin)
        bearer = {"Authorization": f"Bearer {key.text}"}
        await eventually(lambda: answered(self.http, "/account", **bearer))
        return key.text

    async def add_island(self, name: str, *, key: str = "", module: str = "island") -> Program:
        """Starts one more, with one slot, and waits until it is online. With no key it is the local account's."""
        settings = {
            "ARCHIPELAGO_ISLAND_COORDINATOR_URL": str(self.http.base_url).removesuffix("/api/v1/"),
            "ARCHIPELAGO_ISLAND_KEY": key or self.key,
            "ARCHIPELAGO_ISLAND_NATS_URL": self.servers.nats.url,
            "ARCHIPELAGO_ISLAND_STATE_DIR": str(self._directory.root / name),
            "ARCHIPELAGO_ISLAND_NAME": name,
            "ARCHIPELAGO_ISLAND_SLOTS": "1",
        }
        island = Program(name, module, settings, self._directory.logs)
        self.islands.append(island)
        island.start()

        async def is_online() -> bool:
            return (await self.host(name, key=key)).get("status") == "online"

        await eventually(is_online)
        return island

    async def host(self, name: str, *, key: str = "") -> dict[str, Any]:
        """An island by its name, as its owner sees it; empty where it is not known yet."""
        bearer = {"Authorization": f"Bearer {key or self.key}"}
        hosts = (await self.http.get("/hosts", headers=bearer)).raise_for_status().json()["hosts"]
        return next((host for host in hosts if host["name"] == name), {})

    async def publish(self, wait_s: float, *, trust_level: int = 1) -> str:
        return await slow_cargo.publish(self.http, wait_s, trust_level=trust_level)

    async def in_every_coordinator(self, slug: str) -> None:
        """Waits until each of them knows the cargo."""

        async def known() -> bool:
            return all([await answered(client, f"/workloads/{slug}") for client in self.clients])

        await eventually(known)

    async def submit(self, slug: str, key: str, *, through: int = 0) -> str:
        """As a client does: again with the same Idempotency-Key until it is answered. Returns the job's id."""
        async with asyncio.timeout(SEEN_WITHIN_S):
            while True:
                client = self.clients[through % len(self.clients)]
                try:
                    answer = await client.post(
                        "/jobs", json={"workload": slug, "input": {}}, headers={"Idempotency-Key": key}
                    )
                except httpx.TransportError:
                    through += 1  # That one is gone: ask the next.
                else:
                    if answer.status_code == httpx.codes.CREATED:
                        return str(answer.json()["id"])
                    assert answer.json()["error"]["code"] == "unavailable", answer.text
                await asyncio.sleep(LOOK_S)

    async def job(self, job_id: str) -> dict[str, Any]:
        """As its owner sees it, from whichever coordinator answers; empty where none does."""
        for client in self.clients:
            if answer := await answered(client, f"/jobs/{job_id}"):
                return answer
        return {}

    async def timeline(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get(f"/jobs/{job_id}/timeline")).raise_for_status().json()
        return found

    async def placements(self, job_id: str) -> list[dict[str, Any]]:
        """Its attempts, oldest first."""
        found = (await self.http.get(f"/jobs/{job_id}/placement")).raise_for_status().json()
        return list(found["attempts"])

    async def until_state(
        self, job_id: str, *states: str, attempt: int = 0, within_s: float = SEEN_WITHIN_S
    ) -> dict[str, Any]:
        """The job once it stands so, in that attempt or, with 0, in any."""

        async def found() -> dict[str, Any] | None:
            job = await self.job(job_id)
            is_there = job.get("state") in states and attempt in (0, job["attempt"])
            return job if is_there else None

        job = await eventually(found, within_s=within_s)
        assert job is not None
        return job

    async def until_output(self, job_id: str) -> None:
        """Waits until the cargo of that job has printed something."""

        async def some() -> bool:
            return slow_cargo.BEGUN in (await self.http.get(f"/jobs/{job_id}/output")).text

        await eventually(some)

    def as_operator(self) -> AbstractAsyncContextManager[Client]:
        """With every right there is in CORE."""
        return self.fabric.connected(Role.DEPLOY)

    def as_island(self, name: str) -> JoinedIsland:
        """With the keys of an island that was added, whether its program runs or not."""
        folder = self._directory.root / name
        return JoinedIsland(
            account=NKey.from_seed((folder / ACCOUNT_SEED_FILE).read_text(), Kind.ACCOUNT),
            user=NKey.from_seed((folder / USER_SEED_FILE).read_text(), Kind.USER),
            jwt=json.loads((folder / CREDENTIALS_FILE).read_text())["user_jwt"],
            url=self.servers.nats.url,
        )

    async def close(self) -> None:
        """Islands, coordinators, doors, registrar, servers; each is stopped although another could not be."""
        faults = []
        for program in (*self.islands, *self.coordinators, *self.doors, *self.registrars):
            try:
                await program.stop()
            except Exception as fault:  # noqa: BLE001 - told below, after everything else was stopped
                faults.append(fault)
        await self._stack.aclose()
        await self.servers.stop()
        if faults:
            raise ExceptionGroup("programs that could not be stopped", faults)


async def kill_server(server: EmbeddedServer) -> None:
    """SIGKILL for the server and all its processes at once."""
    assert server.pid is not None
    process = psutil.Process(server.pid)
    everything = [process, *process.children(recursive=True)]
    for one in everything:
        one.kill()
    await eventually(lambda: is_true(server.died))


async def is_true(fact: bool) -> bool:
    return fact


async def answered(client: httpx.AsyncClient, path: str, **headers: str) -> dict[str, Any]:
    """The answer of a coordinator, empty where it gives none that helps."""
    try:
        answer = await client.get(path, headers=headers)
    except httpx.TransportError:
        return {}
    found: dict[str, Any] = answer.json() if answer.is_success else {}
    return found


async def eventually(question: Callable[[], Awaitable[T]], *, within_s: float = SEEN_WITHIN_S) -> T:
    """The first answer that is true."""
    deadline = time.monotonic() + within_s
    while not (found := await question()):
        assert time.monotonic() < deadline, f"not after {within_s} s"
        await asyncio.sleep(LOOK_S)
    return found
