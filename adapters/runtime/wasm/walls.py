"""How a worker process gives up everything it does not need before it sees foreign code.

Called once by `worker.py` and `compiler.py`, after their imports and before their first thread. The order is not
free:

- what is imported later cannot be found any more, so everything is imported first;
- a change of user clears the parent-death signal, so the signal is set after it. It is bound to the *thread* that
  spawned the worker, so workers are never spawned from a thread pool;
- Landlock and the call filter bind the calling thread and its children, so both come before any other thread.

`lock_down` returns the walls that stand. It raises OSError where one cannot be done without: a root worker that
stays root.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
from enum import StrEnum

from adapters.runtime.wasm.seccomp import filter_calls

NOBODY = 65534
"""User and group of the workers where the island runs as root."""

DESCRIPTORS_MAX = 64

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_VERSION_FLAG = 1
# How many rights on files each interface version knows (linux/landlock.h); later versions are read as the last.
_LANDLOCK_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_LANDLOCK_FILE_RIGHTS_LATEST = 16
_LANDLOCK_VERSION_TCP, _LANDLOCK_VERSION_SCOPES = 4, 6


class Wall(StrEnum):
    RESOURCES = "resources"
    UNPRIVILEGED = "unprivileged"
    DIES_WITH_PARENT = "dies_with_parent"
    NO_NEW_PRIVILEGES = "no_new_privileges"
    LANDLOCK = "landlock"
    SECCOMP = "seccomp"


def lock_down(*, data_mb: int, cpu_s: int | None = None) -> frozenset[Wall]:
    """Build every wall this kernel has. `data_mb` bounds private writable memory, `cpu_s` the processor time."""
    libc = ctypes.CDLL(None, use_errno=True)
    _limit_resources(data_mb, cpu_s)
    _leave_root()
    stand = {Wall.RESOURCES, Wall.UNPRIVILEGED}
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) == 0:
        stand.add(Wall.DIES_WITH_PARENT)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        stand.add(Wall.NO_NEW_PRIVILEGES)
    if _shut_files_and_ports(libc):
        stand.add(Wall.LANDLOCK)
    if filter_calls(libc):
        stand.add(Wall.SECCOMP)
    return frozenset(stand)


def _limit_resources(data_mb: int, cpu_s: int | None) -> None:
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: DESCRIPTORS_MAX,
        resource.RLIMIT_DATA: data_mb << 20,
    }
    if cpu_s is not None:
        limits[resource.RLIMIT_CPU] = cpu_s
    for kind, bound in limits.items():
        # An ordinary user may not raise what somebody has set lower already.
        hard = resource.getrlimit(kind)[1]
        value = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (value, value))


def _leave_root() -> None:
    if os.geteuid() != 0:
        return
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _shut_files_and_ports(libc: ctypes.CDLL) -> bool:
    """Landlock with every right handled and no rule given: no path may be opened, no TCP port used."""
    version = libc.syscall(
        ctypes.c_long(_LANDLOCK_CREATE_RULESET),
        None,
        ctypes.c_size_t(0),
        ctypes.c_uint(_LANDLOCK_VERSION_FLAG),
    )
    if version < 1:
        return False
    file_rights = (1 << _LANDLOCK_FILE_RIGHTS.get(version, _LANDLOCK_FILE_RIGHTS_LATEST)) - 1
    handled = struct.pack("=Q", file_rights)
    if version >= _LANDLOCK_VERSION_TCP:
        handled += struct.pack("=Q", 0b11)
    if version >= _LANDLOCK_VERSION_SCOPES:
        handled += struct.pack("=Q", 0b11)
    rules = libc.syscall(
        ctypes.c_long(_LANDLOCK_CREATE_RULESET),
        ctypes.c_char_p(handled),
        ctypes.c_size_t(len(handled)),
        ctypes.c_uint(0),
    )
    if rules < 0:
        return False
    try:
        restrict = ctypes.c_long(_LANDLOCK_RESTRICT_SELF)
        return bool(libc.syscall(restrict, ctypes.c_int(rules), ctypes.c_uint(0)) == 0)
    finally:
        os.close(rules)
