"""The text of an API key: `ak_`, 8 characters that name the key, 32 random ones. Made here, shown once, never stored.

Called by the route that issues keys and by whoever opens the first account. 32 characters of 62 are 190 bits.
"""

import hashlib
import re
import secrets
import string
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "ak_"
ID_CHARACTERS: Final = 8
SECRET_CHARACTERS: Final = 32
ALPHABET: Final = string.digits + string.ascii_letters
PATTERN: Final = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{ID_CHARACTERS + SECRET_CHARACTERS}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyText:
    """`prefix` may be shown for ever; `text` only once."""

    key_id: str
    text: str

    @property
    def prefix(self) -> str:
        return f"{PREFIX}{self.key_id}"

    @property
    def sha256(self) -> str:
        return sha256_of(self.text)


def new_api_key(key_id: str | None = None) -> ApiKeyText:
    """A fresh key, under an id of its own or under the given one."""
    key_id = key_id or drawn(ID_CHARACTERS)
    return ApiKeyText(key_id=key_id, text=f"{PREFIX}{key_id}{drawn(SECRET_CHARACTERS)}")


def drawn(characters: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(characters))


def key_id_for(account_id: str, idempotency_key: str) -> str:
    """The one key id that an Idempotency-Key can ever make in this account."""
    number = int.from_bytes(hashlib.sha256(f"{account_id}\0{idempotency_key}".encode()).digest())
    digits = []
    for _ in range(ID_CHARACTERS):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(digits)


def is_api_key(text: str) -> bool:
    """Whether `text` has the form of a key, so that anything else is refused without a look-up."""
    return PATTERN.fullmatch(text) is not None


def sha256_of(text: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(text.encode()).hexdigest()
