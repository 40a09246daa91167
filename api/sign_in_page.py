"""Where the pages stand on which people sign in and look after their account."""

from typing import Final

from api.settings import Settings

SIGN_IN_PATH: Final = "/sign-in"
ACCOUNT_PATH: Final = "/my-account"


def link_url(settings: Settings, link_text: str) -> str:
    """What stands in the mail. The text is behind a #: browsers and mail scanners that fetch the page never send it."""
    return f"{settings.public_url}{SIGN_IN_PATH}#{link_text}"
