"""The texts that sign a person in: of a link (`sl_…`, once) and of a session (`as_…`, thirty days). Never stored.

Their fixed beginnings let scanners find a leaked one. A link's text carries the index of its address, so that one
aggregate decides on it without a look-up; the rest of it, like all of a session's, is random.
"""

import re
from dataclasses import dataclass
from typing import Final

from adapters.email_address import INDEX_CHARACTERS
from api.api_key_text import drawn, sha256_of

LINK_PREFIX: Final = "sl_"
SESSION_PREFIX: Final = "as_"
ID_CHARACTERS: Final = 12
SECRET_CHARACTERS: Final = 32
LINK: Final = re.compile(rf"{LINK_PREFIX}([0-9a-f]{{{INDEX_CHARACTERS}}})[0-9A-Za-z]{{{SECRET_CHARACTERS}}}")
SESSION: Final = re.compile(rf"{SESSION_PREFIX}[0-9A-Za-z]{{{ID_CHARACTERS + SECRET_CHARACTERS}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionText:
    session_id: str
    text: str

    @property
    def sha256(self) -> str:
        return sha256_of(self.text)


def new_session_text() -> SessionText:
    session_id = drawn(ID_CHARACTERS)
    return SessionText(session_id=session_id, text=f"{SESSION_PREFIX}{session_id}{drawn(SECRET_CHARACTERS)}")


def is_session_text(text: str) -> bool:
    return SESSION.fullmatch(text) is not None


def new_link_text(email_index: str) -> str:
    return f"{LINK_PREFIX}{email_index}{drawn(SECRET_CHARACTERS)}"


def email_index_in(link_text: str) -> str | None:
    """The index of the address a link was sent to, or None where this is no link's text."""
    found = LINK.fullmatch(link_text)
    return found[1] if found else None
