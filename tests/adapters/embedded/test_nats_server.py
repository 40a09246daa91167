"""The embedded NATS server: what survives a restart, where it listens, whom it lets in, which store it refuses."""

import asyncio
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any

import nats.errors
import psutil
import pytest
from nats.aio.client import Client
from nats.js.errors import ServerError

from adapters.embedded import ports
from adapters.embedded.child_process import comes_true
from adapters.embedded.data_directory import DataDirectory, DirectoryUnusable
from adapters.embedded.nats_server import (
    STORE_BYTES_MAX,
    NatsServer,
    program_path,
    store_bytes,
)
from adapters.embedded.server import ServerFailed
from adapters.nats import subjects
from adapters.nats.accounts import deployment
from adapters.nats.accounts.deployment import Deployment
from adapters.nats.accounts.layout import core_exports
from adapters.nats.accounts.roles import Role
from tests.fabric import Fabric, settle
from tests.servers import nats_on


def deployer(server: NatsServer) -> AbstractAsyncContextManager[Client]:
    return Fabric(server).connected(Role.DEPLOY)


async def test_a_second_start_finds_its_streams_at_the_same_url(data_directory: DataDirectory) -> None:
    async with nats_on(data_directory) as server, deployer(server) as client:
        first_url = server.url
        await client.jetstream().add_stream(name="EVT", subjects=["evt.*.*"])
        await client.jetstream().publish("evt.job.1", b"submitted")
    async with nats_on(data_directory) as server, deployer(server) as client:
        assert server.url == first_url
        assert (await client.jetstream().get_msg("EVT", 1)).data == b"submitted"


async def test_a_port_that_somebody_took_meanwhile_is_replaced_for_good(
    data_directory: DataDirectory,
) -> None:
    async with nats_on(data_directory) as server:
        old_port = server.port
    with socket.create_server(("127.0.0.1", old_port)):
        async with nats_on(data_directory) as server, deployer(server):
            new_port = server.port
            assert new_port != old_port
    async with nats_on(data_directory) as server:
        assert server.port == new_port


