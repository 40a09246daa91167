"""The only module that reads the wall clock or makes ids. Whoever builds a command takes both from here."""

import os
import time
from uuid import UUID


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """A UUID of version 7: 48 bits of milliseconds, so ids sort by age, and 74 random bits. Source: RFC 9562."""
    bits = (now_ms() << 80) | int.from_bytes(os.urandom(10), "big")
    bits = bits & ~(0xF << 76) | (0x7 << 76)
    bits = bits & ~(0x3 << 62) | (0x2 << 62)
    return str(UUID(int=bits))
