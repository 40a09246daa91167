"""The embedded NATS server: what survives a restart, where it listens, what an island may not do."""

import asyncio
import shutil
import socket
import stat
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import nats
import nats.errors
import psutil
import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy, RetentionPolicy
from nats.js.errors import ServerError

from adapters.embedded import ports
from adapters.embedded.child_process import comes_true
from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.nats_server import (
    ISLAND_INBOX_PREFIX,
    STORE_BYTES_MAX,
    NatsServer,
    program_path,
    store_bytes,
)
from adapters.embedded.server import ServerFailed
from tests.servers import nats_on


async def ignore(_: Exception) -> None:
    """The client raises what the test is about; it need not log it as well."""


@asynccontextmanager
async def connected(url: str, *, inbox: str = "_INBOX") -> AsyncIterator[tuple[Client, list[str]]]:
    """A client, and what the server complained about to it."""
    complaints: list[str] = []

    async def complain(error: Exception) -> None:
        complaints.append(str(error))

    client = await nats.connect(url, inbox_prefix=inbox, error_cb=complain)
    try:
        yield client, complaints
    finally:
        await client.close()


async def settle(client: Client) -> None:
    """Wait until the server has taken all that was sent: the first flush may overtake it inside the client."""
    await client.flush()
    await client.flush()


async def test_a_second_start_finds_its_streams_at_the_same_url(data_directory: DataDirectory) -> None:
    async with nats_on(data_directory) as server, connected(server.url) as (client, _):
        first_url = server.url
        await client.jetstream().add_stream(name="EVT", subjects=["evt.*.*"])
        await client.jetstream().publish("evt.job.1", b"submitted")
    async with nats_on(data_directory) as server, connected(server.url) as (client, _):
        assert server.url == first_url
        assert (await client.jetstream().get_msg("EVT", 1)).data == b"submitted"


async def test_a_port_that_somebody_took_meanwhile_is_replaced_for_good(
    data_directory: DataDirectory,
) -> None:
    async with nats_on(data_directory) as server:
        old_port = server.port
    with socket.create_server(("127.0.0.1", old_port)):
        async with nats_on(data_directory) as server, connected(server.url):
            new_port = server.port
            assert new_port != old_port
    async with nats_on(data_directory) as server:
        assert server.port == new_port


