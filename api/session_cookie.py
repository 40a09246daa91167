"""The cookie by which a browser holds its session: out of reach of scripts, sent to this coordinator alone.

With HTTPS its name begins with `__Host-`, which lets browsers refuse it from any other host or path. A request that
changes something by a cookie must come from a page of our own, which its `Origin` says.
"""

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from api.errors import ApiError, ErrorCode
from api.settings import Settings

NAME: Final = "archipelago_session"
SECURE_PREFIX: Final = "__Host-"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def cookie_name(settings: Settings) -> str:
    return f"{SECURE_PREFIX}{NAME}" if is_secure(settings) else NAME


def is_secure(settings: Settings) -> bool:
    return urlsplit(settings.public_url).scheme == "https"


def session_in(connection: HTTPConnection, settings: Settings) -> str | None:
    """The session's text, or None. Raises `ApiError` (forbidden) where another page uses it to change something."""
    text = connection.cookies.get(cookie_name(settings))
    if text is not None and connection.scope.get("method") not in SAFE_METHODS:
        require_own_page(connection, settings)
    return text


def require_own_page(connection: HTTPConnection, settings: Settings) -> None:
    """Raises `ApiError` (forbidden) unless the request comes from a page of this coordinator."""
    origin = urlsplit(connection.headers.get("origin", ""))
    public = urlsplit(settings.public_url)
    is_public = (origin.scheme, origin.netloc) == (public.scheme, public.netloc)
    is_here = bool(origin.netloc) and origin.netloc == connection.headers.get("host")
    if not is_public and not is_here:
        raise ApiError(
            ErrorCode.FORBIDDEN, "Origin: with a cookie only a page of this coordinator may change anything"
        )


def set_session(response: Response, settings: Settings, text: str, *, life_s: int) -> None:
    response.set_cookie(
        cookie_name(settings),
        text,
        max_age=life_s,
        path="/",
        secure=is_secure(settings),
        httponly=True,
        samesite="lax",
    )


def forget_session(response: Response, settings: Settings) -> None:
    response.delete_cookie(
        cookie_name(settings), path="/", secure=is_secure(settings), httponly=True, samesite="lax"
    )
