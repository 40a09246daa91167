"""How far somebody has read a job's output, kept on disk so that `archipelago job follow` goes on at the exact line.

One small file a job in the user's state directory; the oldest are removed beyond BOOKMARKS_MAX. A bookmark exists only
between an interruption and the end of the output.
"""

import hashlib
from pathlib import Path
from typing import Final

import platformdirs

BOOKMARKS_MAX: Final = 500


class Bookmark:
    """The place in one job's output. What it holds is opaque: the id of the last event that was shown."""

    def __init__(self, url: str, job_id: str, folder: Path | None = None) -> None:
        """Bookmarks of different coordinators are apart. Touches nothing yet."""
        root = folder or Path(platformdirs.user_state_dir("archipelago", appauthor=False))
        self._folder = root / "bookmarks"
        # Hashed: a job id is whatever the user typed, and must not lead out of the folder.
        self._path = self._folder / hashlib.sha256(f"{url}\0{job_id}".encode()).hexdigest()[:32]

    def read(self) -> str:
        """Empty where there is none."""
        try:
            return self._path.read_text()
        except FileNotFoundError:
            return ""

    def write(self, place: str) -> None:
        if not self._path.exists():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._drop_oldest()
        draft = self._path.with_suffix(".draft")
        draft.write_text(place)
        draft.replace(self._path)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

    def _drop_oldest(self) -> None:
        kept = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in kept[: max(0, len(kept) - BOOKMARKS_MAX + 1)]:
            path.unlink(missing_ok=True)
