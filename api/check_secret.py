"""The secret by which placing draws the results that are checked.

Used by `api.coordinator`. Every coordinator of a network derives it from credentials they all have, so each would draw
the same. Whoever knew it could foretell which of his results will be compared with another's.
"""

import hmac
from pathlib import Path


def check_secret(credentials: Path) -> bytes:
    """32 bytes, from a credentials file that every coordinator of the network has. Raises `OSError`."""
    return hmac.digest(credentials.read_bytes(), b"drawing of checks", "sha256")
