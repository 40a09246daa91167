"""Where the keys are that a command works on: a folder of their own, or those of the network on this machine.

Used by `archipelago keys` and `archipelago deploy`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli.failure import CommandFailed

KeysDir = Annotated[
    Path | None,
    typer.Option(
        "--dir", help="Folder of all keys, for servers that you run yourself. Wins over --data-dir."
    ),
]


def keys_root(keys_dir: Path | None, data_dir: Path | None) -> Path:
    """The folder that holds operator/, registrar/, door/ and coordinator/. Touches nothing."""
    from adapters.embedded.data_directory import DataDirectory, default_root

    return keys_dir or DataDirectory(data_dir or default_root()).fabric


@contextmanager
def keys_to_change(keys_dir: Path | None, data_dir: Path | None, command: str) -> Iterator[Path]:
    """The same folder, held while it is changed. Raises CommandFailed, also where the network runs on it."""
    from adapters.embedded.data_directory import DataDirectory, DirectoryInUse
    from cli.local_directory import failures_in_words, locked

    with keys_failures(), failures_in_words():
        if keys_dir is not None:
            yield keys_dir
            return
        try:
            with locked(DataDirectory.open(data_dir), command):
                yield keys_root(None, data_dir)
        except DirectoryInUse as running:
            raise CommandFailed(
                f"--data-dir: {running}", next_step="stop `archipelago up`, then type this command again"
            ) from running


@contextmanager
def keys_failures() -> Iterator[None]:
    """What the keys refuse, as the command's own failure."""
    from adapters.nats.accounts.key_folder import KeysUnusable
    from adapters.nats.accounts.rotation import RotationRefused

    try:
        yield
    except (KeysUnusable, RotationRefused) as refused:
        raise CommandFailed(f"keys: {refused}") from refused
