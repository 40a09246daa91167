"""Reviews as people read them, and the sum of each cargo's ratings. Tables of the `marketplace` read model."""

from dataclasses import dataclass, replace
from typing import Annotated, Final, assert_never, get_args

from domain.ids import AccountId, CargoSlug
from domain.personal import PersonalOf
from domain.review import (
    NO_RATING,
    ReviewEdited,
    ReviewEvent,
    ReviewFlagged,
    ReviewRemoved,
    ReviewVoted,
    ReviewWithdrawn,
    ReviewWritten,
)
from projections.keyed_fold import KeyedFold
from projections.table import Table

RatingEvent = ReviewWritten | ReviewEdited | ReviewWithdrawn | ReviewRemoved


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRow:
    """`created_position` is the review's public number. What was taken back is kept without its words, not shown.

    `flag_reason` is the newest of the `flags`, by `flagger_id`.
    """

    slug: CargoSlug
    account_id: AccountId
    rating: int
    title: Annotated[str, PersonalOf("account_id")]
    comment: Annotated[str, PersonalOf("account_id")]
    is_verified: bool
    is_shown: bool = True
    helpful: int = 0
    not_helpful: int = 0
    flags: int = 0
    flagger_id: AccountId | None = None
    flag_reason: Annotated[str | None, PersonalOf("flagger_id")] = None
    written_at_ms: int
    changed_at_ms: int
    created_position: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingRow:
    """`stars` is the sum over the `reviews` that stand."""

    slug: CargoSlug
    reviews: int = 0
    stars: int = 0
    position: int = 0


def review_after(row: ReviewRow | None, event: ReviewEvent, position: int) -> ReviewRow | None:
    if isinstance(event, ReviewWritten):
        return written(row, event, position)
    changed = row and changed_review(row, event)
    return changed and replace(changed, position=position)


def written(row: ReviewRow | None, event: ReviewWritten, position: int) -> ReviewRow:
    new = ReviewRow(
        slug=event.slug,
        account_id=event.account_id,
        rating=event.rating,
        title=event.title,
        comment=event.comment,
        is_verified=event.is_verified,
        written_at_ms=event.written_at_ms,
        changed_at_ms=event.written_at_ms,
        created_position=position,
        position=position,
    )
    if row is None:
        return new
    return replace(
        new,
        helpful=row.helpful,
        not_helpful=row.not_helpful,
        flags=row.flags,
        flagger_id=row.flagger_id,
        flag_reason=row.flag_reason,
        created_position=row.created_position,
    )


def changed_review(
    row: ReviewRow, event: ReviewEdited | ReviewWithdrawn | ReviewRemoved | ReviewVoted | ReviewFlagged
) -> ReviewRow:
    match event:
        case ReviewEdited():
            return replace(
                row,
                rating=event.rating,
                title=event.title,
                comment=event.comment,
                is_verified=event.is_verified,
                changed_at_ms=event.edited_at_ms,
            )
        case ReviewWithdrawn():
            return taken_back(row, event.withdrawn_at_ms)
        case ReviewRemoved():
            return taken_back(row, event.removed_at_ms)
        case ReviewVoted():
            return replace(
                row,
                helpful=row.helpful + event.is_helpful,
                not_helpful=row.not_helpful + (not event.is_helpful),
            )
        case ReviewFlagged():
            return replace(row, flags=row.flags + 1, flagger_id=event.flagger_id, flag_reason=event.reason)
        case _:
            assert_never(event)


def taken_back(row: ReviewRow, at_ms: int) -> ReviewRow:
    return replace(row, rating=NO_RATING, title="", comment="", is_shown=False, changed_at_ms=at_ms)


def rating_after(row: RatingRow | None, event: RatingEvent, position: int) -> RatingRow:
    before = row or RatingRow(slug=event.slug)
    match event:
        case ReviewWritten():
            change = (1, event.rating)
        case ReviewEdited():
            change = (0, event.rating - event.previous_rating)
        case ReviewWithdrawn() | ReviewRemoved():
            change = (-1, -event.previous_rating)
        case _:
            assert_never(event)
    reviews, stars = change
    return replace(before, reviews=before.reviews + reviews, stars=before.stars + stars, position=position)


REVIEWS: Final = KeyedFold(
    table=Table(ReviewRow, "reviews", key=("slug", "account_id")),
    concerns=frozenset(get_args(ReviewEvent)),
    key_of=lambda event: (event.slug, event.account_id),
    row_after=review_after,
)
RATINGS: Final = KeyedFold(
    table=Table(RatingRow, "ratings", key=("slug",)),
    concerns=frozenset(get_args(RatingEvent)),
    key_of=lambda event: event.slug,
    row_after=rating_after,
)
