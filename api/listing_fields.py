"""Fields of a marketplace listing, with their rules. Whoever publishes writes them and anybody reads them.

Shared by the manifest and the submission. Addresses are shown and never fetched here.
"""

from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

TAGLINE_CHARACTERS_MAX: Final = 160
README_CHARACTERS_MAX: Final = 20_000
URL_CHARACTERS_MAX: Final = 500
TAGS_MAX: Final = 10
SCREENSHOTS_MAX: Final = 8

LINE: Final = r"^[^\x00-\x1f\x7f-\x9f]*$"
PROSE: Final = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"
"""Lines and tabs, but no other control character."""
HTTPS: Final = r"^(https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?)?$"
"""An address without user and password, or nothing."""


def is_plain_address(url: str) -> str:
    """Raises ValueError for what would leave an HTML attribute or a Markdown link."""
    if set(url) & set("\"'<>`\\()"):
        raise ValueError("quotes, brackets and backslashes must be percent-encoded")
    return url


Tagline = Annotated[
    str, StringConstraints(max_length=TAGLINE_CHARACTERS_MAX, pattern=LINE, strip_whitespace=True)
]
Readme = Annotated[str, StringConstraints(max_length=README_CHARACTERS_MAX, pattern=PROSE)]
Tag = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
Tags = Annotated[list[Tag], Field(max_length=TAGS_MAX)]
HttpsUrl = Annotated[
    str, StringConstraints(max_length=URL_CHARACTERS_MAX, pattern=HTTPS), AfterValidator(is_plain_address)
]
