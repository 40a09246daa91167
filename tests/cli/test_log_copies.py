"""The log as a file and as an archive, and made again from either: a network that lost its log goes on."""

import json
import shutil
from pathlib import Path

import psycopg
import pytest

from adapters.log_export import read_export, read_header
from tests.cli.commands import Said, Up, comes_true, typed, up

HASH = ("job", "submit", "wasm-hash", "--input", '{"text":"kept"}', "--follow", "--json")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def stopped(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, int]:
    """A network that was stopped, its log as a file: with a paid job, and how many commits there are."""
    file = tmp_path_factory.mktemp("exports") / "log.gz"
    with up(root, file.with_name("notices")) as network:
        job_id = network.typed(*HASH).json["id"]
        assert comes_true(lambda: is_settled(network, job_id))
        assert comes_true(lambda: archived(root) >= last_of(network))
        assert comes_true(lambda: exported(network, file))
        network.stop()
    return file, job_id, read_header(file).last


def is_settled(network: Up, job_id: str) -> bool:
    entries = network.typed("account", "--json").json["entries"]
    return any(entry["kind"] == "settled" and entry.get("job_id") == job_id for entry in entries)


def last_of(network: Up) -> int:
    found: int = network.typed("audit", "books", "--json").json["position"]
    return found


def exported(network: Up, file: Path) -> bool:
    """Everything up to now, once the archive has it too."""
    file.unlink(missing_ok=True)
    assert network.typed("audit", "export", file).code == 0
    return archived(network.root) >= read_header(file).last


def dsn_of(root: Path) -> str:
    found: str = json.loads((root / "run" / "network.json").read_text())["postgres_dsn"]
    return found


def archived(root: Path) -> int:
    with psycopg.connect(dsn_of(root)) as connection:
        [(last,)] = connection.execute("select coalesce(max(position), 0) from archive.commit_archive")
    return int(last)


def restore(root: Path, *words: object) -> Said:
    return typed("audit", "restore", *words, ARCHIPELAGO_DATA_DIR=str(root))


def assert_goes_on(root: Path, notices: Path, job_id: str) -> None:
    """All that was is there, every table is what the log says, and jobs run."""
    with up(root, notices) as network:
        [old] = [one for one in network.typed("job", "list", "--json").json if one["id"] == job_id]
        # The keys of personal texts lie beside the log, and were lost with it.
        assert (old["state"], old["input"]) == ("succeeded", "[encrypted]")
        assert network.typed(*HASH).json["state"] == "succeeded"
        compared = network.typed("projections", "verify", "--json")
        assert compared.code == 0, compared.out
        checked = network.typed("audit", "check")
        assert checked.code == 0, checked.out


def test_an_export_is_the_whole_log_and_is_not_written_over(stopped: tuple[Path, str, int]) -> None:
    file, job_id, last = stopped
    commits = list(read_export(file))
    assert [commit.position for commit in commits] == list(range(1, last + 1))
    assert any(commit.subject == f"evt.job.{job_id}" for commit in commits)
    again = typed("audit", "export", file)
    assert again.err.startswith(f"error: FILE: {file} is there already")


def test_a_lost_log_comes_back_from_a_file_in_another_place(
    root: Path, stopped: tuple[Path, str, int], tmp_path: Path
) -> None:
    file, job_id, last = stopped
    (tmp_path / "new" / "run").mkdir(parents=True)
    for folder in ("keys", "island"):  # What docs/recovery.md says to copy; without them islands enrol anew.
        shutil.copytree(root / folder, tmp_path / "new" / folder)
    shown = restore(tmp_path / "new", "--from-file", file)
    assert f"The copy has {last} commits; the log has 0." in shown.out
    assert "Nothing was done." in shown.out
    done = restore(tmp_path / "new", "--from-file", file, "--yes")
    assert (done.code, "again" in done.out) == (0, True), done.err
    assert_goes_on(tmp_path / "new", tmp_path / "notices", job_id)


def test_a_lost_log_comes_back_from_the_archive_beside_it(
    root: Path, stopped: tuple[Path, str, int], tmp_path: Path
) -> None:
    _, job_id, _ = stopped
    shutil.rmtree(root / "nats" / "store")
    done = restore(root, "--from-archive", "--yes")
    assert (done.code, "commits again" in done.out) == (0, True), done.out + done.err
    assert_goes_on(root, tmp_path / "notices", job_id)


def test_a_copy_that_differs_from_what_is_there_is_refused(
    stopped: tuple[Path, str, int], tmp_path: Path
) -> None:
    file, _, _ = stopped
    with up(tmp_path / "other", tmp_path / "notices", "--no-island") as network:
        network.stop()
    refused = restore(tmp_path / "other", "--from-file", file, "--yes")
    assert refused.code == 1
    assert "the log has another commit than the copy" in refused.err


@pytest.mark.parametrize("words", [(), ("--from-archive", "--from-file", "x")])
def test_one_copy_is_named(words: tuple[str, ...], tmp_path: Path) -> None:
    assert restore(tmp_path, *words).err.startswith("error: --from-file: name a file")


def test_a_running_network_is_left_alone(network: Up, tmp_path: Path) -> None:
    said = restore(network.root, "--from-archive")
    assert said.code != 0
    assert "archipelago up" in said.err


def test_an_older_file_is_refused_where_the_archive_knows_more(
    root: Path, stopped: tuple[Path, str, int]
) -> None:
    """The tests before ran jobs on that network."""
    file, _, last = stopped
    shutil.rmtree(root / "nats" / "store")
    refused = restore(root, "--from-file", file, "--yes")
    assert refused.code == 1
    assert f"commits, the file {last}" in refused.err
    assert "--from-archive" in refused.err
