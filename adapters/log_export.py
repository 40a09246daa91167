"""The event log as one file: gzip, JSON lines, a header first and then one line for each raw commit.

Written by `archipelago audit export`; read by whoever proves, refolds or restores without a running network. Nothing
is decoded on the way, so a personal field is as unreadable in the file as it is in the log.
"""

import base64
import binascii
import gzip
import zlib
from collections.abc import AsyncIterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from commands.raw_commit import RawCommit

LINE_BYTES_MAX: Final = 16 << 20
"""Far more than a commit can be: the server takes messages of a few MiB at most."""
GZIP_LEVEL: Final = 6


class ExportDamaged(Exception):
    """The file is no export, is cut short, or misses a commit. The text names the line."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line. Positions `first` to `last` follow, none missing; `exported_at` is RFC 3339.

    `tree_size` and `tree_root` (hex) are those of the newest checkpoint within, where there is one.
    """

    format: Literal["archipelago-log"] = "archipelago-log"
    version: Literal[1] = 1
    first: int
    last: int
    exported_at: str
    tree_size: int | None = None
    tree_root: str | None = None


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """What of a line tells whether somebody wants it."""

    position: int
    subject: str
    recorded_at_ms: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    position: int
    subject: str
    headers: dict[str, str]
    recorded_at_ms: int
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written, and how large the file became."""

    commits: int
    file_bytes: int


HEADER_DECODER: Final = msgspec.json.Decoder(Header)
GLANCE_DECODER: Final = msgspec.json.Decoder(Glance)
LINE_DECODER: Final = msgspec.json.Decoder(Line)
ENCODER: Final = msgspec.json.Encoder()


async def write_export(path: Path, header: Header, batches: AsyncIterable[Sequence[RawCommit]]) -> Written:
    """Writes one file, whole or not at all: it gets its name when its last line is written.

    Equal commits give equal bytes. Raises `ExportDamaged` where the batches are not exactly what the header says, and
    `OSError`.
    """
    unfinished = path.with_name(path.name + ".part")
    position = header.first - 1
    try:
        with unfinished.open("wb") as raw, gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as file:
            file.write(ENCODER.encode(header) + b"\n")
            async for batch in batches:
                for commit in batch:
                    require_next(commit.position, position)
                    position = commit.position
                    file.write(ENCODER.encode(line_of(commit)) + b"\n")
        if position != header.last:
            raise ExportDamaged(f"position {header.last}: the log ended at {position}")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return Written(commits=position - header.first + 1, file_bytes=path.stat().st_size)


def read_header(path: Path) -> Header:
    """The first line of an export. Raises `ExportDamaged` and `OSError`."""
    for line in lines_of(path):
        return header_of(line)
    raise ExportDamaged("line 1: the file is empty")


def read_export(path: Path) -> Iterator[RawCommit]:
    """Every commit of an export, in order and without a gap. Raises `ExportDamaged` and `OSError` on the way."""
    for line in glance_over(path):
        yield line.commit()


def glance_over(path: Path) -> Iterator["Glanced"]:
    """Every line of an export as `read_export`, none read wholly before it is asked for its commit."""
    lines = enumerate(lines_of(path), start=1)
    _, first = next(lines, (0, b""))
    header = header_of(first)
    position = header.first - 1
    for number, line in lines:
        try:
            glance = GLANCE_DECODER.decode(line)
        except msgspec.MsgspecError as fault:
            raise ExportDamaged(f"line {number}: {fault}") from fault
        require_next(glance.position, position)
        position = glance.position
        yield Glanced(number, line, glance)
    if position != header.last:
        raise ExportDamaged(f"position {position + 1}: missing; the header says up to {header.last}")


@dataclass(frozen=True, slots=True)
class Glanced:
    """One line of an export, so far only glanced at."""

    number: int
    line: bytes
    glance: Glance

    def commit(self) -> RawCommit:
        """Raises `ExportDamaged`."""
        try:
            return commit_of(LINE_DECODER.decode(self.line))
        except (msgspec.MsgspecError, binascii.Error) as fault:
            raise ExportDamaged(f"line {self.number}: {fault}") from fault


def lines_of(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as file:
        number = 0
        try:
            while line := file.readline(LINE_BYTES_MAX):
                number += 1
                if not line.endswith(b"\n"):
                    raise ExportDamaged(f"line {number}: has no end")
                yield line
        except (EOFError, gzip.BadGzipFile, zlib.error) as fault:
            raise ExportDamaged(f"line {number + 1}: {fault}") from fault


def header_of(line: bytes) -> Header:
    try:
        return HEADER_DECODER.decode(line)
    except msgspec.MsgspecError as fault:
        raise ExportDamaged(f"line 1: no header of an export: {fault}") from fault


def require_next(position: int, previous: int) -> None:
    if position != previous + 1:
        raise ExportDamaged(f"position {previous + 1}: missing; {position} stands there")


def line_of(commit: RawCommit) -> Line:
    return Line(
        position=commit.position,
        subject=commit.subject,
        headers=dict(commit.headers),
        recorded_at_ms=commit.recorded_at_ms,
        body=base64.b64encode(commit.body).decode(),
    )


def commit_of(line: Line) -> RawCommit:
    return RawCommit(
        position=line.position,
        subject=line.subject,
        headers=line.headers,
        recorded_at_ms=line.recorded_at_ms,
        body=base64.b64decode(line.body, validate=True),
    )
