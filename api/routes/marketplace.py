"""The marketplace: what there is to run, by category and words, and what its customers say of it.

Anybody may look. Who has run a cargo may review it, everybody else with a key may say whether a review helped.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import Response

from adapters import clock
from api.answers import answer, list_answer
from api.authorization import Anyone, Writer
from api.cargo_manifest import Category
from api.edge import CARGOS, MARKETPLACE, Edge, EdgeState, origin_of
from api.errors import not_found
from api.key_ring import Caller
from api.listing_fields import LINE
from api.request_fields import PLAIN_TEXT, After, Limit, Offset, PathSlug, RequestId
from api.review_lookup import own_review, standing_review
from api.review_writing import ReviewText, write_review
from api.schemas.forms import Message, page_of, with_data
from api.schemas.marketplace import Card, CategoryList, CustomerReview, Listing, ReviewVotes
from api.shapes.marketplace import card_shape, category_shape, page_shape, review_shape
from api.strict_json import StrictRoute
from commands.handle import Handled
from domain.ids import AccountId, CargoSlug
from domain.review import (
    REVIEW,
    FlagReview,
    Review,
    ReviewCommand,
    ReviewEvent,
    VoteOnReview,
    WithdrawReview,
    review_key,
)
from projections.reviews import ReviewRow

PAGE_ROWS: Final = 50
SEARCH_CHARACTERS_MAX: Final = 100

router = APIRouter(prefix="/marketplace", tags=["marketplace"], route_class=StrictRoute)

Search = Annotated[
    str,
    Query(
        max_length=SEARCH_CHARACTERS_MAX, pattern=LINE, description="Words that must all occur in its texts."
    ),
]
Reason = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=PLAIN_TEXT, strip_whitespace=True)
]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReviewRequest(Body):
    review: ReviewText


class VoteRequest(Body):
    """Whether the review helped. The first vote of an account stands."""

    helpful: bool


class FlagRequest(Body):
    """What is wrong with the review; staff read it."""

    reason: Reason


@router.get("", response_model=page_of("workloads", with_data(Card)))
async def list_marketplace(
    *,
    edge: Edge,
    _: Anyone,
    category: Annotated[Category | None, Query()] = None,
    search: Search = "",
    limit: Limit = PAGE_ROWS,
    offset: Offset = 0,
    after: After = None,
) -> Response:
    """List the cargos that can be run, newest first, of one category or with some words in their texts."""
    await edge.catch_up(CARGOS, after)
    await edge.catch_up(MARKETPLACE, after)
    shelves = edge.services.marketplace
    page = await shelves.listed(category or None, search, limit, offset)
    ratings = await shelves.ratings([row.slug for row in page.rows])
    rows = [card_shape(row, ratings.get(row.slug)) for row in page.rows]
    return list_answer("workloads", rows, total=page.total, limit=limit, offset=offset)


@router.get("/categories", response_model=CategoryList)
async def list_categories(edge: Edge, _: Anyone) -> Response:
    """List the categories that have a cargo, with the number of cargos."""
    rows = [category_shape(*found) for found in await edge.services.marketplace.categories()]
    return answer({"categories": rows, "count": len(rows), "data": rows})


@router.get("/{slug}", response_model=with_data(Listing))
async def get_listing(slug: PathSlug, edge: Edge, _: Anyone, after: After = None) -> Response:
    """Get everything about one cargo: its page, its schemas, its ratings and how its runs went."""
    await edge.catch_up(CARGOS, after)
    await edge.catch_up(MARKETPLACE, after)
    reads = edge.services.reads
    row = await reads.cargo(slug)
    if row is None or row.is_disabled:
        raise not_found(f"workload {slug}")
    ratings = await edge.services.marketplace.ratings([slug])
    publisher = await reads.account(row.cargo.spec.publisher_id)
    return answer(page_shape(row, ratings.get(slug), publisher.created_position if publisher else None))


@router.get("/{slug}/reviews", response_model=page_of("reviews", with_data(CustomerReview)))
async def list_reviews(
    slug: PathSlug, edge: Edge, _: Anyone, limit: Limit = 20, offset: Offset = 0, after: After = None
) -> Response:
    """List what customers say of a cargo, newest first. Who says it is not told."""
    await edge.catch_up(MARKETPLACE, after)
    if await edge.services.reads.cargo(slug) is None:
        raise not_found(f"workload {slug}")
    page = await edge.services.marketplace.reviews(slug, limit, offset)
    rows = [review_shape(row) for row in page.rows]
    return list_answer("reviews", rows, total=page.total, limit=limit, offset=offset)


@router.post("/{slug}/reviews", status_code=201, response_model=with_data(CustomerReview))
async def post_review(
    slug: PathSlug, request: ReviewRequest, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Review a cargo that this account has run. An account has one review of a cargo; a second one replaces it."""
    handled = await write_review(edge, caller, slug, request.review, request_id)
    return await written(edge, slug, caller.account_id, handled, status=201)