async def test_a_port_lost_between_the_look_and_the_start_is_replaced(
    data_directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief = socket.socket()
    look = ports.Ports.choose

    def choose(self: ports.Ports, name: str) -> int:
        port = look(self, name)
        if thief.getsockname()[1] == 0:
            thief.bind(("127.0.0.1", port))
        return port

    monkeypatch.setattr(ports.Ports, "choose", choose)
    with thief:
        async with nats_on(data_directory) as server, connected(server.url):
            assert server.port != thief.getsockname()[1]


async def test_the_event_log_waits_for_the_disk(
    nats_server: NatsServer, data_directory: DataDirectory
) -> None:
    configuration = data_directory.nats / "nats-server.conf"
    assert "sync_interval: always" in configuration.read_text()
    assert stat.S_IMODE(configuration.stat().st_mode) == 0o600
    async with connected(nats_server.url) as (client, _):
        assert client.max_payload == 8 * 1024 * 1024


def test_it_listens_on_the_loopback_only(nats_server: NatsServer) -> None:
    listening = [
        connection.laddr
        for connection in psutil.Process(nats_server.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == [("127.0.0.1", nats_server.port)]


@pytest.mark.parametrize("user", ["coordinator", "island"])
async def test_a_wrong_password_opens_nothing(nats_server: NatsServer, user: str) -> None:
    client = Client()
    with pytest.raises(nats.errors.Error, match="Authorization"):
        await client.connect(
            f"nats://{user}:guessed@127.0.0.1:{nats_server.port}", allow_reconnect=False, error_cb=ignore
        )
    await client.close()


async def test_an_island_may_not_publish_what_is_the_coordinators(nats_server: NatsServer) -> None:
    forbidden = ["evt.job.1", "host.i1.jobs", "host.i1.cancel", "$JS.API.STREAM.INFO.EVT", "_INBOX.x"]
    async with (
        connected(nats_server.url) as (coordinator, _),
        connected(nats_server.island_url, inbox=ISLAND_INBOX_PREFIX) as (island, complaints),
    ):
        heard = await coordinator.subscribe(">")
        await settle(coordinator)
        for subject in forbidden:
            await island.publish(subject, b"mine")
        await island.publish("host.i1.ping", b"allowed")
        await settle(island)
        assert (await heard.next_msg(timeout=2)).subject == "host.i1.ping"
    assert [complaint.split('"')[1] for complaint in complaints] == [subject.lower() for subject in forbidden]


async def test_an_island_may_not_delete_a_stream(nats_server: NatsServer) -> None:
    async with connected(nats_server.url) as (coordinator, _):
        await coordinator.jetstream().add_stream(name="EVT", subjects=["evt.*.*"])
        async with connected(nats_server.island_url, inbox=ISLAND_INBOX_PREFIX) as (island, complaints):
            await island.publish("$JS.API.STREAM.DELETE.EVT")
            await settle(island)
            assert "permissions violation for publish" in complaints[0]
        assert (await coordinator.jetstream().stream_info("EVT")).config.name == "EVT"


async def test_an_island_may_not_listen_to_others(nats_server: NatsServer) -> None:
    async with connected(nats_server.island_url, inbox=ISLAND_INBOX_PREFIX) as (island, complaints):
        forbidden = ["evt.>", "host.*.output", "_INBOX.>", ">"]
        for subject in forbidden:
            await island.subscribe(subject)
            await settle(island)
    assert [complaint.split('"')[1] for complaint in complaints] == [subject.lower() for subject in forbidden]


async def test_an_island_makes_claims_pulls_its_jobs_and_acks_them(nats_server: NatsServer) -> None:
    async with connected(nats_server.url) as (coordinator, _):
        streams = coordinator.jetstream()
        await streams.add_stream(name="JOBS", subjects=["host.*.jobs"], retention=RetentionPolicy.WORK_QUEUE)
        await streams.add_stream(name="JOB_STATUS", subjects=["host.*.status"])
        await streams.add_consumer(
            "JOBS", durable_name="host-i1", filter_subject="host.i1.jobs", ack_policy=AckPolicy.EXPLICIT
        )
        await streams.publish("host.i1.jobs", b"work")
        async with connected(nats_server.island_url, inbox=ISLAND_INBOX_PREFIX) as (island, complaints):
            mailbox = await island.jetstream().pull_subscribe_bind("host-i1", "JOBS")
            (job,) = await mailbox.fetch(1, timeout=2)
            await job.ack_sync()
            await island.jetstream().publish("host.i1.status", b"running")
            assert not complaints
        assert (await streams.stream_info("JOBS")).state.messages == 0
        assert (await streams.stream_info("JOB_STATUS")).state.messages == 1


async def test_an_island_hears_its_signals(nats_server: NatsServer) -> None:
    async with (
        connected(nats_server.url) as (coordinator, _),
        connected(nats_server.island_url, inbox=ISLAND_INBOX_PREFIX) as (island, complaints),
    ):
        signals = await island.subscribe("host.i1.cancel")
        await settle(island)
        await coordinator.publish("host.i1.cancel", b"job-1")
        assert (await signals.next_msg(timeout=2)).data == b"job-1"
    assert not complaints


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
        async with nats_on(data_directory) as server, connected(server.url):
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
    async with connected(nats_server.url) as (client, _):
        with pytest.raises(ServerError, match="insufficient storage"):
            await client.jetstream().add_stream(name="BIG", subjects=["big"], max_bytes=int(bound * 1.2))
