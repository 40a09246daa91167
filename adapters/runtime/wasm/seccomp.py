"""The list of system calls that a worker keeps, as a program for the kernel's filter.

`walls.py` calls it last, when nothing more has to be loaded. Everything that is not on the list answers EPERM; a
call of another architecture ends the process. x86_64 only: elsewhere `filter_calls` says False and the capability
shows the gap.

The filter is classic BPF over `struct seccomp_data` {int nr; u32 arch; u64 ip; u64 args[6]}; see seccomp(2).
"""

from __future__ import annotations

import ctypes
import platform
import struct
from typing import Final

# Numbers of x86_64, grouped by who needs them. Found by tracing workers at work, plus what the C library and
# the interpreter may choose instead.
_CALLS: Final = {
    "streams": {0: "read", 1: "write", 3: "close", 19: "readv", 20: "writev", 17: "pread64", 8: "lseek", 32: "dup"},
    "what was handed over": {47: "recvmsg", 45: "recvfrom", 44: "sendto", 46: "sendmsg", 257: "openat"},
    "looking at descriptors": {5: "fstat", 262: "newfstatat", 332: "statx", 72: "fcntl", 16: "ioctl"},
    "memory": {
        9: "mmap", 10: "mprotect", 11: "munmap", 12: "brk", 25: "mremap", 28: "madvise", 319: "memfd_create",
        77: "ftruncate",
    },
    "waiting": {
        7: "poll", 271: "ppoll", 232: "epoll_wait", 233: "epoll_ctl", 281: "epoll_pwait", 291: "epoll_create1",
        290: "eventfd2", 35: "nanosleep", 230: "clock_nanosleep", 202: "futex", 24: "sched_yield",
    },
    "threads and traps": {
        13: "rt_sigaction", 14: "rt_sigprocmask", 15: "rt_sigreturn", 131: "sigaltstack", 186: "gettid",
        218: "set_tid_address", 273: "set_robust_list", 334: "rseq", 324: "membarrier", 204: "sched_getaffinity",
        157: "prctl", 158: "arch_prctl",
    },
    "clocks, chance and bookkeeping": {
        228: "clock_gettime", 229: "clock_getres", 96: "gettimeofday", 98: "getrusage", 318: "getrandom",
        39: "getpid", 102: "getuid", 97: "getrlimit", 302: "prlimit64",
    },
    "leaving": {60: "exit", 231: "exit_group"},
}  # fmt: skip
_CLONE, _CLONE3, _CLONE_THREAD = 56, 435, 0x10000
_X32_BIT = 0x40000000
_AUDIT_ARCH_X86_64 = 0xC000003E

_LOAD_WORD, _IF_EQUAL, _IF_AT_LEAST, _IF_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_FIRST_ARGUMENT = 0, 4, 16
_KILL, _ALLOW, _EPERM, _ENOSYS = 0x80000000, 0x7FFF0000, 0x00050001, 0x00050026

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2


def program() -> bytes:
    """The filter as an array of `struct sock_filter` {u16 code; u8 if_true; u8 if_false; u32 value}."""
    steps = [
        (_LOAD_WORD, 0, 0, _OFFSET_ARCHITECTURE),
        (_IF_EQUAL, 1, 0, _AUDIT_ARCH_X86_64),
        (_RETURN, 0, 0, _KILL),
        (_LOAD_WORD, 0, 0, _OFFSET_NUMBER),
        (_IF_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _KILL),
        # Its flags lie behind a pointer, where no filter can look. On ENOSYS the C library falls back to clone.
        (_IF_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _ENOSYS),
        (_IF_EQUAL, 0, 4, _CLONE),
        (_LOAD_WORD, 0, 0, _OFFSET_FIRST_ARGUMENT),
        (_IF_BITS, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _EPERM),
    ]
    for number in sorted(number for group in _CALLS.values() for number in group):
        steps += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    steps.append((_RETURN, 0, 0, _EPERM))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def filter_calls(libc: ctypes.CDLL) -> bool:
    """Bind the filter to the calling thread and to those it starts later. False where there is none."""
    if platform.machine() != "x86_64":
        return False
    body = program()
    steps = ctypes.create_string_buffer(body, len(body))
    header = struct.pack("@HP", len(body) // 8, ctypes.addressof(steps))
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0) == 0)
