"""Signatures over whole files, by keys that are no NATS keys: releases of the island program.

Used by the coordinator before a release is taken.
"""

from collections.abc import Iterable

import nacl.exceptions
import nacl.signing


def is_signed(content: bytes, signature: str, public_keys: Iterable[str]) -> bool:
    """Whether one of these Ed25519 keys signed exactly these bytes. Keys and signature are hex."""
    return any(verifies(content, signature, key) for key in public_keys)


def verifies(content: bytes, signature: str, public_key: str) -> bool:
    try:
        nacl.signing.VerifyKey(bytes.fromhex(public_key)).verify(content, bytes.fromhex(signature))
    except (nacl.exceptions.CryptoError, ValueError):
        return False
    return True
