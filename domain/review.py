"""A review: what one account thinks of one cargo, in stars and words. One aggregate per cargo and account.

The review is where a rating lives; `commands.processes.rating` makes the cargo's standing follow it, once for each
`revision`. Others say once whether it helped them and flag what breaks the rules; staff may remove it for good.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Final, assert_never

from domain.decider import Decider
from domain.ids import AccountId, CargoSlug, JobId
from domain.personal import PersonalOf
from domain.rejection import Rejected, Rejection
from domain.seen_ids import SeenIds

NO_RATING: Final = 0


def review_key(slug: CargoSlug, account_id: AccountId) -> str:
    """The aggregate's id. A slug has no underscore, so no two pairs share one."""
    return f"{slug}_{account_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewWritten:
    """`revision` counts the ratings of this review; `is_verified`: a job of the account succeeded with the cargo."""

    slug: CargoSlug
    account_id: AccountId
    job_id: JobId
    rating: int
    title: Annotated[str, PersonalOf("account_id")]
    comment: Annotated[str, PersonalOf("account_id")]
    is_verified: bool
    revision: int
    written_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewEdited:
    """`previous_rating` is the one that `rating` replaces; `revision` grows where they differ."""

    slug: CargoSlug
    account_id: AccountId
    job_id: JobId
    rating: int
    previous_rating: int
    title: Annotated[str, PersonalOf("account_id")]
    comment: Annotated[str, PersonalOf("account_id")]
    is_verified: bool
    revision: int
    edited_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewWithdrawn:
    slug: CargoSlug
    account_id: AccountId
    job_id: JobId
    previous_rating: int
    revision: int
    withdrawn_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRemoved:
    """Staff took it down; its author writes no other one for this cargo."""

    slug: CargoSlug
    account_id: AccountId
    job_id: JobId
    previous_rating: int
    revision: int
    reason: Annotated[str, PersonalOf("account_id")]
    removed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewVoted:
    """`account_id` wrote the review, `voter_id` says whether it helped."""

    slug: CargoSlug
    account_id: AccountId
    voter_id: AccountId
    is_helpful: bool
    voted_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFlagged:
    slug: CargoSlug
    account_id: AccountId
    flagger_id: AccountId
    reason: Annotated[str, PersonalOf("flagger_id")]
    flagged_at_ms: int


ReviewEvent = ReviewWritten | ReviewEdited | ReviewWithdrawn | ReviewRemoved | ReviewVoted | ReviewFlagged


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteReview:
    """Writes a review or changes it; a text of None stays as it is. `job_id`: a job of the account ran the cargo."""

    slug: CargoSlug
    account_id: AccountId
    publisher_id: AccountId
    job_id: JobId | None
    is_verified: bool
    rating: int
    title: str | None
    comment: str | None
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawReview:
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveReview:
    reason: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteOnReview:
    voter_id: AccountId
    is_helpful: bool
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagReview:
    flagger_id: AccountId
    reason: str
    now_ms: int


ReviewCommand = WriteReview | WithdrawReview | RemoveReview | VoteOnReview | FlagReview


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """`written` is the review as it stands, with its latest rating; None before, and once it was taken back."""

    written: ReviewWritten | None = None
    revision: int = 0
    helpful: int = 0
    not_helpful: int = 0
    voters: SeenIds = SeenIds()
    flaggers: SeenIds = SeenIds()
    is_removed: bool = False


def decide(review: Review, command: ReviewCommand) -> list[ReviewEvent]:
    match command:
        case WriteReview():
            return write(review, command)
        case WithdrawReview():
            return withdraw(review, command)
        case RemoveReview():
            return remove(review, command)
        case VoteOnReview():
            return vote(review, command)
        case FlagReview():
            return flag(review, command)
        case _:
            assert_never(command)


def write(review: Review, command: WriteReview) -> list[ReviewEvent]:
    """Only customers judge a cargo, and never its publisher."""
    if command.account_id == command.publisher_id:
        raise Rejected(Rejection.CARGO_NOT_RUN, "slug: publishers do not judge their own cargos")
    if command.job_id is None:
        raise Rejected(Rejection.CARGO_NOT_RUN, "slug: no job of this account has run this cargo")
    if review.is_removed:
        raise Rejected(Rejection.REVIEW_REMOVED, "review: staff removed yours of this cargo; write to them")
    before = review.written
    written = ReviewWritten(
        slug=command.slug,
        account_id=command.account_id,
        job_id=command.job_id,
        rating=command.rating,
        title=text_after(before.title if before else "", command.title),
        comment=text_after(before.comment if before else "", command.comment),
        is_verified=command.is_verified,
        revision=review.revision + 1,
        written_at_ms=command.now_ms,
    )
    if before is None:
        return [written]
    is_about_words = command.title is not None or command.comment is not None
    return [edited(before, written)] if is_about_words or before.rating != written.rating else []


