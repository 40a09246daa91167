"""A commit as the log keeps it: bytes and headers, before anything is decoded.

Copied by the archive, hashed by the Merkle tree, read by the offline audit. Two copies that agree here agree in
everything that can ever be read from them, with keys or without.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RawCommit:
    """`subject` is `evt.<category>.<id>`; `headers` are those that the writer sent, `body` what it sent.

    `recorded_at_ms` is the server's time, Unix milliseconds.
    """

    position: int
    subject: str
    headers: Mapping[str, str]
    body: bytes
    recorded_at_ms: int


def leaf_bytes(raw: RawCommit) -> bytes:
    """What the Merkle tree hashes of a commit: every part of it, the body by its SHA-256, as JSON in one fixed form.

    Keys in order, no spaces, ASCII only. With the body's digest alone a proof can be given without showing the body.
    """
    parts = {
        "body_sha256": hashlib.sha256(raw.body).hexdigest(),
        "headers": dict(raw.headers),
        "position": raw.position,
        "recorded_at_ms": raw.recorded_at_ms,
        "subject": raw.subject,
    }
    return json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()
