"""How far a person's identity is checked, as that person and as an operator read it."""

from typing import Any

from api.shapes.present import instant, maybe_instant, present
from projections.accounts import AccountRow
from projections.people import PersonRow


def kyc_status(row: PersonRow | None) -> str:
    """One of the words that clients know; `rejected` is among them and never said here."""
    if row is None:
        return "unverified"
    if row.verified_at_ms is not None:
        return "verified"
    return "pending" if row.is_pending else "unverified"


def verification_shape(row: PersonRow | None) -> dict[str, Any]:
    """Identities are verified by operators, whatever a provider says."""
    is_verified = row is not None and row.verified_at_ms is not None
    return present(
        {
            "kyc_status": kyc_status(row),
            "kyc_verified_at": maybe_instant(row.verified_at_ms) if row else None,
            "kyc_verified_country": (row.verified_country or None) if row else None,
            "kyc_manually_verified": is_verified,
            "banned": row is not None and row.banned_at_ms is not None,
            "banned_at": maybe_instant(row.banned_at_ms) if row else None,
            "ban_reason": (row.ban_reason or None) if row else None,
        }
    )


def user_shape(account: AccountRow, row: PersonRow | None) -> dict[str, Any]:
    about = {
        "id": account.created_position,
        "account_id": account.account_id,
        "name": account.name,
        "created_at": instant(account.opened_at_ms),
    }
    return {**about, **verification_shape(row)}


def session_shapes(row: PersonRow | None) -> list[dict[str, Any]]:
    """Newest first."""
    sessions = row.sessions[::-1] if row else ()
    return [{"session_id": one.session_id, "created_at": instant(one.started_at_ms)} for one in sessions]
