"""Which local ports the embedded servers use, remembered so that a second start keeps its URLs.

Used by the embedded servers. Ports are looked for below the range from which systems hand out ports for outgoing
connections (32768 and up on Linux), so that a server that was killed finds its port still free.
"""

import json
import socket
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
PORT_FIRST: Final = 20_000
PORT_COUNT: Final = 12_000


class NoFreePort(Exception):
    """Every port of the range is taken."""

    def __init__(self) -> None:
        """The message names the range."""
        super().__init__(f"No free port from {PORT_FIRST} to {PORT_FIRST + PORT_COUNT - 1}: stop a server.")


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on that port of that address of ours now."""
    with socket.socket(family_of(host)) as probe:
        # As servers do: connections that linger after a restart do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def family_of(host: str) -> socket.AddressFamily:
    """A name means its address of the fourth version."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class Ports:
    """The ports of one data directory, kept in one JSON file: `{"nats": 21000, "postgres": 24000}`."""

    def __init__(self, file: Path) -> None:
        """`file` need not exist; one that cannot be read counts as missing."""
        self._file = file
        self._chosen: dict[str, int] = {}
        with suppress(OSError, ValueError):
            self._chosen = {str(name): int(port) for name, port in json.loads(file.read_text()).items()}

    def choose(self, name: str, host: str = LOOPBACK) -> int:
        """The port that this server had before where it is still free, else a new one. Raises NoFreePort."""
        port = self._chosen.get(name)
        if port is None or not is_free(port, host):
            port = self._find(name, host)
            self._chosen[name] = port
            self._file.write_text(json.dumps(self._chosen))
        return port

    def _find(self, name: str, host: str) -> int:
        # Directories start their search at different places, so two that start at once seldom meet.
        offset = zlib.crc32(f"{self._file}:{name}".encode())
        taken = set(self._chosen.values())
        for step in range(PORT_COUNT):
            port = PORT_FIRST + (offset + step) % PORT_COUNT
            if port not in taken and is_free(port, host):
                return port
        raise NoFreePort
