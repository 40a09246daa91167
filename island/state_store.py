"""The state directory of one island: who it is, and what it has not finished saying.

Used by the composition root and by the attempts. One process at a time. Identity and credentials are synced to the
disk, because nobody can make them again. The record of an attempt is not: it survives the death of the process, which
is what it is for, and after a power cut the lease's end gives the job to somebody else.
"""

import fcntl
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

from adapters.wire import JobStatus
from domain.claim import ClaimRejected
from island.attempt_key import AttemptKey

RECORDS_MAX: Final = 1000
"""More than any island has slots; of more than that, the oldest are given up."""
RECORD_SUFFIX: Final = ".json"

log = logging.getLogger(__name__)


class StateDirectoryUnusable(Exception):
    """Another island works on this directory, or it cannot be written; the text says which."""


class AttemptRecord(msgspec.Struct, kw_only=True, frozen=True):
    """`receipt` is that of the job message, which may not be acknowledged yet.

    `final` is the last claim of the attempt, once there is one and until it is stored.
    """

    wire_id: str
    receipt: str
    final: JobStatus | None = None

    @property
    def key(self) -> AttemptKey:
        return AttemptKey.parse(self.wire_id)


class StateStore:
    def __init__(self, folder: Path, lock: int) -> None:
        self._folder = folder
        self._attempts = folder / "attempts"
        self._attempts.mkdir(exist_ok=True)
        self._lock = lock

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Made where it is missing. Raises `StateDirectoryUnusable`."""
        try:
            return cls(folder, _locked(folder))
        except OSError as fault:
            raise StateDirectoryUnusable(f"state_dir: {fault}") from fault

    def close(self) -> None:
        os.close(self._lock)

    def folder(self, name: str) -> Path:
        """A folder inside for somebody else's files."""
        inside = self._folder / name
        inside.mkdir(exist_ok=True)
        return inside

    def path(self, name: str) -> Path:
        """Where `write` writes, for libraries that want a file."""
        return self._folder / name

    def read(self, name: str) -> bytes | None:
        """A file that `write` wrote, or None."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Readable by the owner alone; afterwards whole on the disk, or as it was before."""
        new = self._folder / f".{name}.new"
        with open(new, "wb", opener=_private) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path(name))
        directory = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def remove(self, name: str) -> None:
        """A file that `write` wrote; harmless where it is not there."""
        self.path(name).unlink(missing_ok=True)

    def keep(self, key: AttemptKey, receipt: str, final: JobStatus | None = None) -> None:
        """From now on a restart knows of the attempt; with `final` it knows how the attempt ended, too."""
        new = self._attempts / f".{key.wire_id}.new"
        record = AttemptRecord(wire_id=key.wire_id, receipt=receipt, final=final)
        new.write_bytes(msgspec.json.encode(record))
        new.replace(self._record(key))

    def drop(self, key: AttemptKey) -> None:
        """Everything about the attempt has been said, or it is no longer ours to say."""
        self._record(key).unlink(missing_ok=True)

    def unfinished(self) -> Sequence[AttemptRecord]:
        """What an earlier process left, oldest first; without `final` the attempt was running."""
        files = sorted(self._attempts.glob(f"*{RECORD_SUFFIX}"), key=lambda file: file.stat().st_mtime_ns)
        for surplus in files[:-RECORDS_MAX]:
            surplus.unlink()
        return [found for file in files[-RECORDS_MAX:] if (found := _read_record(file)) is not None]

    def _record(self, key: AttemptKey) -> Path:
        return self._attempts / f"{key.wire_id}{RECORD_SUFFIX}"


def _read_record(file: Path) -> AttemptRecord | None:
    try:
        record = msgspec.json.decode(file.read_bytes(), type=AttemptRecord)
        AttemptKey.parse(record.wire_id)
        return record
    except (msgspec.DecodeError, ClaimRejected):
        log.warning("attempt_record_unreadable", extra={"file": file.name})
        file.unlink()
        return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _locked(folder: Path) -> int:
    """The descriptor of the lock file, which holds the number of the process that has it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as busy:
        holder = os.pread(lock, 20, 0).decode(errors="replace")
        os.close(lock)
        raise StateDirectoryUnusable(
            f"state_dir: process {holder} runs the island of {folder}; stop it first, or name another with --state-dir"
        ) from busy
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock
