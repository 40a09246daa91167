"""Pages of our own: one file each, without any outside part, under a policy that lets nothing else in.

The policy names a page's script and style by their hashes, so whatever else might get into it is not run; the page
talks to this coordinator and to nobody else. Nothing keeps a copy, and its address is told to nobody.
"""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final

from starlette.responses import Response

FOLDER: Final = Path(__file__).parent / "pages"
PART: Final = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


@cache
def page(name: str) -> tuple[bytes, str]:
    """The page and its Content-Security-Policy."""
    text = (FOLDER / name).read_text(encoding="utf-8")
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


def html_page(name: str) -> Response:
    content, policy = page(name)
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(content, media_type="text/html", headers=headers)
