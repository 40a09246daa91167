"""The data directory as commands use it: locked under the command's name, or made for one run and removed.

Used by `archipelago up` and `archipelago demo`.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from adapters import clock
from adapters.embedded.data_directory import DataDirectory, DirectoryInUse, DirectoryLock, DirectoryUnusable
from adapters.embedded.ports import NoFreePort
from adapters.embedded.postgres_home import remove_home
from adapters.embedded.server import ServerFailed
from adapters.nats.accounts.key_folder import KeysUnusable
from adapters.nats.replies import Refused, Unanswered
from cli.failure import CommandFailed


@contextmanager
def locked(directory: DataDirectory, command: str) -> Iterator[DirectoryLock]:
    """Holds the directory while the block runs. Raises DirectoryInUse."""
    started_at = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    with directory.lock(command=command, started_at=started_at) as lock:
        yield lock


@contextmanager
def temporary_directory() -> Iterator[DataDirectory]:
    """A directory that is gone afterwards, with everything in it. Its servers must be stopped inside."""
    root = Path(tempfile.mkdtemp(prefix="archipelago-"))
    try:
        yield DataDirectory.open(root)
    finally:
        remove_home(DataDirectory(root))
        shutil.rmtree(root)


@contextmanager
def failures_in_words() -> Iterator[None]:
    """What the directory and its servers refuse, as the command's own failure."""
    try:
        yield
    except (DirectoryInUse, DirectoryUnusable) as error:
        raise CommandFailed(f"--data-dir: {error}") from error
    except KeysUnusable as error:
        raise CommandFailed(f"keys: {error}") from error
    except (ServerFailed, NoFreePort, Refused, Unanswered) as error:
        raise CommandFailed(f"server: {error}") from error
