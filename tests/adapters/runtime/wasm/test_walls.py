"""What a process can still do once it has locked itself down, tried by a process that tries it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from adapters.runtime.wasm.walls import NOBODY, Wall

# Each attempt answers with the name of the error, or "done".
_PRISONER = """
import ctypes, errno, json, mmap, os, socket, sys, threading
from adapters.runtime.wasm.walls import lock_down

user, island = int(sys.argv[1]), os.getppid()
if user != os.geteuid():
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
read_end, write_end = os.pipe()
if os.geteuid() == 0:
    os.fchown(write_end, 65534, 65534)
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    if libc.syscall(ctypes.c_long(number), *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")

def started_thread():
    threading.stack_size(256 << 10)
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()

walls = lock_down(data_mb=256)
attempts = {
    "read a file": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "list a folder": lambda: os.listdir("/"),
    "write a file": lambda: os.open("/tmp/written-by-a-prisoner", os.O_CREAT | os.O_WRONLY),
    "read the island's memory": lambda: os.open(f"/proc/{island}/mem", os.O_RDONLY),
    "open a TCP socket": lambda: socket.socket(socket.AF_INET),
    "open a Unix socket": lambda: socket.socket(socket.AF_UNIX),
    "open a VSOCK socket": lambda: socket.socket(socket.AF_VSOCK),
    "fork": os.fork,
    "run a program": lambda: os.execv("/bin/true", ["true"]),
    "signal the island": lambda: os.kill(island, 0),
    "become root": lambda: os.setresuid(0, 0, 0),
    "set up io_uring": lambda: call(425, 1, None),
    "trace": lambda: call(101, 0, 0, 0, 0),
    "make a namespace": lambda: call(272, 0x10000000),
    "clone a process": lambda: call(56, 17, 0, 0, 0, 0),
    "raise a limit": lambda: call(302, 0, 7, (ctypes.c_ulong * 2)(1000, 1000), None),
    "allocate 1 GiB": lambda: mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE),
    "start a thread": started_thread,
    "open a pipe of its own again": lambda: os.open(f"/proc/self/fd/{write_end}", os.O_WRONLY),
}
found = {}
for name, attempt in attempts.items():
    try:
        attempt()
        found[name] = "done"
    except OSError as error:
        found[name] = errno.errorcode.get(error.errno, str(error.errno))
print(json.dumps({"walls": sorted(walls), "uid": os.getuid(), "found": found}), flush=True)
os._exit(0)
"""

_ALLOWED = {"start a thread", "open a pipe of its own again"}


def imprisoned(user: int) -> dict[str, object]:
    command = [sys.executable, "-I", "-B", "-c", _PRISONER, str(user)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="root, to become another user")


@pytest.mark.parametrize("user", [os.geteuid(), pytest.param(54321, marks=needs_root)], ids=["we", "another"])
def test_every_wall_of_this_kernel_holds(user: int) -> None:
    answer = imprisoned(user)
    walls, found = answer["walls"], answer["found"]
    assert isinstance(walls, list)
    assert isinstance(found, dict)
    if missing := {Wall.LANDLOCK, Wall.SECCOMP} - set(walls):
        pytest.skip(f"this kernel has no {', '.join(sorted(missing))}")
    assert set(walls) == set(Wall)
    assert {name for name, result in found.items() if result == "done"} == _ALLOWED
    assert set(found.values()) - {"done"} <= {"EACCES", "EPERM", "ENOMEM"}
    assert found["allocate 1 GiB"] == "ENOMEM"


@needs_root
def test_a_worker_of_root_is_nobody() -> None:
    assert imprisoned(0)["uid"] == NOBODY
