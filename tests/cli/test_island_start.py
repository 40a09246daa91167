"""`archipelago island join` and `run` as a contributor types them, up to the point where the network begins."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.embedded.certificates import Certificates
from tests.island.coordinator import Coordinator, running_coordinator

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 20.0


@contextmanager
def typed(*words: str, group: Sequence[str] = ("island",)) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "cli.main", *group, *words]
    process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    read: list[str] = []
    ends_at_s = time.monotonic() + WAIT_S
    for line in process.stdout:
        read.append(line)
        if text in line:
            return "".join(read)
        assert time.monotonic() < ends_at_s
    raise AssertionError(f"no {text!r} in {read}")


def nowhere(coordinator: Coordinator) -> Coordinator:
    """One whose network nobody can reach."""
    coordinator.nats_url = "nats://127.0.0.1:1"
    return coordinator


def test_joining_needs_a_url_alone_and_running_goes_on_from_there(tmp_path: Path) -> None:
    state_dir = f"--state-dir={tmp_path}"
    with running_coordinator() as running:
        coordinator = nowhere(running)
        with typed("join", coordinator.url, "--name", "my laptop", state_dir) as joining:
            read_until(joining, "nats://127.0.0.1:1 cannot be reached; trying again")
            joining.send_signal(signal.SIGINT)
            assert joining.wait(WAIT_S) == 0
        (enrolment,) = coordinator.enrolled
        with typed("run", state_dir) as again:
            read = read_until(again, "cannot be reached")
            again.send_signal(signal.SIGINT)
            assert again.wait(WAIT_S) == 0
        assert f"island my laptop: known, id {enrolment['account_key']}" in read
        with typed("join", coordinator.url, state_dir) as once_more:
            read_until(once_more, "cannot be reached")
    assert [one["account_key"] for one in coordinator.enrolled] == [enrolment["account_key"]] * 2


def test_running_without_having_joined_says_how_to_join(tmp_path: Path) -> None:
    with typed("run", f"--state-dir={tmp_path}") as process:
        read_until(process, "join one with: archipelago island join URL")
        assert process.wait(WAIT_S) == 1


def test_a_plaintext_coordinator_on_another_machine_is_refused(tmp_path: Path) -> None:
    with typed("join", "http://192.0.2.1", f"--state-dir={tmp_path}") as process:
        read_until(process, "add --allow-plaintext")
        assert process.wait(WAIT_S) == 1


@pytest.mark.parametrize("before_the_command", [True, False])
def test_the_authority_may_be_named_before_or_behind_the_command(
    tmp_path: Path, *, before_the_command: bool
) -> None:
    certificates = Certificates(tmp_path / "tls")
    certificates.renewed((), datetime.now(UTC))
    given = [f"--ca-file={certificates.ca_file}"]
    group, behind = ([*given, "island"], []) if before_the_command else (["island"], given)
    with typed(
        "join", *behind, "https://127.0.0.1:1", f"--state-dir={tmp_path / 'state'}", group=group
    ) as process:
        read_until(process, "no answer from https://127.0.0.1:1")
        assert process.wait(WAIT_S) == 1
    assert (tmp_path / "state" / "authority.pem").read_bytes() == certificates.ca_file.read_bytes()
