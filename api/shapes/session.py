"""A session, without its secret."""

from typing import Any

from api.shapes.account import scopes_text
from api.shapes.present import instant
from domain.session import SessionOpened
from projections.sign_in_rows import SessionRow


def session_shape(row: SessionRow, *, is_current: bool) -> dict[str, Any]:
    """`current` marks the session that asks."""
    shape = {
        "id": row.created_position,
        "session_id": row.session_id,
        "name": row.name,
        "scopes": scopes_text(row.scopes),
        "current": is_current,
        "created_at": instant(row.opened_at_ms),
        "expires_at": instant(row.expires_at_ms),
    }
    return {**shape, "data": shape}


def opened_shape(opened: SessionOpened) -> dict[str, Any]:
    return {
        "session_id": opened.session_id,
        "account_id": opened.account_id,
        "name": opened.name,
        "scopes": scopes_text(opened.scopes),
        "created_at": instant(opened.opened_at_ms),
        "expires_at": instant(opened.expires_at_ms),
    }
