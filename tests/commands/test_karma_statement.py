"""An island's karma, explained from its own events: the sum, the pending minutes, the past."""

from collections.abc import Sequence

from commands.event_log import Commit
from commands.karma_statement import WORK, Moment, karma_statement, terms_of
from domain.failure import Failure
from domain.ids import IslandId
from domain.island import ISLAND
from domain.island_commands import PenalizeFlood
from domain.karma import Penalty
from tests.examples import OTHER_JOB_ID
from tests.story import Story


def worked_and_failed() -> Story:
    """One job that fails on its island, and one that loses its lease there later."""
    story = Story()
    story.join("attic")
    story.submit()
    story.wait()
    story.start()
    story.fail(Failure.ENGINE_ERROR)
    story.submit(OTHER_JOB_ID)
    story.wait()
    story.start(OTHER_JOB_ID)
    story.wait(65)
    return story


def history(story: Story) -> Sequence[Commit]:
    return [commit for commit in story.commits if commit.stream == "island.attic"]


def test_the_terms_of_a_statement_add_up_to_the_karma() -> None:
    story = worked_and_failed()
    flood = PenalizeFlood(
        island_id=IslandId("attic"), flood_id="f-1", messages_per_s=900, now_ms=story.now_ms
    )
    story.do(ISLAND, "attic", flood)
    statement = karma_statement(history(story), Moment())
    terms = terms_of(statement.changes)
    assert statement.karma == story.island("attic").standing.karma == sum(term.delta for term in terms)
    assert [(term.cause, term.delta) for term in terms][-1] == (Penalty.FLOODED, -12)
    assert Penalty.ATTEMPT_FAILED in {term.cause for term in terms}


def test_every_change_names_the_address_of_its_event() -> None:
    story = worked_and_failed()
    for change in karma_statement(history(story), Moment()).changes:
        event = story.commits[change.position - 1].events[change.index]
        assert (event.karma, event.karma_delta) == (change.karma, change.delta)


def test_a_statement_of_the_past_knows_nothing_later() -> None:
    story = worked_and_failed()
    whole = karma_statement(history(story), Moment()).changes
    assert len(whole) >= 2
    by_position = karma_statement(history(story), Moment(position=whole[0].position)).changes
    assert by_position == whole[:1]
    by_time = karma_statement(history(story), Moment(at_ms=whole[0].at_ms)).changes
    assert by_time == tuple(change for change in whole if change.at_ms <= whole[0].at_ms)
    assert karma_statement(history(story), Moment(position=0)).changes == ()


def test_work_that_is_not_yet_a_point_is_pending_and_no_term() -> None:
    story = Story()
    story.join("attic")
    story.submit()
    story.wait()
    story.start()
    story.now_ms += 30_000
    story.succeed()
    statement = karma_statement(history(story), Moment())
    (change,) = statement.changes
    assert (change.cause, change.delta, change.multiplier_permille) == (WORK, 0, 1500)
    assert terms_of(statement.changes) == ()
    assert statement.pending_minutes == story.island("attic").standing.pending_minutes
