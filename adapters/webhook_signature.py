"""The signature of a delivery: an HMAC over the moment and the body, so that nobody else can send or repeat one.

Made by `api.webhook_sending`; what a receiver does with it stands in docs/webhooks.md.
"""

import hashlib
import hmac
from typing import Final

SIGNATURE: Final = "Archipelago-Signature"
DELIVERY: Final = "Archipelago-Delivery"


def signature_of(secret: str, body: bytes, *, at_s: int) -> str:
    """`t=<Unix seconds>,v1=<HMAC-SHA256 in hex over t, a full stop and the body>`."""
    signed = f"{at_s}.".encode() + body
    return f"t={at_s},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
