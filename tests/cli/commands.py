"""The command line for tests: typed in this process, or started as one of its own; and a network it can talk to."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from cli.main import main

STARTED_WITHIN_S: Final = 60.0
STOPPED_WITHIN_S: Final = 60.0
COMMAND: Final = (sys.executable, "-m", "cli.main")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on stdout."""
        assert self.code == 0, self
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)


def typed(*words: object, **environment: str) -> Said:
    """Runs `archipelago <words>` in this process."""
    out, err = io.StringIO(), io.StringIO()
    arguments = ["archipelago", *map(str, words)]
    with (
        patch.dict(os.environ, environment),
        patch.object(sys, "argv", arguments),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            return Said(int(end.code or 0), out.getvalue(), err.getvalue())
    raise AssertionError("the command ends its process")


def start(*words: object, **environment: str) -> subprocess.Popen[str]:
    """Starts `archipelago <words>` as a process."""
    return subprocess.Popen(
        [*COMMAND, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        cwd=Path(__file__).parents[2],
    )


@dataclass(frozen=True, slots=True)
class Up:
    """A network that `archipelago up --json` runs in a process of its own. `notices` is the file with its lines."""

    process: subprocess.Popen[str]
    notices: Path
    root: Path
    url: str
    key: str
    programs: dict[str, int]

    def typed(self, *words: object) -> Said:
        return typed(*words, ARCHIPELAGO_DATA_DIR=str(self.root))

    def said(self) -> str:
        return self.notices.read_text()

    def stop(self) -> int:
        """Ctrl-C, and the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOPPED_WITHIN_S)


@contextmanager
def up(root: Path, notices: Path, *options: str, **environment: str) -> Iterator[Up]:
    """A network on that directory; stopped afterwards where it still runs."""
    with notices.open("w") as lines:
        process = subprocess.Popen(
            [*COMMAND, "up", "--json", "--port", "0", "--data-dir", str(root), *options],
            stdout=subprocess.PIPE,
            stderr=lines,
            text=True,
            env=os.environ | environment,
            cwd=Path(__file__).parents[2],
        )
    try:
        assert process.stdout is not None
        started = process.stdout.readline()
        assert started, notices.read_text()
        found = json.loads(started)
        yield Up(process, notices, root, found["url"], found["key"], found["programs"])
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(STOPPED_WITHIN_S)
        assert process.stdout is not None
        process.stdout.close()


def comes_true(condition: Callable[[], bool], *, within_s: float = 30.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def lines_of(said: str, *beginnings: str) -> Sequence[str]:
    """The lines that begin so, in order."""
    return [line for line in said.splitlines() if line.startswith(beginnings)]