@router.put("/reviews/{review_id}", response_model=with_data(CustomerReview))
async def put_review(
    review_id: str, request: ReviewRequest, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Change a review of one's own. Its rating counts instead of the former one."""
    row = await own_review(edge, caller, review_id)
    handled = await write_review(edge, caller, row.slug, request.review, request_id)
    return await written(edge, row.slug, caller.account_id, handled, status=200)


@router.delete("/reviews/{review_id}", response_model=Message)
async def delete_review(review_id: str, caller: Writer, edge: Edge, request_id: RequestId) -> Response:
    """Take a review of one's own back; its rating counts no more."""
    row = await own_review(edge, caller, review_id)
    handled = await carry_out(edge, caller, row, WithdrawReview(now_ms=clock.now_ms()), request_id)
    return answer({"message": "the review is deleted"}, position=handled.position)


@router.post("/reviews/{review_id}/helpful", response_model=with_data(ReviewVotes))
async def vote_on_review(
    review_id: str, request: VoteRequest, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Say whether a review helped, once."""
    row = await standing_review(edge, review_id)
    command = VoteOnReview(voter_id=caller.account_id, is_helpful=request.helpful, now_ms=clock.now_ms())
    handled = await carry_out(edge, caller, row, command, request_id)
    shape = {
        "id": row.created_position,
        "helpful_count": handled.state.helpful,
        "not_helpful_count": handled.state.not_helpful,
        "counted": bool(handled.events),
    }
    return answer({**shape, "data": shape}, position=handled.position)


@router.post("/reviews/{review_id}/flag", response_model=Message)
async def flag_review(
    review_id: str, request: FlagRequest, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Tell staff that a review breaks the rules, once."""
    row = await standing_review(edge, review_id)
    command = FlagReview(flagger_id=caller.account_id, reason=request.reason, now_ms=clock.now_ms())
    handled = await carry_out(edge, caller, row, command, request_id)
    return answer({"message": "staff will look at the review"}, position=handled.position)


async def carry_out(
    edge: EdgeState, caller: Caller, row: ReviewRow, command: ReviewCommand, request_id: str
) -> Handled[Review, ReviewEvent]:
    """Raises `Rejected`."""
    key = review_key(row.slug, row.account_id)
    handled = await edge.services.handler.handle(REVIEW, key, command, origin=origin_of(caller, request_id))
    await edge.settle(MARKETPLACE, handled.position)
    return handled


async def written(
    edge: EdgeState,
    slug: CargoSlug,
    account_id: AccountId,
    handled: Handled[Review, ReviewEvent],
    *,
    status: int,
) -> Response:
    """The review as it stands in the log, whether or not the read side has seen it."""
    first = await edge.services.handler.first(REVIEW, review_key(slug, account_id))
    review = handled.state.written
    assert first is not None
    assert review is not None
    row = ReviewRow(
        slug=slug,
        account_id=account_id,
        rating=review.rating,
        title=review.title,
        comment=review.comment,
        is_verified=review.is_verified,
        helpful=handled.state.helpful,
        not_helpful=handled.state.not_helpful,
        written_at_ms=first.recorded_at_ms,
        changed_at_ms=review.written_at_ms,
        created_position=first.position,
        position=handled.position,
    )
    [readable] = await edge.services.cipher.revealed([row])
    return answer(review_shape(readable), status=status, position=handled.position)