async def test_a_port_lost_between_the_look_and_the_start_is_replaced(
    data_directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief = socket.socket()
    look = ports.Ports.choose

    def choose(self: ports.Ports, name: str, host: str) -> int:
        port = look(self, name, host)
        if thief.getsockname()[1] == 0:
            thief.bind(("127.0.0.1", port))
        return port

    monkeypatch.setattr(ports.Ports, "choose", choose)
    with thief:
        async with nats_on(data_directory) as server, deployer(server):
            assert server.port != thief.getsockname()[1]


async def test_the_event_log_waits_for_the_disk(
    nats_server: NatsServer, data_directory: DataDirectory
) -> None:
    configuration = data_directory.nats / "nats-server.conf"
    assert "sync_interval: always" in configuration.read_text()
    assert stat.S_IMODE(configuration.stat().st_mode) == 0o600
    async with deployer(nats_server) as client:
        assert client.max_payload == 8 * 1024 * 1024


def test_it_listens_on_the_loopback_only(nats_server: NatsServer) -> None:
    listening = [
        connection.laddr
        for connection in psutil.Process(nats_server.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == [("127.0.0.1", nats_server.port)]


async def refused(url: str, **options: Any) -> str:
    """What the server says to somebody it does not let in."""
    complaints: list[str] = []

    async def hear(complaint: Exception) -> None:
        complaints.append(str(complaint))

    client = Client()
    with pytest.raises(nats.errors.Error):
        await client.connect(url, allow_reconnect=False, error_cb=hear, connect_timeout=5, **options)
    await client.close()
    return complaints[0]


async def test_nobody_gets_in_without_a_document_of_this_network(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    stranger = Deployment.open(tmp_path).folder(Role.DEPLOY).credentials(Role.DEPLOY)
    answers = await asyncio.gather(  # The server takes two seconds to say no to each.
        refused(nats_server.url),
        refused(nats_server.url, user="coordinator", password="guessed"),
        refused(nats_server.url, user_credentials=str(stranger)),
    )
    assert all("Authorization Violation" in answer for answer in answers)


async def test_a_changed_layout_counts_from_the_next_start_on(
    data_directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with nats_on(data_directory) as server:
        fabric = Fabric(server)
        island = await fabric.island()
        async with fabric.connected(Role.DEPLOY) as core, island.connected() as client:
            heard = await core.subscribe("host.*.ping")
            await settle(core)
            await client.publish(subjects.ping(island.island_id), b"before")
            assert (await heard.next_msg(timeout=2)).data == b"before"
    exports = [export for export in core_exports() if export["subject"] != "host.*.ping"]
    monkeypatch.setattr(deployment, "core_exports", lambda: exports)
    async with nats_on(data_directory) as server:
        fabric = Fabric(server)
        async with fabric.connected(Role.DEPLOY) as core, island.connected() as client:
            heard = await core.subscribe("host.*.*")
            await settle(core)
            await client.publish(subjects.ping(island.island_id), b"after")
            await client.publish(subjects.heartbeat(island.island_id), b"last")
            assert (await heard.next_msg(timeout=2)).data == b"last"


@pytest.mark.parametrize("has_new_receipts", [False, True])
async def test_receipts_have_the_layout_that_was_asked_for(
    data_directory: DataDirectory, *, has_new_receipts: bool
) -> None:
    async with (
        nats_on(data_directory, has_new_receipts=has_new_receipts) as server,
        deployer(server) as client,
    ):
        await client.jetstream().add_stream(name="JOBS", subjects=["host.*.jobs"])
        await client.jetstream().publish("host.i1.jobs", b"work")
        queue = await client.jetstream().pull_subscribe("host.i1.jobs", durable="host-i1")
        (job,) = await queue.fetch(1, timeout=2)
        assert job.reply.split(".").index("JOBS") == (4 if has_new_receipts else 2)


@pytest.mark.parametrize(
    ("owner", "reason"), [("$G", "before networks had keys"), ("AAAA", "belongs to other keys")]
)
async def test_a_store_whose_streams_it_could_not_see_is_refused(
    data_directory: DataDirectory, owner: str, reason: str
) -> None:
    (data_directory.nats / "store" / "jetstream" / owner / "streams" / "EVT").mkdir(parents=True)
    with pytest.raises(DirectoryUnusable, match=f"{data_directory.root} .*{reason}.*--data-dir"):
        await nats_on(data_directory).start()


@contextmanager
def unsupervised(directory: DataDirectory) -> Iterator[subprocess.Popen[bytes]]:
    """A server of this directory that nobody watches, as a killed run may leave one."""
    command = [str(program_path()), "--config", str(directory.nats / "nats-server.conf")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_a_server_left_by_a_killed_run_is_ended_first(data_directory: DataDirectory) -> None:
    async with nats_on(data_directory) as server:
        old_port = server.port
    with unsupervised(data_directory) as leftover:
        async with nats_on(data_directory) as server, deployer(server):
            assert leftover.poll() is not None
            assert server.port == old_port


async def test_a_start_that_is_cancelled_leaves_no_server(data_directory: DataDirectory) -> None:
    server = nats_on(data_directory)
    starting = asyncio.create_task(server.start())
    assert await comes_true(lambda: server.pid is not None, within_s=5)
    started = server.pid
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not psutil.pid_exists(started or 0)


async def test_a_failed_start_shows_the_end_of_the_log(data_directory: DataDirectory) -> None:
    (data_directory.nats / "store").write_text("a file where a folder must be")
    with pytest.raises(ServerFailed) as failure:
        await nats_on(data_directory).start()
    told = str(failure.value)
    assert told.startswith("The embedded nats server ended with exit code 1 while starting.")
    assert str(data_directory.logs / "nats.log") in told
    assert told.endswith("storage directory is not a directory")


async def test_the_store_is_bounded_below_the_free_disk(
    nats_server: NatsServer, data_directory: DataDirectory
) -> None:
    bound = store_bytes(data_directory.nats / "store")
    assert 0 < bound < shutil.disk_usage(data_directory.root).free
    assert bound <= STORE_BYTES_MAX
    async with deployer(nats_server) as client:
        with pytest.raises(ServerError, match="insufficient storage"):
            await client.jetstream().add_stream(name="BIG", subjects=["big"], max_bytes=int(bound * 1.2))
