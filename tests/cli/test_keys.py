"""`archipelago keys` and `archipelago deploy`, typed: what they print, what they refuse, and never a secret."""

from pathlib import Path

import pytest

from adapters.embedded.data_directory import DataDirectory
from adapters.nats.accounts.roles import Home, Role
from adapters.nats.streams import STREAMS
from tests.cli.commands import typed
from tests.fabric import Fabric
from tests.servers import STARTED_AT


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    assert typed("keys", "refresh", "--dir", folder).code == 0
    return folder


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "network"
    assert typed("keys", "refresh", "--data-dir", folder).code == 0
    return folder


def secrets_of(folder: Path) -> list[str]:
    found = [path.read_text() for path in folder.rglob("*") if path.suffix in {".seed", ".master"}]
    assert found
    return found


def test_refreshing_tells_what_it_made_and_then_that_all_was_there(tmp_path: Path) -> None:
    first = typed("keys", "refresh", "--dir", tmp_path, "--json").json
    assert "registrar/operator-signing.seed" in first["made"]
    assert typed("keys", "refresh", "--dir", tmp_path, "--json").json["made"] == []
    assert "Every key" in typed("keys", "refresh", "--dir", tmp_path).out


def test_what_was_lost_is_told_when_it_is_made_again(keys: Path) -> None:
    (keys / "coordinator" / "api-user.seed").unlink()
    assert typed("keys", "refresh", "--dir", keys, "--json").json["made"] == ["coordinator/api-user.seed"]


@pytest.mark.parametrize(
    "words",
    [
        ["show"],
        ["show", "--json"],
        ["refresh"],
        ["config", "--accounts", "accounts"],
        ["rotate"],
        ["replace", "door"],
    ],
)
def test_no_command_prints_a_secret(keys: Path, words: list[str]) -> None:
    said = typed("keys", *words, "--dir", keys)
    assert said.code == 0
    assert not [secret for secret in secrets_of(keys) if secret in said.out + said.err]


def test_showing_tells_public_keys_and_ages(keys: Path) -> None:
    rows = typed("keys", "show", "--dir", keys, "--json").json
    assert {row["folder"] for row in rows} == {"operator", "registrar", "door", "coordinator"}
    assert all(row["made_at_ms"] > 0 for row in rows)
    assert all(row["public"] in typed("keys", "show", "--dir", keys).out for row in rows if row["public"])


def test_an_open_rotation_is_seen_and_told(keys: Path) -> None:
    assert "rotation" not in typed("keys", "show", "--dir", keys).err
    typed("keys", "rotate", "--dir", keys)
    assert "finish-rotation" in typed("keys", "show", "--dir", keys).err
    again = typed("keys", "rotate", "--dir", keys)
    assert again.code == 1
    assert "finish-rotation" in again.err


def test_after_a_rotation_the_way_to_its_end_is_told(keys: Path, data_dir: Path) -> None:
    for where in (("--dir", keys), ("--data-dir", data_dir)):
        assert "finish-rotation" in typed("keys", "rotate", *where).err


def test_an_empty_folder_is_told_with_the_way_out(tmp_path: Path) -> None:
    for words in (["show"], ["config", "--accounts", "accounts"]):
        said = typed("keys", *words, "--dir", tmp_path / "nothing")
        assert said.code == 1
        assert "keys refresh" in said.err


def test_the_end_of_a_rotation_asks_where_the_accounts_are(keys: Path, tmp_path: Path) -> None:
    typed("keys", "rotate", "--dir", keys)
    assert typed("keys", "finish-rotation", "--dir", keys).code == 2
    said = typed("keys", "finish-rotation", "--dir", keys, "--accounts", tmp_path)
    assert (said.code, "not where a server keeps" in said.err) == (1, True)


def test_only_holders_of_keys_can_be_named(keys: Path) -> None:
    said = typed("keys", "replace", "operator", "--dir", keys)
    assert said.code == 2
    assert "'coordinator', 'registrar', 'door', 'deploy'" in said.err


@pytest.mark.parametrize("words", [["refresh"], ["rotate"], ["finish-rotation"], ["replace", "coordinator"]])
def test_the_keys_of_a_network_that_runs_are_left_alone(data_dir: Path, words: list[str]) -> None:
    with DataDirectory.open(data_dir).lock(command="archipelago up", started_at=STARTED_AT):
        before = secrets_of(data_dir)
        said = typed("keys", *words, "--data-dir", data_dir)
        assert said.code == 1
        assert "stop `archipelago up`" in said.err
        assert secrets_of(data_dir) == before


def test_the_keys_of_a_network_that_runs_can_be_looked_at(data_dir: Path) -> None:
    with DataDirectory.open(data_dir).lock(command="archipelago up", started_at=STARTED_AT):
        assert typed("keys", "show", "--data-dir", data_dir).code == 0


def test_deploying_makes_every_stream_and_may_be_repeated(fabric: Fabric) -> None:
    where = ("--nats-url", fabric.url, "--dir", fabric.deployment.operator.path.parent)
    for _ in range(2):
        assert typed("deploy", *where).code == 0
    with_streams = (
        fabric.server._directory.nats / "store" / "jetstream" / fabric.deployment.account(Home.CORE)
    )
    made = {path.name for path in (with_streams / "streams").iterdir()}
    assert {stream.name for stream in STREAMS} <= made


def test_deploying_with_keys_of_another_network_is_one_sentence(fabric: Fabric, keys: Path) -> None:
    said = typed("deploy", "--nats-url", fabric.url, "--dir", keys)
    assert said.code == 1
    assert said.err.count("\n") == 2
    assert "keys config" in said.err


def test_deploying_without_the_operators_folder_names_what_is_missing(tmp_path: Path) -> None:
    said = typed("deploy", "--nats-url", "nats://127.0.0.1:1", "--dir", tmp_path)
    assert said.code == 1
    assert f"{Role.DEPLOY}.creds: is missing" in said.err


def test_deploying_where_no_server_listens_ends_with_a_sentence(keys: Path) -> None:
    said = typed("deploy", "--nats-url", "nats://127.0.0.1:1", "--dir", keys)
    assert said.code == 1
    assert said.err.startswith("error: --nats-url: the server cannot be reached")
