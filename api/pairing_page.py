"""The page on which an owner types in the code an island shows, and where it stands."""

from typing import Final

from starlette.responses import Response

from api.html_page import html_page
from api.settings import Settings

PATH: Final = "/pair"


def pair_url(settings: Settings) -> str:
    """Where a person goes to pair an island."""
    return f"{settings.public_url}{PATH}"


def pairing_page() -> Response:
    """The page, kept by nobody: the code may stand in its address."""
    return html_page("pair.html")
