"""What the state directory remembers, and who may read it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.wire import JobStatus
from domain.ids import JobId
from island.attempt_key import AttemptKey
from island.state_store import RECORDS_MAX, StateDirectoryUnusable, StateStore

KEY = AttemptKey(job_id=JobId("job-1"), attempt=2)
FINAL = JobStatus(job_id="job-1_2", state="succeeded", timestamp=1, count=1, digest="sha256:")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    store = StateStore.open(tmp_path / "state")
    yield store
    store.close()


def test_a_running_attempt_and_an_unsent_claim_are_found_again(store: StateStore) -> None:
    other = AttemptKey(job_id=JobId("job-2"), attempt=1)
    store.keep(KEY, "one")
    store.keep(other, "two")
    store.keep(KEY, "one", FINAL)

    records = {record.key: record for record in store.unfinished()}
    assert (records[KEY].receipt, records[KEY].final) == ("one", FINAL)
    assert (records[other].receipt, records[other].final) == ("two", None)


def test_what_was_dropped_is_gone(store: StateStore) -> None:
    store.keep(KEY, "one")
    store.drop(KEY)
    store.drop(KEY)
    assert not store.unfinished()


def test_a_damaged_record_is_thrown_away(store: StateStore, tmp_path: Path) -> None:
    store.keep(KEY, "one")
    (tmp_path / "state" / "attempts" / "job-3.json").write_bytes(b'{"wire_id":')
    (tmp_path / "state" / "attempts" / "job-4.json").write_bytes(b'{"wire_id":"job-4_x","receipt":""}')

    assert [record.wire_id for record in store.unfinished()] == ["job-1_2"]
    assert [file.name for file in (tmp_path / "state" / "attempts").iterdir()] == ["job-1_2.json"]


def test_only_so_many_records_are_kept_and_the_newest_stay(store: StateStore, tmp_path: Path) -> None:
    for number in range(RECORDS_MAX + 2):
        store.keep(AttemptKey(job_id=JobId(f"job-{number}"), attempt=1), "")
        os.utime(tmp_path / "state" / "attempts" / f"job-{number}.json", (number, number))

    found = [record.wire_id for record in store.unfinished()]
    assert len(found) == RECORDS_MAX
    assert found[0] == "job-2"


def test_a_file_is_read_by_its_owner_alone(store: StateStore, tmp_path: Path) -> None:
    store.write("secret", b"one")
    store.write("secret", b"two")

    assert store.read("secret") == b"two"
    assert stat.S_IMODE((tmp_path / "state" / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert store.read("nothing") is None


def test_the_directory_has_one_user_at_a_time(store: StateStore, tmp_path: Path) -> None:
    with pytest.raises(StateDirectoryUnusable, match=f"process {os.getpid()} runs the island"):
        StateStore.open(tmp_path / "state")
    store.close()
    again = StateStore.open(tmp_path / "state")
    store._lock = again._lock  # The fixture closes the one that is open.


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateDirectoryUnusable, match=r"state_dir: .*file"):
        StateStore.open(tmp_path / "file" / "state")
