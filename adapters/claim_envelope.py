"""The envelope of a claim: two headers that prove which island made it and that nobody has changed it.

Sealed by islands, opened by the claim mailboxes. `Claim` is base64url of canonical JSON that names the claim and holds
the SHA-256 of the body; `Claim-Signature` is the island's user key over a prefix and that JSON. The prefix keeps a
signed connection nonce from ever passing for a claim. Format: page `protocol.md` 3.0 of the design.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from adapters.nats.accounts.nkey import NKey, verify
from domain.claim import ClaimRejected, ClaimRejection

CLAIM: Final = "Claim"
SIGNATURE: Final = "Claim-Signature"
VERSION: Final = 1
SIGNED_PREFIX: Final = b"claim\0"
HEADER_CHARACTERS_MAX: Final = 1024
BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
CLAIM_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
NUMBER_MAX: Final = 1 << 53


class Envelope(msgspec.Struct, kw_only=True, frozen=True):
    """What an island signs. Field names are the wire's.

    `id` is unique to the claim, `isl` the island, `kind` the last word of the subject (`register` for registrations),
    `job` the wire id, `n` a number that rises per island and kind, `ts` Unix milliseconds of the island's clock and
    `sha` the body's SHA-256 in hexadecimal. Claims about no attempt have an empty `job` and attempt 0.
    """

    v: int
    id: str
    isl: str
    kind: str
    job: str
    attempt: int
    n: int
    ts: int
    sha: str


ENCODER: Final = msgspec.json.Encoder(order="sorted")
DECODER: Final = msgspec.json.Decoder(Envelope)


def seal(
    user: NKey,
    *,
    island_id: str,
    kind: str,
    job: str,
    attempt: int,
    n: int,
    claim_id: str,
    at_ms: int,
    body: bytes,
) -> dict[str, str]:
    """The two headers that go with `body`."""
    envelope = Envelope(
        v=VERSION,
        id=claim_id,
        isl=island_id,
        kind=kind,
        job=job,
        attempt=attempt,
        n=n,
        ts=at_ms,
        sha=hashlib.sha256(body).hexdigest(),
    )
    text = ENCODER.encode(envelope)
    return {CLAIM: _encoded(text), SIGNATURE: _encoded(user.sign(SIGNED_PREFIX + text))}


def is_sealed(headers: Mapping[str, str]) -> bool:
    """Whether there is anything of an envelope, right or wrong."""
    return CLAIM in headers or SIGNATURE in headers


def opened(headers: Mapping[str, str], *, island_id: str, kind: str, body: bytes, user_key: str) -> Envelope:
    """What `user_key` has signed about `body`.

    Raises `ClaimRejected`: `bad_signature` where the envelope is missing, unreadable or wrong, `id_mismatch` where it
    was made for another island or another kind of claim than the subject says.
    """
    text, signature = _decoded(headers, CLAIM), _decoded(headers, SIGNATURE)
    if not verify(user_key, SIGNED_PREFIX + text, signature):
        raise _wrong(f"{SIGNATURE}: the island's user key has not signed this")
    try:
        envelope = DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise _wrong(f"{CLAIM}: must be a JSON object of the fields of the envelope") from fault
    if envelope.v != VERSION:
        raise _wrong(f"{CLAIM}: v must be {VERSION}")
    if not CLAIM_ID.fullmatch(envelope.id) or not 0 <= envelope.n <= NUMBER_MAX:
        raise _wrong(f"{CLAIM}: id must be 1-64 letters, digits, _ or -, and n 0-{NUMBER_MAX}")
    if envelope.sha != hashlib.sha256(body).hexdigest():
        raise _wrong(f"{CLAIM}: sha differs from the body")
    if (envelope.isl, envelope.kind) != (island_id, kind):
        raise ClaimRejected(ClaimRejection.ID_MISMATCH, f"{CLAIM}: isl and kind must be the subject's")
    return envelope


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(headers: Mapping[str, str], name: str) -> bytes:
    text = headers.get(name)
    if text is None:
        raise _wrong(f"{name}: an island that enrolled with a key must sign its claims")
    if len(text) > HEADER_CHARACTERS_MAX or len(text) % 4 == 1 or not BASE64URL.fullmatch(text):
        raise _wrong(f"{name}: must be base64url without padding, at most {HEADER_CHARACTERS_MAX} characters")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _wrong(detail: str) -> ClaimRejected:
    return ClaimRejected(ClaimRejection.BAD_SIGNATURE, detail)
