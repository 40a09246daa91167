"""A network under attack: embedded servers, registrar, door and one coordinator, as real processes.

Made once for each layout of acknowledgement subjects by the fixture `network`; `tests.adversary.scene` puts islands
into it. Everything is stopped afterwards, whatever happened.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
import pytest

from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.ports import LOOPBACK, Ports
from adapters.nats.accounts.roles import Role
from adapters.nats.streams import deploy_streams
from api.api_key_text import new_api_key
from tests.fabric import Fabric
from tests.faults import slow_cargo
from tests.faults.network import answered, eventually
from tests.faults.programs import Program
from tests.servers import nats_on, postgres_on

PLENTY: Final = "1000000"
IN_ONE_LAYOUT: Final = pytest.mark.parametrize(
    "network", [False], indirect=True, ids=["old-receipts"], scope="session"
)
"""For attacks in which no receipt takes part."""


class AttackedNetwork:
    """`url` is the coordinator's, `cargo` all there is to run; `key` is the operator's, whose account is `local`."""

    def __init__(self, directory: DataDirectory, *, has_new_receipts: bool) -> None:
        self.nats = nats_on(directory, has_new_receipts=has_new_receipts)
        self.postgres = postgres_on(directory)
        self.fabric = Fabric(self.nats)
        self.key = new_api_key().text
        self.programs: list[Program] = []
        self.cargo = ""
        self._logs = directory.logs
        self._port = Ports(directory.run / "ports.json").choose("coordinator")

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def http(self, key: str = "", **more: Any) -> httpx.AsyncClient:
        """Speaks to the coordinator, as nobody or with an API key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(base_url=f"{self.url}/api/v1", headers=headers, timeout=10, **more)

    async def start(self) -> None:
        await asyncio.gather(self.nats.start(), self.postgres.start())
        await deploy_streams(self.nats.access(Role.DEPLOY))
        self._run("registrar", "registrar", "REGISTRAR_", self.fabric.deployment.registrar.path)
        self._run("door", "registrar.door", "DOOR_", self.fabric.deployment.door.path)
        coordinator = {
            "PORT": str(self._port),
            "ISLAND_NATS_URL": self.nats.url,
            "POSTGRES_DSN": self.postgres.dsn,
            "LOCAL_KEY": self.key,
            "REQUESTS_PER_MINUTE": PLENTY,
            "JOB_READS_PER_MINUTE": PLENTY,
            "ANONYMOUS_PER_MINUTE": PLENTY,
        }
        self._run("coordinator", "api", "", self.fabric.deployment.coordinator.path, **coordinator)
        await self.programs[1].says("door_open")
        async with self.http(self.key) as client:
            await eventually(lambda: is_well(client))
            self.cargo = await slow_cargo.publish(client, 1)

    def _run(self, name: str, module: str, prefix: str, keys: object, **settings: str) -> None:
        settings |= {"NATS_URL": self.nats.url, "NATS_KEYS": str(keys)}
        environment = {f"ARCHIPELAGO_{prefix}{field}": value for field, value in settings.items()}
        program = Program(name, module, environment, self._logs)
        self.programs.append(program)
        program.start()

    async def close(self) -> None:
        faults = []
        for stop in (
            *(program.stop for program in reversed(self.programs)),
            self.nats.stop,
            self.postgres.stop,
        ):
            try:
                await stop()
            except Exception as fault:  # noqa: BLE001 - told below, after everything else was stopped
                faults.append(fault)
        if faults:
            raise ExceptionGroup("programs that could not be stopped", faults)


async def is_well(client: httpx.AsyncClient) -> bool:
    found = await answered(client, "/health"), await answered(client, "/account")
    return all(found)


@contextmanager
def running_network(directory: DataDirectory, *, has_new_receipts: bool) -> Iterator[AttackedNetwork]:
    """For tests of many loops: nothing of it belongs to the loop that started it."""
    network = AttackedNetwork(directory, has_new_receipts=has_new_receipts)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        try:
            runner.run(network.start())
            yield network
        finally:
            runner.run(network.close())
