"""How thoroughly this network looks at results, and the secret by which it draws them.

Made by `api.coordinator`, used by `api.planners`. Every coordinator of a network derives the same secret from
credentials they all have, so each would draw the same. Whoever knew it could foretell which of his results will be
compared with another's, and when he will be asked what is known.
"""

import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from api.settings import Settings

PERMILLE_OF_PERCENT: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPolicy:
    """`known_answer_permille` of idle time goes into jobs whose answers are known; 0 asks nobody."""

    secret: bytes
    known_answer_permille: int

    @classmethod
    def of(cls, settings: Settings, credentials: Path) -> Self:
        """Raises `OSError` where the credentials cannot be read."""
        return cls(
            secret=hmac.digest(credentials.read_bytes(), b"drawing of checks", "sha256"),
            known_answer_permille=round(settings.known_answer_percent * PERMILLE_OF_PERCENT),
        )
