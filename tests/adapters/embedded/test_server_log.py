"""The log of an embedded server: bounded, and readable to its end."""

import os
from pathlib import Path

import pytest

from adapters.embedded import server_log
from adapters.embedded.server_log import ServerLog


def test_a_log_that_grew_too_long_is_moved_aside_while_the_server_goes_on_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_log, "LOG_BYTES_MAX", 10)
    log = ServerLog(tmp_path / "nats.log")
    with log.descriptor() as descriptor:
        os.write(descriptor, b"0123456789")
        log.keep_small()
        assert log.path.stat().st_size == 10
        os.write(descriptor, b"!\n")
        log.keep_small()
        os.write(descriptor, b"later\n")
    assert log.path.read_text() == "later\n"
    assert (tmp_path / "nats.log.old").read_text() == "0123456789!\n"


def test_the_tail_is_the_last_twelve_lines(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "nats.log")
    assert log.tail() == ""
    log.path.write_text("".join(f"line {n}\n" for n in range(5000)))
    assert log.tail().splitlines() == [f"line {n}" for n in range(4988, 5000)]
