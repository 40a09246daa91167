"""Bytes in memory that nobody can change any more, this process included.

Workers have no file system: they get the descriptor. So the code whose MAC was checked is the code that runs, with no
path in between that somebody could exchange.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from typing import Final

_SEALS: Final = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class SealedMemory:
    """Stands at its beginning. Closed by `close`, or when the last one who holds it has let go."""

    def __init__(self, content: bytes) -> None:
        self.descriptor = os.memfd_create("wasm", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._close = weakref.finalize(self, os.close, self.descriptor)
        with open(self.descriptor, "wb", closefd=False) as memory:
            memory.write(content)
        fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, _SEALS)
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        self.size_bytes = len(content)

    @property
    def is_closed(self) -> bool:
        return not self._close.alive

    def close(self) -> None:
        self._close()
