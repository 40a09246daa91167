"""A whole network over TLS: everything works as before, and nobody gets in or listens in plaintext."""

import json
import os
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import nats
import pytest
from websockets.sync.client import connect as connect_web_socket

from adapters.embedded.certificates import Certificates
from adapters.tls import client_context
from cli.network import Network, find_network
from tests.cli.commands import Up, comes_true, start, typed, up
from tests.servers import temporary_folder

NOBODY_KNOWS = "shows a certificate of an authority that is not known here"


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    notices = tmp_path_factory.mktemp("up") / "notices"
    with temporary_folder() as root, up(root, notices, "--tls") as running:
        yield running


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """The authority of another network."""
    made = Certificates(tmp_path / "others")
    made.renewed((), datetime.now(UTC))
    return made.ca_file


def network_of(running: Up) -> Network:
    found = find_network(running.root)
    assert found is not None
    return found


def authority_of(running: Up) -> Path:
    found = network_of(running).authority
    assert found is not None
    return found


def test_commands_on_this_machine_just_work(encrypted: Up) -> None:
    assert encrypted.url.startswith("https://127.0.0.1:")
    assert network_of(encrypted).nats_url.startswith("tls://127.0.0.1:")
    done = encrypted.typed("job", "submit", "wasm-hash", "--input", '{"text":"sealed"}', "--follow")
    assert done.out.startswith('{"sha256"')
    assert encrypted.typed("projections", "verify").code == 0


def test_another_machine_names_the_authority_once(encrypted: Up) -> None:
    there = ("account", "--url", encrypted.url, "--key", encrypted.key, "--json")
    for said in (
        typed("--ca-file", authority_of(encrypted), *there),
        typed(*there, ARCHIPELAGO_CA_FILE=str(authority_of(encrypted))),
    ):
        assert said.code == 0, said.err
    unknown = typed(*there)
    assert unknown.code == 1
    assert unknown.err.startswith(f"error: coordinator: {encrypted.url} {NOBODY_KNOWS}\n")
    assert "--ca-file" in unknown.err


def test_another_authority_is_not_believed(encrypted: Up, others: Path) -> None:
    said = typed("--ca-file", others, "account", "--url", encrypted.url, "--key", encrypted.key)
    assert said.err.startswith(f"error: coordinator: {encrypted.url} {NOBODY_KNOWS}\n")


def test_a_file_without_an_authority_is_named(encrypted: Up, tmp_path: Path) -> None:
    said = typed(
        "--ca-file", tmp_path / "none.pem", "account", "--url", encrypted.url, "--key", encrypted.key
    )
    assert said.code == 2
    assert said.err.startswith(f"error: --ca-file: {tmp_path / 'none.pem'}: ")


def test_plaintext_is_answered_by_nobody(encrypted: Up) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(encrypted.url.replace("https", "http") + "/health")


async def test_nats_is_not_spoken_in_plaintext(encrypted: Up) -> None:
    network = network_of(encrypted)
    credentials = Path(network.nats_keys) / "projector.creds"
    with pytest.raises(ssl.SSLError):  # The server asks for TLS, and the library knows no such authority.
        await nats.connect(
            network.nats_url.replace("tls://", "nats://"),
            user_credentials=str(credentials),
            allow_reconnect=False,
        )


def test_the_web_socket_is_encrypted_too(encrypted: Up) -> None:
    url = f"{encrypted.url.replace('https', 'wss')}/api/v1/ws"
    with connect_web_socket(url, ssl=client_context(authority_of(encrypted))) as socket:
        socket.send(json.dumps({"type": "auth", "key": encrypted.key}))
        assert json.loads(socket.recv(timeout=5))["type"] == "ready"
    with pytest.raises(ssl.SSLCertVerificationError):
        connect_web_socket(url)


def test_older_tls_is_refused(encrypted: Up) -> None:
    old = ssl.create_default_context(cafile=authority_of(encrypted))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{encrypted.url}/health", verify=old)


def test_the_authoritys_key_is_closed_to_others(encrypted: Up) -> None:
    key = authority_of(encrypted).with_name("ca.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_an_island_joins_with_the_authority_and_not_without(encrypted: Up, tmp_path: Path) -> None:
    state = tmp_path / "island"
    joining = ("island", "join", encrypted.url, "--state-dir", state)
    without = start(*joining)
    _, err = without.communicate(timeout=30)
    assert without.returncode == 1
    assert f"{encrypted.url} {NOBODY_KNOWS}" in err
    joined = start(*joining, "--ca-file", authority_of(encrypted), "--key", encrypted.key)
    try:

        def is_online() -> bool:
            hosts = encrypted.typed("island", "list", "--json").json
            return [host["status"] for host in hosts].count("online") == 2

        assert comes_true(is_online)
    finally:
        joined.terminate()
        joined.communicate(timeout=30)


def test_a_program_that_does_not_believe_the_server_ends_and_says_why(encrypted: Up, others: Path) -> None:
    network = network_of(encrypted)
    programs = {
        "api": ("ARCHIPELAGO_", Path(network.nats_keys)),
        "registrar": ("ARCHIPELAGO_REGISTRAR_", Path(network.nats_keys).with_name("registrar")),
        "registrar.door": ("ARCHIPELAGO_DOOR_", Path(network.nats_keys).with_name("door")),
    }
    for module, (prefix, keys) in programs.items():
        settings = {
            f"{prefix}NATS_URL": network.nats_url,
            f"{prefix}NATS_KEYS": str(keys),
            f"{prefix}NATS_CA_FILE": str(others),
            "ARCHIPELAGO_POSTGRES_DSN": network.postgres_dsn,
            "ARCHIPELAGO_PORT": "0",
        }
        command = [sys.executable, "-m", module]
        ended = subprocess.run(
            command, env=os.environ | settings, capture_output=True, text=True, timeout=20, check=False
        )
        assert ended.returncode == 1, module
        assert ended.stderr.endswith(
            f"error: NATS: {network.nats_url} {NOBODY_KNOWS}. Check {prefix}NATS_CA_FILE.\n"
        ), ended.stderr
