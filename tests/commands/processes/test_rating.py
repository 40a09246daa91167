"""A cargo's standing follows the ratings in its reviews."""

from typing import Any

import pytest

from commands.processes.rating import react
from domain.cargo import CARGO
from domain.review import REVIEW, ReviewEvent, WithdrawReview
from tests.cargo_examples import published
from tests.examples import T0_MS
from tests.marketplace_examples import edited, flagged, voted, withdrawn, write, written


def standing_after(*events: Any) -> tuple[int, int, int]:
    """Reputation, ratings and positive ratings of a cargo behind these events, each taken twice."""
    cargo = CARGO.fold([published()])
    for event in events:
        for order in [*react(event, T0_MS), *react(event, T0_MS)]:
            cargo = CARGO.fold(CARGO.decide(cargo, order.command), cargo)
    standing = cargo.standing
    return standing.reputation_milli, standing.ratings, standing.positive_ratings


def test_a_rating_counts_once_and_an_edited_one_instead_of_the_former() -> None:
    assert standing_after(written(5)) == (1_050, 1, 1)
    assert standing_after(written(5), edited(2, 5)) == (1_000, 1, 0)
    assert standing_after(written(2), edited(5, 2)) == (1_050, 1, 1)


def test_a_review_that_is_withdrawn_and_written_again_counts_once() -> None:
    assert standing_after(written(5), withdrawn(5)) == (1_000, 0, 0)
    assert standing_after(written(5), withdrawn(5), written(4, revision=3)) == (1_050, 1, 1)


@pytest.mark.parametrize("event", [voted(), flagged(), edited(4, 4)])
def test_what_changes_no_rating_asks_for_nothing(event: ReviewEvent) -> None:
    assert react(event, T0_MS) == []


def test_however_often_an_account_changes_its_mind_one_rating_counts() -> None:
    review = REVIEW.initial
    said: list[ReviewEvent] = []
    for command in (write(5), write(1), write(4), WithdrawReview(now_ms=T0_MS), write(3), write(5)):
        events = REVIEW.decide(review, command)
        review = REVIEW.fold(events, review)
        said += events
    assert standing_after(*said) == (1_050, 1, 1)
