"""Where `archipelago up` listens, as it is typed, and how it tells other machines the way."""

import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.embedded.certificates import Certificates
from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.listening import ON_LOOPBACK
from cli import listening
from cli.failure import CommandFailed
from cli.listening import ListeningOptions, listening_on
from cli.network import Network, find_network, write_network
from cli.up import invite, second_island
from tests.cli.commands import typed
from tests.servers import temporary_data_directory

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLAIN = ListeningOptions(
    host="127.0.0.1", tls=False, cert_file=None, key_file=None, ca_file=None, allow_plaintext=False
)
ELSEWHERE = Network(
    url="https://192.0.2.7:4000",
    key_file="",
    nats_url="tls://192.0.2.7:4222",
    nats_keys="",
    postgres_dsn="",
    ca_file="/data/keys/tls/ca.pem",
)


@pytest.fixture
def directory() -> Iterator[DataDirectory]:
    with temporary_data_directory() as made:
        yield made


@pytest.fixture
def given(tmp_path: Path) -> Certificates:
    made = Certificates(tmp_path / "given")
    made.renewed(("archipelago.example",), NOW)
    return made


def refused(directory: DataDirectory, options: ListeningOptions) -> CommandFailed:
    with pytest.raises(CommandFailed) as failed:
        listening_on(directory, options, NOW)
    return failed.value


def test_nothing_said_means_plaintext_on_the_loopback(directory: DataDirectory) -> None:
    assert listening_on(directory, PLAIN, NOW) == ON_LOOPBACK


def test_tls_makes_an_authority_once(directory: DataDirectory) -> None:
    options = replace(PLAIN, tls=True)
    first = listening_on(directory, options, NOW)
    assert first.ca_file == directory.keys / "tls" / "ca.pem"
    assert first.http_url(4000) == "https://127.0.0.1:4000"
    assert first.nats_url(4222) == "tls://127.0.0.1:4222"
    authority = first.ca_file.read_bytes()
    assert listening_on(directory, options, NOW) == first
    assert first.ca_file.read_bytes() == authority


def test_a_certificate_that_is_given_counts(directory: DataDirectory, given: Certificates) -> None:
    options = replace(PLAIN, tls=True, cert_file=given.server.cert_file, key_file=given.server.key_file)
    assert listening_on(directory, options, NOW).certificate == given.server
    assert listening_on(directory, options, NOW).ca_file is None
    private = replace(options, ca_file=given.ca_file)
    assert listening_on(directory, private, NOW).ca_file == given.ca_file
    assert not (directory.keys / "tls").exists()


def test_half_a_certificate_is_refused(directory: DataDirectory, given: Certificates) -> None:
    assert refused(directory, replace(PLAIN, cert_file=given.server.cert_file)).message.startswith(
        "--tls-key: "
    )
    assert refused(directory, replace(PLAIN, key_file=given.server.key_file)).message.startswith(
        "--tls-cert: "
    )
    assert refused(directory, replace(PLAIN, ca_file=given.ca_file)).message.startswith("--tls-ca: ")


def test_a_certificate_that_cannot_be_used_is_named(directory: DataDirectory, given: Certificates) -> None:
    given.server.cert_file.write_text("nothing of the kind")
    options = replace(PLAIN, cert_file=given.server.cert_file, key_file=given.server.key_file)
    assert str(given.server.cert_file) in refused(directory, options).message


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])  # noqa: S104 - refused, and nothing listens
def test_one_address_is_wanted_and_not_all_of_them(directory: DataDirectory, host: str) -> None:
    assert refused(directory, replace(PLAIN, host=host, tls=True)).message.startswith(
        "--host: must be one address"
    )


@pytest.mark.parametrize("host", ["192.0.2.77", "x" * 300])
def test_an_address_of_another_machine_is_refused(directory: DataDirectory, host: str) -> None:
    failed = refused(directory, replace(PLAIN, host=host, tls=True))
    assert failed.message == f"--host: {host!r} is no address of this machine"


def test_other_machines_are_let_in_encrypted_or_by_a_word_of_its_own(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "check_host", lambda _: None)
    open_to_all = replace(PLAIN, host="192.0.2.7")
    assert refused(directory, open_to_all).message == (
        "--host: other machines would reach 192.0.2.7 in plaintext"
    )
    assert listening_on(directory, replace(open_to_all, tls=True), NOW).certificate is not None
    assert listening_on(directory, replace(open_to_all, allow_plaintext=True), NOW).certificate is None


def test_up_refuses_before_it_starts_anything(tmp_path: Path) -> None:
    said = typed("up", "--host", "0.0.0.0", "--data-dir", tmp_path / "data")  # noqa: S104 - refused, and nothing listens
    assert said.code == 2
    assert said.err.startswith("error: --host: must be one address of this machine")


def test_every_command_finds_the_authority(directory: DataDirectory) -> None:
    write_network(directory, ELSEWHERE)
    found = find_network(directory.root)
    assert found is not None
    assert found.authority == Path(ELSEWHERE.ca_file)
    assert replace(found, ca_file="").authority is None


def invitation(network: Network) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        invite(network)
    return out.getvalue()


def test_other_machines_are_told_the_authority() -> None:
    told = invitation(ELSEWHERE)
    assert "archipelago island join --ca-file ca.pem https://192.0.2.7:4000\n" in told
    assert "ca.pem is a copy of /data/keys/tls/ca.pem" in told


def test_other_machines_are_told_that_nothing_is_encrypted() -> None:
    told = invitation(replace(ELSEWHERE, url="http://192.0.2.7:4000", ca_file=""))
    assert "archipelago island join --allow-plaintext http://192.0.2.7:4000\n" in told
    assert "ca.pem" not in told


def test_a_second_island_on_this_machine_is_told_the_authority_and_a_folder_of_its_own() -> None:
    told = second_island(replace(ELSEWHERE, url="https://127.0.0.1:4000"))
    assert told.endswith("join --ca-file /data/keys/tls/ca.pem https://127.0.0.1:4000 --state-dir FOLDER")
    plain = second_island(replace(ELSEWHERE, url="http://127.0.0.1:4000", ca_file=""))
    assert plain.endswith("join http://127.0.0.1:4000 --state-dir FOLDER")


def test_a_public_authority_needs_no_file() -> None:
    told = invitation(replace(ELSEWHERE, ca_file=""))
    assert "archipelago island join https://192.0.2.7:4000\n" in told
