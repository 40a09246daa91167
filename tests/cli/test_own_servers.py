"""The steps of docs/deployment.md, with the configuration that stands there."""

import asyncio
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.embedded.nats_server import program_path
from adapters.embedded.ports import LOOPBACK, Ports
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import access_of, connect
from adapters.nats.event_log import JetStreamEventLog
from tests.cli.commands import typed
from tests.faults.programs import ROOT, Program
from tests.servers import temporary_folder

STARTED_WITHIN_S = 10.0
BLOCK = re.compile(r"```text\n(server_name.*?)```", re.DOTALL)


def written_settings(port: int, store: Path) -> str:
    """What the page says, on this port and with this store."""
    settings: str
    [settings] = BLOCK.findall((ROOT / "docs" / "deployment.md").read_text("utf-8"))
    changed = settings.replace("0.0.0.0:4222", f"{LOOPBACK}:{port}").replace(
        "/var/lib/nats/store", str(store)
    )
    assert str(store) in changed
    assert f"{LOOPBACK}:{port}" in changed
    return changed


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


@pytest.fixture
def nats_url(folder: Path) -> Iterator[str]:
    port = Ports(folder / "ports.json").choose("nats")
    keys = ("--dir", folder / "keys")
    assert typed("keys", "refresh", *keys).code == 0
    accounts = typed("keys", "config", *keys, "--accounts", folder / "accounts")
    (folder / "accounts.conf").write_text(accounts.out)
    (folder / "nats.conf").write_text(written_settings(port, folder / "store"))
    with (folder / "nats.log").open("w") as log:
        server = subprocess.Popen([program_path(), "-c", folder / "nats.conf"], stdout=log, stderr=log)
    try:
        yield f"nats://{LOOPBACK}:{port}"
    finally:
        server.terminate()
        server.wait(10)


def test_the_steps_of_the_page_lead_to_a_network(folder: Path, nats_url: str) -> None:
    keys = folder / "keys"
    deadline = time.monotonic() + STARTED_WITHIN_S
    while (said := typed("deploy", "--dir", keys, "--nats-url", nats_url)).code != 0:
        assert time.monotonic() < deadline, said
    asyncio.run(the_registrar_agrees(nats_url, keys, folder))


async def the_registrar_agrees(nats_url: str, keys: Path, logs: Path) -> None:
    settings = {
        "ARCHIPELAGO_REGISTRAR_NATS_URL": nats_url,
        "ARCHIPELAGO_REGISTRAR_NATS_KEYS": str(keys / "registrar"),
    }
    registrar = Program("registrar", "registrar", settings, logs)
    registrar.start()
    try:
        await registrar.says("accounts_pushed")
    finally:
        await registrar.stop()
    access = access_of(nats_url, KeyFolder(keys / "coordinator"), Role.COORDINATOR)
    client = await connect(access, "coordinator")
    assert await JetStreamEventLog(client).last_position() == 0
    await client.close()
