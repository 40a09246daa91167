"""Nonces for enrolments: proof that a signature was made for us within the last two minutes.

Used by the routes of islands. Nothing is kept: a nonce carries its time and a keyed hash of itself, and every
coordinator derives the key from credentials they all have, so each accepts what another one gave. Within its life a
nonce may be used again. That wins nobody anything: the answer it leads to is worth nothing without the island's seed.
"""

import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from adapters.nats.accounts.jwt import decode64, encode64

LIFE_S: Final = 120
FUTURE_MS_MAX: Final = 10_000  # Another coordinator's clock may be a little ahead.
RANDOM_BYTES: Final = 12
MAC_BYTES: Final = 16
TIME: Final = struct.Struct(">Q")


def nonce_secret(credentials: Path) -> bytes:
    """The key for nonces, from a credentials file that every coordinator of the network has. Raises `OSError`."""
    return hmac.digest(credentials.read_bytes(), b"enrolment nonces", "sha256")


class Nonces:
    """`secret` is that of `nonce_secret`."""

    def __init__(self, secret: bytes, now_ms: Callable[[], int]) -> None:
        self._secret = secret
        self._now_ms = now_ms

    def new(self) -> str:
        """48 characters of URL-safe base64. They are what gets signed, not what they stand for."""
        drawn = TIME.pack(self._now_ms()) + secrets.token_bytes(RANDOM_BYTES)
        return encode64(drawn + self._mac(drawn))

    def is_fresh(self, nonce: str) -> bool:
        """Whether a coordinator of this network gave it less than `LIFE_S` ago. False for any other text."""
        try:
            raw = decode64(nonce)
        except ValueError:
            return False
        drawn, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if len(drawn) != TIME.size + RANDOM_BYTES or not hmac.compare_digest(mac, self._mac(drawn)):
            return False
        given_at_ms: int = TIME.unpack_from(drawn)[0]
        return -FUTURE_MS_MAX <= self._now_ms() - given_at_ms < LIFE_S * 1000

    def _mac(self, drawn: bytes) -> bytes:
        return hmac.digest(self._secret, drawn, hashlib.sha256)[:MAC_BYTES]
