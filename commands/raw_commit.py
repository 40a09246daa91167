"""A commit as the log keeps it: bytes and headers, before anything is decoded.

Copied by the archive, hashed by the Merkle tree, read by the offline audit. Two copies that agree here agree in
everything that can ever be read from them, with keys or without.
"""

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
