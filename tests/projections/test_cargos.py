"""The catalogue shows the latest version of a cargo, its number for ever, and whether it may be run."""

from dataclasses import replace

from commands.event_log import Commit
from domain.cargo import CARGO
from domain.cargo_events import (
    CargoDisabled,
    CargoEnabled,
    CargoEvent,
    CargoPublished,
    CargoRated,
    CargoSubmittedForReview,
    ComplaintFiled,
    DisableCause,
)
from projections.cargo_changes import changes_of
from projections.cargos import cargo_after, cargo_version_after
from tests import cargo_examples, examples
from tests.histories import History
from tests.projections.live import folded, reading

FIRST = CargoPublished(cargo=examples.CARGO_VERSION, published_at_ms=1)
SECOND = CargoPublished(
    cargo=replace(examples.CARGO_VERSION, name="Better", spec=examples.cargo_with(version="2.0.0")),
    published_at_ms=2,
)
DISABLED = CargoDisabled(slug=examples.SLUG, reason="broken", disabled_at_ms=3)
ENABLED = CargoEnabled(slug=examples.SLUG, enabled_at_ms=4)


def test_the_latest_version_stands_under_the_first_ones_number() -> None:
    row = folded(cargo_after, FIRST, SECOND)
    assert (row.cargo, row.published_at_ms) == (SECOND.cargo, 2)
    assert (row.created_position, row.position) == (1, 2)


def test_a_disabled_cargo_stays_so_whatever_is_published_until_it_is_enabled() -> None:
    row = folded(cargo_after, FIRST, DISABLED, SECOND)
    assert (row.is_disabled, row.disabled_reason, row.cargo) == (True, "broken", SECOND.cargo)
    row = folded(cargo_after, FIRST, DISABLED, SECOND, ENABLED)
    assert (row.is_disabled, row.disabled_reason) == (False, None)


def test_every_version_is_kept() -> None:
    assert cargo_version_after(None, SECOND, 5).version == "2.0.0"


def test_a_row_stands_as_the_cargo_does() -> None:
    story = (
        FIRST,
        cargo_examples.reputation_changed(),
        CargoRated(
            slug=examples.SLUG, account_id=examples.CUSTOMER, job_id=examples.JOB_ID, stars=5, rated_at_ms=4
        ),
        ComplaintFiled(
            slug=examples.SLUG, account_id=examples.CUSTOMER, job_id=examples.JOB_ID, text="no", filed_at_ms=5
        ),
        cargo_examples.level_changed(0, 2),
    )
    row, state = folded(cargo_after, *story), CARGO.fold(story)
    assert (row.standing, row.trust_level) == (state.standing, state.trust_level)
    assert (row.standing.reputation_milli, row.trust_level) == (1_010, 2)


def test_a_cargo_waits_for_staff_from_when_it_was_disabled_or_asked_until_it_is_reviewed() -> None:
    by_complaints = replace(DISABLED, cause=DisableCause.COMPLAINTS)
    asked = CargoSubmittedForReview(slug=examples.SLUG, artifact_digest="", submitted_at_ms=9)
    assert folded(cargo_after, FIRST, DISABLED).awaits_review_since_ms is None
    assert folded(cargo_after, FIRST, asked).awaits_review_since_ms == 9
    assert folded(cargo_after, FIRST, by_complaints).awaits_review_since_ms == 3
    assert folded(cargo_after, FIRST, by_complaints, cargo_examples.reviewed()).awaits_review_since_ms is None


def test_every_event_of_a_cargo_is_a_change_with_its_evidence() -> None:
    events = (FIRST, DISABLED, ENABLED, *(e for e in cargo_examples.EVENTS if isinstance(e, CargoEvent)))
    commit = Commit(
        position=7, stream="cargo.any", events=events, recorded_at_ms=11, origin=examples.origin("c")
    )
    changes = list(changes_of(commit))
    assert [(change.position, change.index) for change in changes] == [(7, n) for n in range(len(events))]
    told = {change.what: change.evidence for change in changes}
    assert told["reputation +0.010 to 1.010: 1 succeeded"] == ("7.0",)
    assert told["trust level 0 -> 1: earned"] == ("scan s-1",)
    assert told["disabled: broken"] == ()
    assert not any("it lies" in what for what in told)


async def test_the_history_the_queue_and_who_ran_it_can_be_asked_for(postgres_dsn: str) -> None:
    history = History()
    history.add("cargo.any", FIRST)
    history.add("cargo.any", replace(DISABLED, cause=DisableCause.REPUTATION))
    history.add("job.1", examples.submitted())
    history.add("job.1", examples.assigned())
    waiting = list(history.commits)
    history.add("job.1", examples.started())
    async with reading(postgres_dsn, waiting) as reads:
        assert [row.slug for row in await reads.cargos_awaiting_review(10)] == [examples.SLUG]
        assert [change.position for change in await reads.cargo_changes(examples.SLUG, 10)] == [2, 1]
        assert len(await reads.cargo_changes(examples.SLUG, 1)) == 1
        assert await reads.job_that_ran(examples.CUSTOMER, examples.SLUG) is None
    async with reading(postgres_dsn, history.commits) as reads:
        assert await reads.job_that_ran(examples.CUSTOMER, examples.SLUG) == examples.JOB_ID
        assert await reads.job_that_ran(examples.OWNER, examples.SLUG) is None
