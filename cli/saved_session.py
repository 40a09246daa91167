"""The session of whoever signed in from this machine, one for each coordinator, readable by its owner alone.

Written by `archipelago sign-in`, used by every command that is given no key for that coordinator.
"""

import hashlib
import os
from pathlib import Path

import platformdirs


class SavedSession:
    """A session is only for the coordinator that opened it: it is never sent to another address."""

    def __init__(self, url: str, folder: Path | None = None) -> None:
        """Touches nothing yet."""
        root = folder or Path(platformdirs.user_state_dir("archipelago", appauthor=False))
        # Hashed: an address is whatever the user typed, and must not lead out of the folder.
        self._path = root / "sessions" / hashlib.sha256(url.encode()).hexdigest()[:32]

    def read(self) -> str:
        """The session's text, empty where there is none."""
        try:
            return self._path.read_text()
        except FileNotFoundError:
            return ""

    def write(self, text: str) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        draft.replace(self._path)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
