"""The API key of whoever runs the network on this machine: made once for a data directory, closed to everybody else.

Used by `archipelago up` and `demo`, which hand it to the coordinator; the coordinator opens the local account for it.
"""

import secrets
import string
from pathlib import Path
from typing import Final

from adapters.embedded.data_directory import DataDirectory

FILE: Final = "local-account.key"
CHARACTERS: Final = 40
"""8 that name the key and 32 that are its secret."""
ALPHABET: Final = string.digits + string.ascii_letters


def local_key(directory: DataDirectory) -> tuple[str, Path]:
    """The key and the file that holds it, made when it is first asked for."""
    path = directory.keys / FILE
    if not path.exists():
        # Written beside and renamed: an interrupted start leaves no half key behind.
        draft = path.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_text("ak_" + "".join(secrets.choice(ALPHABET) for _ in range(CHARACTERS)))
        draft.replace(path)
    return path.read_text(), path
