"""The embedded NATS server behind TLS: who gets in, who is refused, and that nobody is talked into plaintext."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import nats
import nats.errors
import pytest
from nats.aio.client import Client

from adapters.embedded.certificates import Certificates
from adapters.embedded.child_process import comes_true
from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.listening import Listening
from adapters.embedded.nats_server import NatsServer
from adapters.embedded.ports import Ports
from adapters.embedded.server import ServerFailed
from adapters.nats import subjects
from adapters.nats.accounts.deployment import Deployment
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import HANG_UP_S, HandshakeFailed, connect, encryption, hang_up, options_of
from adapters.nats.mailbox import Broker
from adapters.tls import Distrust, client_context, distrust_of, server_context
from tests.fabric import Fabric

NOW = datetime.now(UTC)
PLAIN_GREETING = b'INFO {"server_id":"x","proto":1,"headers":true,"max_payload":1048576,"nonce":"x"}\r\n'


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    made = Certificates(tmp_path / "tls")
    made.renewed((), NOW)
    return made


@asynccontextmanager
async def encrypted(
    directory: DataDirectory, certificates: Certificates, host: str = "127.0.0.1"
) -> AsyncIterator[NatsServer]:
    listening = Listening(host=host, certificate=certificates.server, ca_file=certificates.ca_file)
    ports = Ports(directory.run / "ports.json")
    deployment = Deployment.open(directory.fabric)
    async with NatsServer(directory, ports, deployment, listening=listening) as server:
        yield server


@pytest.fixture
async def server(data_directory: DataDirectory, certificates: Certificates) -> AsyncIterator[NatsServer]:
    async with encrypted(data_directory, certificates) as started:
        yield started


async def ignore(_: Exception) -> None: ...


async def refusal(url: str, **options: object) -> BaseException:
    client = Client()
    with pytest.raises((OSError, nats.errors.Error)) as refused:
        await client.connect(url, allow_reconnect=False, error_cb=ignore, connect_timeout=2, **options)  # type: ignore[arg-type]  # nats-py's options are as many types
    return refused.value


async def test_components_and_islands_speak_through_it(
    server: NatsServer, certificates: Certificates
) -> None:
    fabric = Fabric(server)
    island = await fabric.island()
    assert server.url == f"tls://127.0.0.1:{server.port}"
    async with (
        fabric.connected(Role.DEPLOY) as core,
        island.connected(**encryption(server.url, certificates.ca_file)) as client,
    ):
        heard = await core.subscribe("host.*.ping")
        for _ in range(2):  # One flush may overtake what came before it.
            await core.flush()
        await client.publish(subjects.ping(island.island_id), b"here")
        assert (await heard.next_msg(timeout=10)).data == b"here"


async def test_the_broker_of_the_mailboxes_speaks_through_it(server: NatsServer) -> None:
    broker = Broker(server.access(Role.COORDINATOR), "test")
    await broker.connect()
    assert await broker.ping(timeout=2)
    await broker.stop()


async def test_a_client_that_waits_for_the_greeting_gets_in_too(
    server: NatsServer, certificates: Certificates
) -> None:
    island = await Fabric(server).island()
    async with island.connected(tls=client_context(certificates.ca_file)) as client:
        assert client.is_connected


async def test_plaintext_is_refused(server: NatsServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    assert b'"tls_required":true' in await reader.readline()
    writer.write(b"CONNECT {}\r\nPING\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert b"PONG" not in answer


async def test_an_authority_that_is_not_ours_is_told_as_such(server: NatsServer, tmp_path: Path) -> None:
    others = Certificates(tmp_path / "others")
    others.renewed((), NOW)
    refused = await refusal(server.url, **encryption(server.url, others.ca_file))
    assert distrust_of(refused) is Distrust.UNKNOWN_AUTHORITY


async def test_a_name_the_certificate_does_not_hold_is_told_as_such(
    server: NatsServer, certificates: Certificates
) -> None:
    options = encryption(server.url, certificates.ca_file) | {"tls_hostname": "other.example"}
    assert distrust_of(await refusal(server.url, **options)) is Distrust.OTHER_NAME


async def test_a_component_that_does_not_believe_the_server_ends_at_once(
    server: NatsServer, tmp_path: Path
) -> None:
    others = Certificates(tmp_path / "others")
    others.renewed((), NOW)
    mistaken = replace(server.access(Role.API), ca_file=others.ca_file)
    with pytest.raises(HandshakeFailed, match="of an authority that is not known here") as failed:
        await connect(mistaken, "test")
    assert failed.value.distrust is Distrust.UNKNOWN_AUTHORITY
    broker = Broker(mistaken, "test")
    with pytest.raises(HandshakeFailed):
        await broker.connect()


async def test_a_connection_whose_handshake_failed_can_be_closed(server: NatsServer, tmp_path: Path) -> None:
    others = Certificates(tmp_path / "others")
    others.renewed((), NOW)
    client = Client()
    options = encryption(server.url, others.ca_file)
    with pytest.raises(ssl.SSLError):
        await client.connect(server.url, allow_reconnect=False, error_cb=ignore, **options)
    async with asyncio.timeout(2 * HANG_UP_S):
        await hang_up(client)


async def test_a_component_comes_back_after_a_server_it_did_not_believe(
    data_directory: DataDirectory, certificates: Certificates, tmp_path: Path
) -> None:
    others = Certificates(tmp_path / "others")
    others.renewed((), NOW)
    async with encrypted(data_directory, certificates) as server:
        client = await connect(server.access(Role.DEPLOY), "test")
    context = server_context(others.server)
    tried = asyncio.Event()

    async def pretend(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    def tell(*_: object) -> None:
        tried.set()

    context.sni_callback = tell
    async with await asyncio.start_server(pretend, "127.0.0.1", server.port, ssl=context):
        await asyncio.wait_for(tried.wait(), 10)
    async with encrypted(data_directory, certificates) as again:
        assert again.port == server.port
        assert await comes_true(lambda: client.is_connected, within_s=10)
        await client.flush()
        await client.close()


async def test_older_tls_is_refused(server: NatsServer, certificates: Certificates) -> None:
    context = client_context(certificates.ca_file)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    refused = await refusal(server.url, tls=context, tls_handshake_first=True)
    assert distrust_of(refused) is Distrust.NOT_ENCRYPTED


async def test_somebody_between_cannot_talk_us_into_plaintext(
    server: NatsServer, certificates: Certificates
) -> None:
    heard: list[bytes] = []

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(PLAIN_GREETING)
        heard.append(await reader.read(4096))
        writer.close()

    liar = await asyncio.start_server(between, "127.0.0.1", 0)
    async with liar:
        url = f"tls://127.0.0.1:{liar.sockets[0].getsockname()[1]}"
        options = options_of(server.access(Role.DEPLOY), "test") | {"connect_timeout": 2}
        with pytest.raises(HandshakeFailed):
            await nats.connect(url, **options)
    assert b"CONNECT" not in b"".join(heard)


async def test_a_certificate_that_its_own_clients_do_not_believe_ends_the_start(
    data_directory: DataDirectory, certificates: Certificates, tmp_path: Path
) -> None:
    others = Certificates(tmp_path / "others")
    others.renewed((), NOW)
    certificates.ca_file = others.ca_file
    async with asyncio.timeout(10):
        with pytest.raises(ServerFailed, match="shows a certificate of an authority that is not known here"):
            async with encrypted(data_directory, certificates):
                pass


async def test_it_listens_on_the_address_that_was_asked_for(
    data_directory: DataDirectory, certificates: Certificates
) -> None:
    async with encrypted(data_directory, certificates, host="::1") as server:
        assert server.url == f"tls://[::1]:{server.port}"
        async with Fabric(server).connected(Role.DEPLOY) as client:
            assert client.is_connected
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)
