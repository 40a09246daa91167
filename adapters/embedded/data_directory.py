"""The one folder that holds everything an embedded Archipelago keeps on a machine.

Used by the composition roots (`archipelago up`, `demo`, the client commands that look for a running network) and by
the servers of this package. It promises that nobody else reads what is in it, that only one process at a time runs
servers on it, and that a process that died, however it died, does not keep the next one out.

    nats/      the event log's server: configuration and store; below accounts/ the islands' accounts
    postgres   the database; a folder, or a link where the database's user cannot come this way (`postgres_home.py`)
    keys/      one secret a file, each readable by the owner only; below fabric/ those of NATS, a folder a program
    island/    the state of the island that `archipelago up` starts
    logs/      what the servers said
    run/       who holds the directory, and the ports to use again
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import platformdirs

SECRET_BYTES: Final = 32
HOLDER_BYTES_MAX: Final = 4096
OTHER_DIRECTORY: Final = "Choose one that you may write with --data-dir, or start as its owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who runs on a data directory. `started_at` is ISO 8601; `url` is empty until the API listens."""

    pid: int
    command: str
    started_at: str
    url: str = ""


class DirectoryInUse(Exception):
    """Another living process holds the data directory. `holder` is None where it has not written its name yet."""

    def __init__(self, root: Path, holder: Holder | None) -> None:
        """The message says who holds it, and the ways out."""
        self.holder = holder
        who = (
            f"process {holder.pid} ({holder.command}) since {holder.started_at}"
            if holder
            else "another process"
        )
        at = f", serving {holder.url}" if holder and holder.url else ""
        stop = f"stop it with `kill {holder.pid}`" if holder else "stop it"
        super().__init__(
            f"The data directory {root} is in use by {who}{at}. "
            f"Use the one that runs, {stop}, or choose another directory with --data-dir."
        )


class DirectoryUnusable(Exception):
    """The data directory cannot be made, entered or written, or what it holds is not what we can read."""

    def __init__(self, root: Path, reason: str, *, next_step: str = OTHER_DIRECTORY) -> None:
        """`reason` is the operating system's own sentence, or ours."""
        super().__init__(f"The data directory {root} cannot be used: {reason}. {next_step}.")


def default_root() -> Path:
    """The user's own data directory, where none is named."""
    return Path(platformdirs.user_data_dir("archipelago", appauthor=False))


class DataDirectory:
    """The folders, the secrets and the lock of one data directory."""

    def __init__(self, root: Path) -> None:
        """Touches nothing yet: `open` makes the folders."""
        self.root = root.resolve()
        self.nats = self.root / "nats"
        self.accounts = self.nats / "accounts"
        self.postgres = self.root / "postgres"
        self.keys = self.root / "keys"
        self.fabric = self.keys / "fabric"
        self.island = self.root / "island"
        self.logs = self.root / "logs"
        self.run = self.root / "run"
        self._locked = False

    @classmethod
    def open(cls, root: Path | None = None) -> Self:
        """The directory with its folders, made where they are missing; by default the user's own for Archipelago.

        Raises DirectoryUnusable.
        """
        directory = cls(root or default_root())
        try:
            directory.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory._check_ours()
            directory._close()
            for folder in (directory.run, directory.keys, directory.nats, directory.island, directory.logs):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise DirectoryUnusable(directory.root, error.strerror or str(error)) from error
        return directory

    def _check_ours(self) -> None:
        """Refuse what a slip of the hand would ruin: a stranger's folder, or one with other things in it."""
        owner = self.root.stat().st_uid
        if owner != os.geteuid():
            raise DirectoryUnusable(self.root, f"it belongs to user id {owner}")
        if not self.run.exists() and any(self.root.iterdir()):
            raise DirectoryUnusable(self.root, "it holds files that are not Archipelago's")

    def _close(self) -> None:
        # It may have been made by hand with the usual mode. Being passed through (0711) is left as it is: the
        # database of a network that root started needs it (`postgres_home.py`), perhaps at this moment.
        if self.root.stat().st_mode & 0o066:
            self.root.chmod(0o700)

    @property
    def locked(self) -> bool:
        """Whether this object holds the lock."""
        return self._locked

    def secret(self, name: str) -> str:
        """The secret of that name, safe inside a URL: 256 random bits, made when it is first asked for."""
        path = self.keys / f"{name}.secret"
        if not path.exists():
            # Written beside and renamed: an interrupted start leaves no empty secret behind.
            draft = path.with_suffix(".draft")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(SECRET_BYTES))
            draft.replace(path)
        return path.read_text()

    def holder(self) -> Holder | None:
        """The process that runs on this directory now; None where nobody does or it has not said yet."""
        try:
            descriptor = os.open(self._lock_path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read_holder(descriptor)
        finally:
            os.close(descriptor)
        return None

    @contextmanager
    def lock(self, *, command: str, started_at: datetime) -> Iterator["DirectoryLock"]:
        """Hold the directory alone while the block runs. Raises DirectoryInUse.

        The operating system lets go of the lock when its holder ends, so a killed holder keeps nobody out.
        """
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DirectoryInUse(self.root, _read_holder(descriptor)) from None
            lock = DirectoryLock(descriptor, command=command, started_at=started_at)
            lock.announce("")
            self._locked = True
            yield lock
        finally:
            self._locked = False
            os.close(descriptor)

    @property
    def _lock_path(self) -> Path:
        return self.run / "lock"


class DirectoryLock:
    """The lock as its holder sees it."""

    def __init__(self, descriptor: int, *, command: str, started_at: datetime) -> None:
        """Made by `DataDirectory.lock` only."""
        self._descriptor = descriptor
        self._command = command
        self._started_at = started_at.isoformat(timespec="seconds")

    def announce(self, url: str) -> None:
        """Say where the API listens, for those who find the directory taken and for the client commands."""
        holder = Holder(pid=os.getpid(), command=self._command, started_at=self._started_at, url=url)
        text = json.dumps(asdict(holder)).encode()
        assert len(text) <= HOLDER_BYTES_MAX
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)


def _read_holder(descriptor: int) -> Holder | None:
    text = os.pread(descriptor, HOLDER_BYTES_MAX, 0)
    try:
        return Holder(**json.loads(text))
    except (ValueError, TypeError):
        # The holder has the lock and is about to write its name.
        return None
