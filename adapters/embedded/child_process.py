"""Starting and ending server processes so that none is ever left over.

Used by the embedded servers and by `archipelago up` for the programs it runs beside them. A child is told by the
kernel when its parent dies (Linux), and what survives all the same, elsewhere or because the signal was lost, is found
by its command line and ended at the next start.
"""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

BARE_ENVIRONMENT: Final[Mapping[str, str]] = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
POLL_INTERVAL_S: Final = 0.01
KILL_PATIENCE_S: Final = 5.0
PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h

_libc = ctypes.CDLL(None)

StopSteps = Sequence[tuple[signal.Signals, float]]
"""Signals in the order they are tried, each with the seconds to wait; SIGKILL follows by itself."""


def spawn(
    command: Sequence[str],
    *,
    working_directory: Path,
    output: int,
    user: int | None,
    death_signal: signal.Signals,
    environment: Mapping[str, str] = BARE_ENVIRONMENT,
) -> subprocess.Popen[bytes]:
    """Start a process that gets `death_signal` when the thread that called this ends.

    Call it from the main thread: the kernel watches the thread that spawned, not the process. The child is a session
    of its own, so that Ctrl-C reaches the supervisor alone, which then stops everything in order. `user` is the uid
    (and gid) to become, None to stay who we are. By default the environment is empty but for what programs cannot do
    without: a stray PGDATA or PGPORT changes nothing. Raises OSError.
    """
    parent = os.getpid()

    def die_with_the_parent() -> None:
        # Runs after the change of user, which would clear the setting.
        _libc.prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:
            os._exit(1)

    return subprocess.Popen(
        command,
        cwd=working_directory,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=environment,
        start_new_session=True,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        preexec_fn=die_with_the_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - two system calls
    )


async def stop(process: subprocess.Popen[bytes], steps: StopSteps) -> None:
    """End a child, politely first, and collect it. Returns at once for one that has ended."""
    for sign, patience_s in (*steps, (signal.SIGKILL, KILL_PATIENCE_S)):
        process.send_signal(sign)
        if await comes_true(lambda: process.poll() is not None, within_s=patience_s):
            return


async def stop_leftovers(program: str, mark: str, steps: StopSteps) -> int:
    """End every process called `program` whose command line holds `mark`; how many there were.

    `mark` must be unique to one data directory, and the caller must hold that directory's lock: what is found then
    belongs to a run that is dead. The command line is what every system shows of another user's process.
    """
    found = _find(program, mark)
    if not found:
        return 0
    for sign, patience_s in (*steps, (signal.SIGKILL, KILL_PATIENCE_S)):
        for process in found:
            with suppress(psutil.Error):
                process.send_signal(sign)
        if await comes_true(lambda: not _find(program, mark), within_s=patience_s):
            break
    return len(found)


def _find(program: str, mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        info = process.info
        if info["name"] == program and any(mark in part for part in info["cmdline"] or ()):
            found.append(process)
    return found


async def comes_true(condition: Callable[[], bool], *, within_s: float) -> bool:
    """Wait until the condition holds; False where it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_INTERVAL_S)
    return True