def text_after(before: str, wanted: str | None) -> str:
    return before if wanted is None else wanted


def edited(before: ReviewWritten, written: ReviewWritten) -> ReviewEdited:
    """Words are sealed here, so equal ones are not recognized: whoever sends words has edited."""
    return ReviewEdited(
        slug=written.slug,
        account_id=written.account_id,
        job_id=written.job_id,
        rating=written.rating,
        previous_rating=before.rating,
        title=written.title,
        comment=written.comment,
        is_verified=written.is_verified,
        revision=before.revision if before.rating == written.rating else written.revision,
        edited_at_ms=written.written_at_ms,
    )


def withdraw(review: Review, command: WithdrawReview) -> list[ReviewEvent]:
    before = review.written
    if before is None:
        return []
    return [
        ReviewWithdrawn(
            slug=before.slug,
            account_id=before.account_id,
            job_id=before.job_id,
            previous_rating=before.rating,
            revision=review.revision + 1,
            withdrawn_at_ms=command.now_ms,
        )
    ]


def remove(review: Review, command: RemoveReview) -> list[ReviewEvent]:
    if review.is_removed:
        return []
    before = standing(review)
    return [
        ReviewRemoved(
            slug=before.slug,
            account_id=before.account_id,
            job_id=before.job_id,
            previous_rating=before.rating,
            revision=review.revision + 1,
            reason=command.reason,
            removed_at_ms=command.now_ms,
        )
    ]


def vote(review: Review, command: VoteOnReview) -> list[ReviewEvent]:
    """The first vote of an account stands."""
    before = standing(review)
    if command.voter_id == before.account_id:
        raise Rejected(Rejection.REVIEW_OWN, "helpful: nobody votes on the own review")
    if command.voter_id in review.voters:
        return []
    return [
        ReviewVoted(
            slug=before.slug,
            account_id=before.account_id,
            voter_id=command.voter_id,
            is_helpful=command.is_helpful,
            voted_at_ms=command.now_ms,
        )
    ]


def flag(review: Review, command: FlagReview) -> list[ReviewEvent]:
    """One flag of an account counts."""
    before = standing(review)
    if command.flagger_id == before.account_id:
        raise Rejected(Rejection.REVIEW_OWN, "reason: to take back the own review, delete it")
    if command.flagger_id in review.flaggers:
        return []
    return [
        ReviewFlagged(
            slug=before.slug,
            account_id=before.account_id,
            flagger_id=command.flagger_id,
            reason=command.reason,
            flagged_at_ms=command.now_ms,
        )
    ]


def standing(review: Review) -> ReviewWritten:
    """Raises `Rejected` (review_unknown)."""
    if review.written is None:
        raise Rejected(Rejection.REVIEW_UNKNOWN, "review: there is none, or it was taken back")
    return review.written


def evolve(review: Review, event: ReviewEvent) -> Review:
    match event:
        case ReviewWritten():
            return replace(review, written=event, revision=event.revision)
        case ReviewEdited():
            return replace(review, written=as_written(event), revision=event.revision)
        case ReviewWithdrawn():
            return replace(review, written=None, revision=event.revision)
        case ReviewRemoved():
            return replace(review, written=None, revision=event.revision, is_removed=True)
        case ReviewVoted():
            return replace(
                review,
                helpful=review.helpful + event.is_helpful,
                not_helpful=review.not_helpful + (not event.is_helpful),
                voters=review.voters.with_id(event.voter_id),
            )
        case ReviewFlagged():
            return replace(review, flaggers=review.flaggers.with_id(event.flagger_id))
        case _:
            assert_never(event)


def as_written(event: ReviewEdited) -> ReviewWritten:
    return ReviewWritten(
        slug=event.slug,
        account_id=event.account_id,
        job_id=event.job_id,
        rating=event.rating,
        title=event.title,
        comment=event.comment,
        is_verified=event.is_verified,
        revision=event.revision,
        written_at_ms=event.edited_at_ms,
    )


REVIEW: Decider[ReviewCommand, Review, ReviewEvent] = Decider("review", Review(), decide, evolve)
