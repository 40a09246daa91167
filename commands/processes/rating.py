"""A cargo's standing follows the ratings in its reviews: each counts from when it is given until it is taken back.

The review decided who may judge; `revision` lets every change of a rating count once, however often it is asked for.
"""

from collections.abc import Sequence
from typing import Any

from commands.process import Order, Process
from domain.cargo import CARGO
from domain.cargo_commands import RateCargo
from domain.review import NO_RATING, ReviewEdited, ReviewRemoved, ReviewWithdrawn, ReviewWritten


def react(event: Any, at_ms: int) -> Sequence[Order]:
    match event:
        case ReviewWritten():
            return [order(event, (NO_RATING, event.rating), at_ms)]
        case ReviewEdited() if event.rating != event.previous_rating:
            return [order(event, (event.previous_rating, event.rating), at_ms)]
        case ReviewWithdrawn() | ReviewRemoved():
            return [order(event, (event.previous_rating, NO_RATING), at_ms)]
        case _:
            return []


def order(
    event: ReviewWritten | ReviewEdited | ReviewWithdrawn | ReviewRemoved, change: tuple[int, int], at_ms: int
) -> Order:
    """`change` is the rating before and after; 0 for none."""
    previous, stars = change
    command = RateCargo(
        slug=event.slug,
        account_id=event.account_id,
        job_id=event.job_id,
        stars=stars,
        previous_stars=previous,
        revision=event.revision,
        now_ms=at_ms,
    )
    return Order(decider=CARGO, aggregate_id=event.slug, command=command)


RATING = Process(name="rating", react=react)
