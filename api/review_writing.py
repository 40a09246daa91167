"""Writing a review: what it may say, and what the network knows about who writes it.

Used by the marketplace and by the rating of a cargo, which is a review without words.
"""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from adapters import clock
from api.edge import MARKETPLACE, EdgeState, origin_of
from api.errors import not_found
from api.key_ring import Caller
from api.listing_fields import LINE, PROSE
from commands.handle import Handled
from domain.cargo import CARGO
from domain.ids import CargoSlug
from domain.reputation import STARS_MAX
from domain.review import REVIEW, Review, ReviewEvent, WriteReview, review_key

TITLE_CHARACTERS_MAX: Final = 120
COMMENT_CHARACTERS_MAX: Final = 4_000

Title = Annotated[
    str, StringConstraints(max_length=TITLE_CHARACTERS_MAX, pattern=LINE, strip_whitespace=True)
]
Comment = Annotated[
    str, StringConstraints(max_length=COMMENT_CHARACTERS_MAX, pattern=PROSE, strip_whitespace=True)
]


class ReviewText(BaseModel):
    """1 to 5 stars; a text that is left out stays as it was. Anybody can read both texts."""

    model_config = ConfigDict(extra="forbid")

    rating: Annotated[int, Field(ge=1, le=STARS_MAX, strict=True)]
    title: Title | None = None
    comment: Comment | None = None


async def write_review(
    edge: EdgeState, caller: Caller, slug: CargoSlug, text: ReviewText, request_id: str
) -> Handled[Review, ReviewEvent]:
    """Writes the caller's review of a cargo, or changes it. Raises `ApiError` (not_found) and `Rejected`."""
    cargo = await edge.services.handler.state(CARGO, slug)
    if cargo.publisher_id is None:
        raise not_found(f"workload {slug}")
    ran = await edge.services.marketplace.job_of_customer(caller.account_id, slug)
    command = WriteReview(
        slug=slug,
        account_id=caller.account_id,
        publisher_id=cargo.publisher_id,
        job_id=ran.job_id if ran else None,
        is_verified=bool(ran and ran.has_succeeded),
        rating=text.rating,
        title=text.title,
        comment=text.comment,
        now_ms=clock.now_ms(),
    )
    key = review_key(slug, caller.account_id)
    handled = await edge.services.handler.handle(REVIEW, key, command, origin=origin_of(caller, request_id))
    await edge.settle(MARKETPLACE, handled.position)
    return handled
