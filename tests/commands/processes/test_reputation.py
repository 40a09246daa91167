"""Jobs that end count for or against their cargo: together, each once, and only where the cargo had a part in it."""

from typing import Any

import pytest

from commands.event_log import Commit
from commands.processes.reputation import TALLY_AFTER_MS, TALLY_ENDS_MAX, Picture, Reputation
from domain.cargo import CARGO
from domain.cargo_commands import RecordUse
from domain.cargo_events import ReputationChanged
from domain.failure import Failure, JobEnd
from domain.ids import JobId
from domain.publisher import PublisherTier, PublisherTierGranted
from domain.reputation import Outcome
from tests.cargo_examples import published
from tests.examples import (
    ISLAND,
    JOB_ID,
    PUBLISHER,
    SLUG,
    T0_MS,
    assigned,
    cancelled,
    failed,
    origin,
    submitted,
    succeeded,
)

LATER_MS = T0_MS + TALLY_AFTER_MS


class Told:
    """A planner, the log it reads, and the cargo as it stands."""

    def __init__(self, *events: Any) -> None:
        self.planner = Reputation()
        self.position = 0
        self.history: list[Any] = []
        self.tell(published(), *events)

    def tell(self, *events: Any) -> "Told":
        for event in events:
            self.position += 1
            self.planner.take(
                Commit(
                    position=self.position,
                    stream="any.any",
                    events=(event,),
                    recorded_at_ms=T0_MS,
                    origin=origin(f"c{self.position}"),
                )
            )
        return self

    def jobs(self, count: int) -> "Told":
        for number in range(count):
            job_id = JobId(f"{JOB_ID}-{self.position}-{number}")
            self.tell(submitted(job_id=job_id), succeeded(job_id=job_id))
        return self

    def asked(self, now_ms: int = LATER_MS) -> list[RecordUse]:
        return [order.command for order in self.planner.plan(now_ms)]

    def outcomes(self) -> list[Outcome]:
        return [end.outcome for command in self.asked() for end in command.ends]


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (succeeded(), Outcome.SUCCEEDED),
        (failed(Failure.CRASHED), Outcome.FAILED),
        (failed(Failure.OUT_OF_FUEL), Outcome.FAILED),
        (failed(Failure.TIMED_OUT), Outcome.TIMED_OUT),
        (cancelled(attempt=1, island_id=ISLAND), Outcome.CANCELLED),
    ],
)
def test_an_end_says_something_about_the_cargo(end: Any, outcome: Outcome) -> None:
    told = Told(submitted(), assigned(), end)
    ((command),) = told.asked()
    assert command.slug == SLUG
    assert [(one.address, one.outcome) for one in command.ends] == [("4.0", outcome)]
    assert told.planner.picture.open == {}


@pytest.mark.parametrize("end", [*(failed(code) for code in JobEnd), cancelled()])
def test_what_the_cargo_had_no_part_in_is_left_out(end: Any) -> None:
    told = Told(submitted(), end)
    assert told.asked() == []
    assert told.planner.picture.open == {}


def test_a_second_opinion_is_no_use() -> None:
    assert Told(submitted(check_id=JobId("first")), succeeded()).asked() == []


def test_a_publisher_s_own_jobs_count_only_for_the_operator() -> None:
    own = (submitted(account_id=PUBLISHER), succeeded(account_id=PUBLISHER))
    assert Told(*own).asked() == []
    first_party = Told(published(is_first_party=True), *own)
    assert first_party.outcomes() == [Outcome.SUCCEEDED]


def test_ends_are_recorded_after_a_minute_or_a_hundred() -> None:
    assert (TALLY_AFTER_MS, TALLY_ENDS_MAX) == (60_000, 100)
    few = Told().jobs(99)
    assert few.asked(LATER_MS - 1) == []
    assert len(few.outcomes()) == 99
    assert len(few.jobs(1).asked(T0_MS)[0].ends) == 100


def test_more_than_a_hundred_are_recorded_in_their_order() -> None:
    told = Told().jobs(150)
    (first,) = told.asked()
    told.tell(*CARGO.decide(CARGO.fold([published()]), first))
    (second,) = told.asked()
    assert [len(first.ends), len(second.ends)] == [100, 50]
    assert first.ends[-1].position < second.ends[0].position


def test_what_was_asked_twice_is_counted_once() -> None:
    told = Told().jobs(3)
    ((first), (again)) = (told.asked()[0], told.jobs(1).asked()[0])
    history: list[Any] = [published()]
    for command in (first, again, first):
        history += CARGO.decide(CARGO.fold(history), command)
    assert CARGO.fold(history).standing.succeeded == 4
    told.tell(*(event for event in history if isinstance(event, ReputationChanged)))
    assert told.asked() == []
    assert told.planner.picture.gathered == {}


def test_a_lost_picture_is_drawn_again_from_the_log() -> None:
    told = Told().jobs(3)
    (change,) = CARGO.decide(CARGO.fold([published()]), told.asked()[0])
    before = [submitted(), succeeded(), change]
    drawn = Told(*before)
    assert isinstance(change, ReputationChanged)
    assert drawn.planner.picture.gathered == {}
    assert drawn.planner.picture.position == 4


def test_the_order_knows_the_publisher_s_tier() -> None:
    granted = PublisherTierGranted(account_id=PUBLISHER, tier=PublisherTier.VERIFIED, granted_at_ms=T0_MS)
    assert Told().jobs(1).asked()[0].publisher_tier is PublisherTier.INDIVIDUAL
    assert Told(granted).jobs(1).asked()[0].publisher_tier is PublisherTier.VERIFIED


def test_jobs_of_a_cargo_that_nobody_published_are_nobody_s() -> None:
    planner = Reputation()
    commit = Commit(
        position=1, stream="job.1", events=(submitted(),), recorded_at_ms=T0_MS, origin=origin("c")
    )
    planner.take(commit)
    assert planner.picture == Picture(position=1)
