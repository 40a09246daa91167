"""The page on which an owner types in the code an island shows, and where it stands.

One file of our own without any outside part. The policy names its script and its style by their hashes, so whatever
else might get into the page is not run; the page talks to this coordinator and to nobody else.
"""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final

from starlette.responses import Response

from api.settings import Settings

PATH: Final = "/pair"
FILE: Final = Path(__file__).parent / "pages" / "pair.html"
PART: Final = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def pair_url(settings: Settings) -> str:
    """Where a person goes to pair an island."""
    return f"{settings.public_url}{PATH}"


@cache
def page() -> tuple[bytes, str]:
    """The page and its Content-Security-Policy."""
    text = FILE.read_text(encoding="utf-8")
    sources = {kind: f"'sha256-{sha256_of(content)}'" for kind, content in PART.findall(text)}
    policy = (
        "default-src 'none'",
        f"script-src {sources['script']}",
        f"style-src {sources['style']}",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return text.encode(), "; ".join(policy)


def sha256_of(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def pairing_page() -> Response:
    """The page, kept by nobody: the code may stand in its address."""
    content, policy = page()
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(content, media_type="text/html", headers=headers)
