"""E-mail addresses: what counts as one, and the index under which the network finds it again.

Used by the API's routes and the desk that sends links. The index is a keyed hash: without the secret of the key folder
nobody can tell from the log who signs in here, and nobody can try addresses against it.
"""

import hmac
import re
from typing import Final

CHARACTERS_MAX: Final = 254
INDEX_CHARACTERS: Final = 32
# No space, quote, bracket or comma: nothing that could start a second address or a second header in a mail.
PATTERN: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)


def email_address(text: str) -> str:
    """The address in one spelling: no space around it, small letters. Raises `ValueError` with the rule."""
    address = text.strip().lower()
    if len(address) > CHARACTERS_MAX or not PATTERN.fullmatch(address):
        raise ValueError("must be one e-mail address, as name@example.org")
    return address


class EmailIndex:
    """`secret` is one that every coordinator of the network has and nobody else."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, address: str) -> str:
        """32 hexadecimal digits, always the same for one address of `email_address`."""
        return hmac.digest(self._secret, address.encode(), "sha256").hex()[:INDEX_CHARACTERS]
