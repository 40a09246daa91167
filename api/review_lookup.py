"""The review that a path names by its public number."""

import re
from typing import Final

from api.edge import EdgeState
from api.errors import not_found
from api.key_ring import Caller
from projections.reviews import ReviewRow

NUMBER: Final = re.compile(r"[0-9]{1,18}")


async def standing_review(edge: EdgeState, review_id: str) -> ReviewRow:
    """Anybody's, as long as it was not taken back. Raises `ApiError` (not_found)."""
    row = await edge.services.marketplace.review(int(review_id)) if NUMBER.fullmatch(review_id) else None
    if row is None or not row.is_shown:
        raise not_found("such review")
    return row


async def own_review(edge: EdgeState, caller: Caller, review_id: str) -> ReviewRow:
    """Raises `ApiError` (not_found)."""
    row = await standing_review(edge, review_id)
    if row.account_id != caller.account_id:
        raise not_found("such review")
    return row
