"""The documents a NATS server believes: JWTs of version 2, signed with NATS keys.

Minted by the registrar, the door and whoever deploys; read by the door and by tests. General JWT libraries do not know
the algorithm `ed25519-nkey`. The same arguments always make the same text, so that minting again is no change.
Format: the decorated claims of github.com/nats-io/jwt, version 2.
"""

import base64
import hashlib
import json
from typing import Any, Final

from adapters.nats.accounts.nkey import NKey, verify

Claims = dict[str, Any]

UNLIMITED: Final = -1
VERSION: Final = 2


class BadDocument(ValueError):
    """Not a document, or its signature is wrong."""


def mint(
    issuer: NKey,
    subject: str,
    kind: str,
    nats: Claims,
    *,
    issued_at_s: int,
    expires_at_s: int = 0,
    name: str = "",
    audience: str = "",
) -> str:
    """`kind`: operator, account, user, activation, authorization_response or generic. An expiry of 0 is none."""
    claims: Claims = {"iat": issued_at_s, "iss": issuer.public, "sub": subject}
    optional = (("name", name), ("aud", audience), ("exp", expires_at_s))
    claims |= {key: value for key, value in optional if value}
    claims["nats"] = {**nats, "type": kind, "version": VERSION}
    claims["jti"] = base64.b32encode(hashlib.sha256(_json(claims)).digest()).decode().rstrip("=")
    signed = f"{HEADER}.{encode64(_json(claims))}"
    return f"{signed}.{encode64(issuer.sign(signed.encode()))}"


def read(document: str) -> Claims:
    """The claims of a document that its issuer has signed. Who that is, the caller judges. Raises `BadDocument`."""
    try:
        header, payload, signature = document.split(".")
        claims: Claims = json.loads(decode64(payload))
        is_signed = verify(str(claims["iss"]), f"{header}.{payload}".encode(), decode64(signature))
    except (ValueError, KeyError, TypeError) as fault:
        raise BadDocument("not a document") from fault
    if not is_signed:
        raise BadDocument("its signature is wrong")
    return claims


def encode64(raw: bytes) -> str:
    """URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode64(text: str) -> bytes:
    """Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _json(value: Claims) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


HEADER: Final = encode64(b'{"typ":"JWT","alg":"ed25519-nkey"}')
