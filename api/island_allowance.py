"""How many islands one account may have: each is an account on the NATS server, and looked at by every placement.

Checked by the routes that give an account an island. Counted on the read side, so what is under way at the same time
may pass; how much that is, the key's requests a minute bound.
"""

from typing import Final

from api.edge import EdgeState
from api.errors import ApiError, ErrorCode
from domain.ids import AccountId

ISLANDS_PER_ACCOUNT_MAX: Final = 200


async def check_room(edge: EdgeState, account_id: AccountId) -> None:
    """Raises `ApiError` (islands_exceeded) where the account has as many as it may, removed ones not counted."""
    page = await edge.services.reads.islands(account_id, limit=1)
    if page.total >= ISLANDS_PER_ACCOUNT_MAX:
        raise ApiError(
            ErrorCode.ISLANDS_EXCEEDED,
            f"an account has at most {ISLANDS_PER_ACCOUNT_MAX} islands; remove one that is not used any more",
        )
