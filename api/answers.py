"""Successful answers: one JSON object, encoded once, with the position of the write where there was one.

Called by every route. Success is 200 or 201 with a JSON object, never 204.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from starlette.responses import Response

POSITION: Final = "Archipelago-Position"
ENCODER: Final = msgspec.json.Encoder()


def answer(
    body: Mapping[str, Any],
    *,
    status: int = 200,
    position: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`position` is where the log stood after a write; a GET with `?after=` that number sees it."""
    response = Response(
        ENCODER.encode(body), status_code=status, headers=dict(headers or {}), media_type="application/json"
    )
    if position is not None:
        response.headers[POSITION] = str(position)
    return response


def list_answer(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    total: int,
    limit: int,
    offset: int,
    about: Mapping[str, Any] | None = None,
) -> Response:
    """A page: the rows under their own name at the top level, and their `data` forms as `data`.

    `about` says at the top level what the rows are of.
    """
    return answer(
        {
            **(about or {}),
            name: rows,
            "count": len(rows),
            "data": [row["data"] for row in rows],
            "meta": {"total": total, "limit": limit, "offset": offset},
        }
    )
