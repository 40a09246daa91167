"""What an island signs to enrol or to renew its document: proof that it holds a key, fresh for one question.

Made by the island, checked by the API. The signed text begins with its purpose, so a signature made for one purpose
proves nothing for another; it holds the coordinator's nonce, so an old one proves nothing now. Where an API key vouches
for the island it holds that key's hash, so whoever overhears an enrolment cannot vouch for the island with another key.
"""

import hashlib
from enum import StrEnum

from adapters.nats.accounts.jwt import decode64, encode64
from adapters.nats.accounts.nkey import NKey, verify


class Purpose(StrEnum):
    """What the signature is for. The words are part of what is signed."""

    ENROL = "enrol"  # Signed by the account key and by the user key.
    RENEW = "renew"  # Signed by the user key.


def prove(
    key: NKey, purpose: Purpose, *, nonce: str, account_key: str, user_key: str, api_key: str | None = None
) -> str:
    """The signature as text: URL-safe base64 without padding. The keys are public ones, but for the API key."""
    return encode64(key.sign(_signed(purpose, nonce, account_key, user_key, api_key)))


def is_proven(
    signer: str,
    signature: str,
    purpose: Purpose,
    *,
    nonce: str,
    account_key: str,
    user_key: str,
    api_key: str | None = None,
) -> bool:
    """Whether the holder of the public key `signer` made this signature. False for every malformed argument."""
    try:
        raw = decode64(signature)
    except ValueError:
        return False
    return verify(signer, _signed(purpose, nonce, account_key, user_key, api_key), raw)


def _signed(purpose: Purpose, nonce: str, account_key: str, user_key: str, api_key: str | None) -> bytes:
    voucher = () if api_key is None else (hashlib.sha256(api_key.encode()).hexdigest(),)
    return b"\0".join(part.encode() for part in (purpose, nonce, account_key, user_key, *voucher))
