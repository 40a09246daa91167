"""An account with its credits, and its API keys."""

from typing import Any

from api.shapes.amounts import decimal_text, number
from api.shapes.present import instant, maybe_instant, present
from domain.api_key import Scope
from projections.accounts import AccountRow, ApiKeyRow


def account_shape(row: AccountRow, *, email: str, is_admin: bool, for_python_sdk: bool) -> dict[str, Any]:
    """The Python SDK reads the id as a string, the command line as an integer."""
    shape = {
        "id": row.created_position,
        "account_id": row.account_id,
        "email": email,
        "name": row.name,
        "role": "admin" if is_admin else "user",
        "credits": decimal_text(row.free_micro),
        "held": decimal_text(row.held_micro),
        "escrow": decimal_text(row.escrow_micro),
        "low": row.is_low,
        "created_at": instant(row.opened_at_ms),
        "position": row.position,
    }
    data = {
        "id": str(row.created_position) if for_python_sdk else row.created_position,
        "email": email,
        "credits": number(row.free_micro),
        "created_at": instant(row.opened_at_ms),
    }
    return {**shape, "data": data}


def api_key_shape(row: ApiKeyRow, last_used_at_ms: int | None) -> dict[str, Any]:
    shape = {
        "id": row.created_position,
        "key_id": row.key_id,
        "name": row.name,
        "key_prefix": row.prefix,
        "scopes": scopes_text(row.scopes),
        "created_at": instant(row.issued_at_ms),
        "last_used_at": maybe_instant(last_used_at_ms),
        "expires_at": maybe_instant(row.expires_at_ms),
        "revoked_at": maybe_instant(row.revoked_at_ms),
        "requests_per_minute": row.requests_per_minute,
    }
    data = {
        "id": str(row.created_position),
        "name": row.name,
        "prefix": row.prefix,
        "created_at": instant(row.issued_at_ms),
        "last_used_at": maybe_instant(last_used_at_ms),
        "expires_at": maybe_instant(row.expires_at_ms),
    }
    return present({**shape, "data": present(data)})


def scopes_text(scopes: tuple[Scope, ...]) -> str:
    return ",".join(scopes)
