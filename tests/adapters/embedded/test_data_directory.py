"""The data directory: who may read it, who holds it, what it refuses."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.embedded.data_directory import DataDirectory, DirectoryInUse, DirectoryUnusable
from tests.servers import STARTED_AT

HOLD_IT = """
import sys, time
from pathlib import Path
from adapters.embedded.data_directory import DataDirectory
from tests.servers import STARTED_AT
with DataDirectory(Path(sys.argv[1])).lock(command="archipelago up", started_at=STARTED_AT) as lock:
    lock.announce("http://127.0.0.1:8080")
    print("held", flush=True)
    time.sleep(60)
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_may_look_into_a_new_directory(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "new")
    folders = [directory.root, *directory.root.iterdir()]
    assert {folder.name for folder in folders} == {"new", "nats", "keys", "island", "logs", "run"}
    assert {mode(folder) for folder in folders} == {0o700}


def test_a_directory_that_was_made_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    assert mode(DataDirectory.open(tmp_path / "open").root) == 0o700


def test_a_secret_stays_the_same_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "data")
    secret = directory.secret("nats-island")
    assert len(secret) >= 43  # 256 bits in base64
    assert DataDirectory.open(tmp_path / "data").secret("nats-island") == secret
    assert directory.secret("postgres") != secret
    assert {mode(file) for file in directory.keys.iterdir()} == {0o600}


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").touch()
    with pytest.raises(DirectoryUnusable, match="holds files that are not Archipelago's"):
        DataDirectory.open(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a file must change its owner")
def test_the_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "data")
    os.chown(directory.root, 65534, 65534)
    with pytest.raises(DirectoryUnusable, match="belongs to user id 65534"):
        DataDirectory.open(tmp_path / "data")


def test_a_place_that_cannot_be_a_folder_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DirectoryUnusable, match="Not a directory"):
        DataDirectory.open(tmp_path / "file" / "below")


def test_the_second_start_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "data")
    second = DataDirectory.open(tmp_path / "data")
    with directory.lock(command="archipelago up", started_at=STARTED_AT) as lock:
        lock.announce("http://127.0.0.1:8080")
        with (
            pytest.raises(DirectoryInUse) as refusal,
            second.lock(command="archipelago demo", started_at=STARTED_AT),
        ):
            pass
    told = str(refusal.value)
    assert f"process {os.getpid()} (archipelago up) since 2026-11-23T12:00:00+00:00" in told
    assert "serving http://127.0.0.1:8080" in told
    assert f"kill {os.getpid()}" in told
    assert "--data-dir" in told


def test_a_client_finds_the_url_of_the_network_that_runs(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "data")
    assert directory.holder() is None
    with directory.lock(command="archipelago up", started_at=STARTED_AT) as lock:
        lock.announce("http://127.0.0.1:8080")
        holder = DataDirectory(tmp_path / "data").holder()
        assert holder is not None
        assert holder.url == "http://127.0.0.1:8080"
    assert directory.holder() is None
    assert not directory.locked


def test_a_holder_that_was_killed_keeps_nobody_out(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "data")
    with subprocess.Popen([sys.executable, "-c", HOLD_IT, directory.root], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        found = directory.holder()
        assert found is not None
        assert found.pid == holder.pid
        holder.kill()
        holder.wait()
    with directory.lock(command="archipelago up", started_at=STARTED_AT):
        assert json.loads((directory.run / "lock").read_text())["pid"] == os.getpid()
