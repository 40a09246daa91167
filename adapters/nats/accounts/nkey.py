"""NATS keys: ed25519 pairs with a kind, written as text. `O...` operators, `A...` accounts, `U...` users.

Used wherever something is signed or checked: documents, connections, enrolments, claims. Seeds (`S...`) are secrets and
stay where they were made; public keys are names. Encoding and signing are the `nkeys` library's.
"""

import hmac
import secrets
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

import nacl.exceptions
import nacl.signing
import nkeys  # type: ignore[import-untyped]  # the library ships no types

SEED_BYTES: Final = 32
PUBLIC_KEY_CHARACTERS: Final = 56
CHECKSUM_BYTES: Final = 2


class Kind(IntEnum):
    OPERATOR = nkeys.PREFIX_BYTE_OPERATOR
    ACCOUNT = nkeys.PREFIX_BYTE_ACCOUNT
    USER = nkeys.PREFIX_BYTE_USER


class BadKey(ValueError):
    """The text is no key, or one of another kind."""


@dataclass(frozen=True, slots=True)
class NKey:
    """A key pair. `public` names it; `seed` is the secret, as text."""

    seed: str
    public: str
    signer: nacl.signing.SigningKey

    @classmethod
    def new(cls, kind: Kind) -> Self:
        return cls._of(kind, secrets.token_bytes(SEED_BYTES))

    @classmethod
    def derived(cls, kind: Kind, master: bytes, label: str) -> Self:
        """The same pair for the same master secret and label, for ever; no label tells anything of another."""
        return cls._of(kind, hmac.digest(master, label.encode(), "sha256"))

    @classmethod
    def from_seed(cls, seed: str, kind: Kind) -> Self:
        """Raises `BadKey`."""
        try:
            prefix, raw = nkeys.decode_seed(bytearray(seed.strip().encode()))
        except (nkeys.NkeysError, ValueError) as fault:
            raise BadKey("not a seed") from fault
        if prefix != kind:
            raise BadKey(f"not the seed of {kind.name.lower()}")
        pair = cls._of(kind, bytes(raw))
        if pair.seed != seed.strip():  # The library does not look at the check sum.
            raise BadKey("a seed with a wrong check sum")
        return pair

    @classmethod
    def _of(cls, kind: Kind, raw: bytes) -> Self:
        seed = bytes(nkeys.encode_seed(raw, kind))
        signer = nacl.signing.SigningKey(raw)
        return cls(seed.decode(), _public_text(kind, bytes(signer.verify_key)), signer)

    def sign(self, data: bytes) -> bytes:
        return self.signer.sign(data).signature

    def __repr__(self) -> str:
        return f"NKey({self.public})"


def verify(public: str, data: bytes, signature: bytes) -> bool:
    """Whether the holder of `public`, a key of any kind, has signed `data`. False for every malformed argument."""
    try:
        nacl.signing.VerifyKey(_raw(public)[1:]).verify(data, signature)
    except (nacl.exceptions.CryptoError, ValueError):
        return False
    return True


def is_public_key(text: str, kind: Kind) -> bool:
    try:
        return _raw(text)[0] == kind
    except ValueError:
        return False


def _public_text(kind: Kind, raw: bytes) -> str:
    body = bytes([kind]) + raw
    checksum: bytes = nkeys.crc16_checksum(body)
    encoded: bytes = nkeys.base64.b32encode(body + checksum)
    return encoded.decode().rstrip("=")


def _raw(public: str) -> bytes:
    """Kind byte and key. Raises ValueError."""
    if len(public) != PUBLIC_KEY_CHARACTERS:
        raise BadKey("a public key has 56 characters")
    content: bytes = nkeys.base64.b32decode(public)
    body, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    if nkeys.crc16_checksum(body) != checksum:
        raise BadKey("the check sum is wrong")
    return body
