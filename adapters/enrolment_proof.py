"""What an island signs to enrol or to renew its document: proof that it holds a key, fresh for one question.

Made by the island, checked by the API. The signed text begins with its purpose, so a signature made for one purpose
proves nothing for another; it holds the coordinator's nonce, so an old one proves nothing now.
"""

from enum import StrEnum

from adapters.nats.accounts.jwt import decode64, encode64
from adapters.nats.accounts.nkey import NKey, verify


class Purpose(StrEnum):
    """What the signature is for. The words are part of what is signed."""

    ENROL = "enrol"  # Signed by the account key and by the user key.
    RENEW = "renew"  # Signed by the user key.


def prove(key: NKey, purpose: Purpose, *, nonce: str, account_key: str, user_key: str) -> str:
    """The signature as text: URL-safe base64 without padding. The keys are public ones."""
    return encode64(key.sign(_signed(purpose, nonce, account_key, user_key)))


def is_proven(
    signer: str, signature: str, purpose: Purpose, *, nonce: str, account_key: str, user_key: str
) -> bool:
    """Whether the holder of the public key `signer` made this signature. False for every malformed argument."""
    try:
        raw = decode64(signature)
    except ValueError:
        return False
    return verify(signer, _signed(purpose, nonce, account_key, user_key), raw)


def _signed(purpose: Purpose, nonce: str, account_key: str, user_key: str) -> bytes:
    return b"\0".join(part.encode() for part in (purpose, nonce, account_key, user_key))
