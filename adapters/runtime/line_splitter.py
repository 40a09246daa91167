"""Cuts a stream of bytes into lines and counts them against a job's limits. No I/O."""

from __future__ import annotations

from adapters.runtime.contract import End


class LineSplitter:
    """`broken` says which limit fell; the bytes from there on are dropped."""

    def __init__(self, *, line_bytes_max: int, output_bytes_max: int) -> None:
        self._line_bytes_max = line_bytes_max
        self._output_bytes_max = output_bytes_max
        self._unfinished = bytearray()
        self.bytes_seen = 0
        self.lines_seen = 0
        self.broken: End | None = None

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, each with its line feed."""
        room = self._output_bytes_max - self.bytes_seen
        within = chunk[:room]
        self.bytes_seen += len(within)
        lines = self._complete(within)
        if self.broken is None and len(chunk) > room:
            self.broken = End.OUTPUT_LIMIT
        self.lines_seen += len(lines)
        return lines

    def rest(self) -> bytes:
        """The unfinished last line, once the stream has ended; empty if there is none."""
        last = bytes(self._unfinished) if self.broken is None else b""
        self._unfinished.clear()
        self.lines_seen += bool(last)
        return last

    def _complete(self, chunk: bytes) -> list[bytes]:
        *ended, tail = chunk.split(b"\n")
        lines: list[bytes] = []
        for part in ended:
            if len(self._unfinished) + len(part) > self._line_bytes_max:
                self.broken = End.LINE_LIMIT
                return lines
            lines.append(bytes(self._unfinished) + part + b"\n" if self._unfinished else part + b"\n")
            self._unfinished.clear()
        self._unfinished += tail
        if len(self._unfinished) > self._line_bytes_max:
            self.broken = End.LINE_LIMIT
        return lines
