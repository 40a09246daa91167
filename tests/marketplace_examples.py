"""One example of everything that happens to a review.

Shared by the tests of reviews; each builder takes the fields that a test is about.
"""

from typing import Any, Final

from domain import review
from domain.ids import AccountId
from tests.examples import CUSTOMER, JOB_ID, PUBLISHER, SLUG, T0_MS, at_ms

READER: Final = AccountId("account-reader")


def write(rating: int = 4, **fields: Any) -> review.WriteReview:
    known: dict[str, Any] = {
        "slug": SLUG,
        "account_id": CUSTOMER,
        "publisher_id": PUBLISHER,
        "job_id": JOB_ID,
        "is_verified": True,
        "rating": rating,
        "title": "Fast",
        "comment": "It hashes.",
        "now_ms": T0_MS,
    }
    return review.WriteReview(**known | fields)


def written(rating: int = 4, **fields: Any) -> review.ReviewWritten:
    known: dict[str, Any] = {
        "slug": SLUG,
        "account_id": CUSTOMER,
        "job_id": JOB_ID,
        "rating": rating,
        "title": "Fast",
        "comment": "It hashes.",
        "is_verified": True,
        "revision": 1,
        "written_at_ms": T0_MS,
    }
    return review.ReviewWritten(**known | fields)


def edited(rating: int = 2, previous_rating: int = 4, **fields: Any) -> review.ReviewEdited:
    known: dict[str, Any] = {
        "slug": SLUG,
        "account_id": CUSTOMER,
        "job_id": JOB_ID,
        "rating": rating,
        "previous_rating": previous_rating,
        "title": "Fast",
        "comment": "It hashes.",
        "is_verified": True,
        "revision": 2,
        "edited_at_ms": at_ms(1),
    }
    return review.ReviewEdited(**known | fields)


def withdrawn(previous_rating: int = 4, revision: int = 2) -> review.ReviewWithdrawn:
    return review.ReviewWithdrawn(
        slug=SLUG,
        account_id=CUSTOMER,
        job_id=JOB_ID,
        previous_rating=previous_rating,
        revision=revision,
        withdrawn_at_ms=at_ms(2),
    )


def removed(previous_rating: int = 4, revision: int = 2) -> review.ReviewRemoved:
    return review.ReviewRemoved(
        slug=SLUG,
        account_id=CUSTOMER,
        job_id=JOB_ID,
        previous_rating=previous_rating,
        revision=revision,
        reason="it advertises",
        removed_at_ms=at_ms(3),
    )


def voted(voter_id: AccountId = READER, *, is_helpful: bool = True) -> review.ReviewVoted:
    return review.ReviewVoted(
        slug=SLUG, account_id=CUSTOMER, voter_id=voter_id, is_helpful=is_helpful, voted_at_ms=at_ms(4)
    )


def flagged(flagger_id: AccountId = READER) -> review.ReviewFlagged:
    return review.ReviewFlagged(
        slug=SLUG, account_id=CUSTOMER, flagger_id=flagger_id, reason="it advertises", flagged_at_ms=at_ms(5)
    )


EVENTS: Final = (written(), edited(), withdrawn(), removed(), voted(), flagged())
"""One of each, every field filled."""
