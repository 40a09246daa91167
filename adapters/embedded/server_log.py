"""The log file of one embedded server, with a size it cannot outgrow.

Used by the embedded servers. Whatever the server writes, from the first complaint about its configuration on, goes
to one file through one descriptor, so a failed start can always be explained by the file's last lines.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LOG_BYTES_MAX: Final = 8 * 1024 * 1024
TAIL_LINES_MAX: Final = 12
TAIL_BYTES_MAX: Final = 8192


class ServerLog:
    """One file and one older copy: at most about twice LOG_BYTES_MAX on disk."""

    def __init__(self, path: Path) -> None:
        """The file is made when it is first opened."""
        self.path = path

    @contextmanager
    def descriptor(self) -> Iterator[int]:
        """A descriptor to hand to a child process; closed here when the child has its own."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def keep_small(self) -> None:
        """Move what is there aside once it is too much. Lines written during the move may be lost."""
        if self.path.exists() and self.path.stat().st_size > LOG_BYTES_MAX:
            # Copied and cut, not renamed: the server goes on writing through the descriptor it has.
            shutil.copyfile(self.path, self.path.with_suffix(".log.old"))
            os.truncate(self.path, 0)

    def tail(self) -> str:
        """The last lines, for an error message."""
        if not self.path.exists():
            return ""
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - TAIL_BYTES_MAX))
            text = file.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-TAIL_LINES_MAX:])
