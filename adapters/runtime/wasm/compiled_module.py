"""A module that was admitted: its machine code and what has to be known to start it.

The compiler process writes one, the code cache keeps it, `runtime.py` checks it against a job's limits.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Self

PAGE_BYTES: Final = 64 << 10
_HEADER: Final = struct.Struct(">I?")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledModule:
    """`memory_pages` is what it starts with; `is_exact` that it sees neither clock nor entropy nor polls."""

    memory_pages: int
    is_exact: bool
    code: bytes

    def encode(self) -> bytes:
        return _HEADER.pack(self.memory_pages, self.is_exact) + self.code

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Raises ValueError for what is too short to be one; damage further in is for the cache's MAC to find."""
        if len(body) <= _HEADER.size:
            raise ValueError(f"a compiled module has more than {_HEADER.size} bytes, this has {len(body)}")
        memory_pages, is_exact = _HEADER.unpack_from(body)
        return cls(memory_pages=memory_pages, is_exact=is_exact, code=body[_HEADER.size :])
