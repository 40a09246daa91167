"""How a sealed text looks, and what stands in its place for those who cannot read it.

`~p1.<subject>.<base64url>` is a personal text, `~s1.<base64url>` a secret. Both are made and opened by
`adapters.field_cipher`; whoever has no keys shows `shown(text)`.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

ENCRYPTED: Final = "[encrypted]"
"""Stands for a text whose key is not at hand."""
ERASED: Final = "[erased]"
"""Stands for a text whose key is gone for good."""
SEALED: Final = re.compile(r"~p1\.([A-Za-z0-9_-]{1,128})\.([A-Za-z0-9_-]+)|~s1\.([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class Sealed:
    """`subject` is None for a secret."""

    subject: str | None
    ciphertext: bytes


def parse(text: str) -> Sealed | None:
    """None where the text is not sealed."""
    if not text.startswith("~") or (found := SEALED.fullmatch(text)) is None:
        return None
    subject, personal, secret = found.groups()
    try:
        return Sealed(subject, from_base64(personal or secret))
    except binascii.Error:
        return None


def personal_text(subject: str, ciphertext: bytes) -> str:
    return f"~p1.{subject}.{to_base64(ciphertext)}"


def secret_text(ciphertext: bytes) -> str:
    return f"~s1.{to_base64(ciphertext)}"


def shown(text: str) -> str:
    """The text as it may be shown by whoever has no keys."""
    return text if parse(text) is None else ENCRYPTED


def to_base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def from_base64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
