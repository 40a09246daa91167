"""What counts as this machine, and that nobody but the right server is believed."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from adapters import tls
from adapters.embedded.certificates import Certificates, Pair, issued_by, new_authority, read_pair, write_pair
from adapters.tls import Certificate, Distrust, TlsUnusable, client_context, distrust_of, server_context, told

NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    "here",
    [
        "localhost",
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "[::1]",
        "LOCALHOST",
        "http://localhost:4000/x",
        "nats://127.0.0.1:4222",
        "http://[::1]:4000",
        "nats://user:password@127.0.0.1",
    ],
)
def test_this_machine_is_known_by_its_loopback_names(here: str) -> None:
    assert tls.is_loopback(here)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "",
        "0.0.0.0",  # noqa: S104 - a name to judge, nothing listens
        "::",
        "192.168.1.5",
        "archipelago.example",
        "localhost.example",
        "127.0.0.1.example",
        "http://127.0.0.1@archipelago.example/",
        "http://archipelago.example/?localhost",
        "http://[::1",
        "nats://10.0.0.1:4222",
        "127.1",
    ],
)
def test_everything_else_is_elsewhere(elsewhere: str) -> None:
    assert not tls.is_loopback(elsewhere)


@pytest.mark.parametrize(
    ("url", "exposed"),
    [
        ("http://archipelago.example", True),
        ("nats://archipelago.example", True),
        ("ws://archipelago.example", True),
        ("https://archipelago.example", False),
        ("tls://archipelago.example", False),
        ("wss://archipelago.example", False),
        ("http://127.0.0.1:4000", False),
    ],
)
def test_plaintext_is_exposed_unless_it_stays_here(url: str, exposed: bool) -> None:
    assert tls.is_exposed(url) is exposed


def test_an_address_of_the_sixth_version_gets_its_brackets() -> None:
    assert tls.address_of("https", "::1", 4000) == "https://[::1]:4000"
    assert tls.address_of("tls", "archipelago.example", 4222) == "tls://archipelago.example:4222"


def stored(folder: Path, pair: Pair) -> Certificate:
    certificate = Certificate(cert_file=folder / "shown.pem", key_file=folder / "shown.key")
    write_pair(certificate, pair)
    return certificate


@asynccontextmanager
async def listening(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """The port of a server that says one line to whoever gets in."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def greeting(port: int, context: ssl.SSLContext, name: str = "localhost") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    try:
        return await reader.readline()
    finally:
        writer.close()


async def refusal(port: int, context: ssl.SSLContext, name: str = "localhost") -> Distrust | None:
    with pytest.raises(ssl.SSLError) as refused:
        await greeting(port, context, name)
    return distrust_of(refused.value)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    made = Certificates(tmp_path / "tls")
    made.renewed(("archipelago.example", "192.0.2.7"), NOW)
    return made


async def test_the_right_server_is_believed_by_every_name_it_has(certificates: Certificates) -> None:
    async with listening(server_context(certificates.server)) as port:
        believing = client_context(certificates.ca_file)
        for name in ("archipelago.example", "192.0.2.7", "localhost", "127.0.0.1", "::1"):
            assert await greeting(port, believing, name) == b"welcome\n"


async def test_a_server_is_not_believed_under_another_name(certificates: Certificates) -> None:
    async with listening(server_context(certificates.server)) as port:
        believing = client_context(certificates.ca_file)
        for name in ("other.example", "192.0.2.8"):
            assert await refusal(port, believing, name) is Distrust.OTHER_NAME


async def test_an_authority_that_is_not_ours_is_not_believed(
    certificates: Certificates, tmp_path: Path
) -> None:
    others = Certificates(tmp_path / "others")
    others.renewed((), NOW)
    async with listening(server_context(certificates.server)) as port:
        assert await refusal(port, client_context(others.ca_file)) is Distrust.UNKNOWN_AUTHORITY
        assert await refusal(port, client_context()) is Distrust.UNKNOWN_AUTHORITY


@pytest.mark.parametrize("days", [-400, +400])
async def test_a_certificate_of_another_time_is_not_believed(tmp_path: Path, days: int) -> None:
    authority = new_authority(NOW - timedelta(days=1000))
    issued = issued_by(authority, ("localhost",), NOW + timedelta(days=days), life=timedelta(days=1))
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    async with listening(server_context(stored(tmp_path, issued))) as port:
        assert await refusal(port, client_context(ca_file)) is Distrust.EXPIRED


async def test_a_server_may_not_vouch_for_another_server(certificates: Certificates, tmp_path: Path) -> None:
    shown = read_pair(certificates.server)
    issued = issued_by(shown, ("localhost",), NOW)
    chain = stored(tmp_path, issued)
    with chain.cert_file.open("ab") as file:
        file.write(certificates.server.cert_file.read_bytes())
    async with listening(server_context(chain)) as port:
        assert await refusal(port, client_context(certificates.ca_file)) is Distrust.UNREADABLE


async def test_older_tls_is_spoken_by_neither_side(certificates: Certificates) -> None:
    old_client = client_context(certificates.ca_file)
    old_client.minimum_version = ssl.TLSVersion.TLSv1_2
    old_client.maximum_version = ssl.TLSVersion.TLSv1_2
    async with listening(server_context(certificates.server)) as port:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await greeting(port, old_client)
    old_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old_server.load_cert_chain(certificates.server.cert_file, certificates.server.key_file)
    old_server.maximum_version = ssl.TLSVersion.TLSv1_2
    async with listening(old_server) as port:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await greeting(port, client_context(certificates.ca_file))


async def test_a_server_without_tls_is_told_as_such(certificates: Certificates) -> None:
    async with listening(None) as port:
        assert await refusal(port, client_context(certificates.ca_file)) is Distrust.NOT_ENCRYPTED


def test_the_reason_is_found_below_what_a_library_makes_of_it() -> None:
    def wrapped(cause: Exception) -> Exception:
        fault = OSError("cannot connect")
        fault.__cause__ = cause
        return fault

    assert distrust_of(wrapped(wrapped(ssl.SSLError("record layer failure")))) is Distrust.NOT_ENCRYPTED
    assert distrust_of(wrapped(ConnectionRefusedError())) is None


def test_every_reason_has_its_sentence() -> None:
    assert len({told(one) for one in Distrust}) == len(Distrust)


def no_pem(path: Path) -> None:
    path.write_text("nothing of the kind")


@pytest.mark.parametrize("damage", [Path.unlink, no_pem])
def test_files_that_cannot_be_used_are_named(
    certificates: Certificates, damage: Callable[[Path], None]
) -> None:
    damage(certificates.ca_file)
    with pytest.raises(TlsUnusable, match=str(certificates.ca_file)):
        client_context(certificates.ca_file)
    damage(certificates.server.key_file)
    with pytest.raises(TlsUnusable, match=str(certificates.server.key_file)):
        server_context(certificates.server)
