"""What a cargo may use at each trust level and how it gets there, in the numbers that publishers are told.

That every limit is kept from one to its bound stands in `tests/domain/test_trust.py`, and that a sandbox really keeps
them in `tests/adapters/runtime`.
"""

from dataclasses import replace
from typing import Any

import pytest

from domain.cargo import CARGO
from domain.cargo_commands import EnableCargo, PublishCargo
from domain.cargo_events import (
    CargoDisabled,
    CargoEnabled,
    CargoEvent,
    DisableCause,
    ReputationChanged,
    TrustLevelChanged,
    TrustReason,
)
from domain.cargo_spec import CargoVersion
from domain.cargo_state import spec_to_run
from domain.cargo_trust import FALL_RUNS_MIN, TRUST_RULES_VERSION, case_of, missing
from domain.ids import CargoSlug
from domain.publisher import PUBLISHER, ClaimSlug, Publisher, PublisherTier
from domain.rejection import Rejected, Rejection
from domain.reputation import Outcome, Tally
from domain.trust import LEVEL_LIMITS, SANDBOX_TIERS
from tests.cargo_examples import (
    level_changed,
    published,
    record_scan,
    record_use,
    reputation_changed,
    review,
    reviewed,
    scanned,
    use_end,
)
from tests.examples import CARGO_VERSION, SLUG, T0_MS, cargo_with
from tests.examples import PUBLISHER as PUBLISHER_ID

GIB_MB = 1024
MIB = 1 << 20

TABLE = {
    "memory_mb": (256, 1 * GIB_MB, 8 * GIB_MB, 16 * GIB_MB),
    "cpus": (1, 2, 4, 8),
    "wall_s": (60, 5 * 60, 30 * 60, 60 * 60),
    "pids": (64, 128, 256, 512),
    "tmpfs_mb": (64, 256, 1 * GIB_MB, 4 * GIB_MB),
    "output_bytes": (4 * MIB, 16 * MIB, 64 * MIB, 256 * MIB),
    "fuel": (10**10, 10**11, 10**12, 10**13),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_most_a_cargo_may_use_at_each_level(name: str) -> None:
    assert tuple(getattr(limits, name) for limits in LEVEL_LIMITS) == TABLE[name]


def test_every_limit_has_a_line_in_the_table() -> None:
    assert set(TABLE) == set(LEVEL_LIMITS[0].__slots__)


def test_a_sandbox_is_restricted_standard_or_elevated() -> None:
    assert SANDBOX_TIERS == ("restricted", "standard", "elevated", "elevated")


RUNS = 100


def used(succeeded: int, failed: int = 0, **fields: Any) -> ReputationChanged:
    """The cargo has run so often before, and its reputation is fine."""
    tally = Tally(succeeded=succeeded, failed=failed)
    known: dict[str, Any] = {"tally": tally, "reputation_milli": 2_000, "counted_through": 1}
    return reputation_changed(**known | fields)


def decided(*past: CargoEvent, command: Any) -> list[CargoEvent]:
    return CARGO.decide(CARGO.fold(past), command)


def moves(events: list[CargoEvent]) -> list[tuple[int, int, TrustReason]]:
    found = [event for event in events if isinstance(event, TrustLevelChanged)]
    return [(event.from_level, event.to_level, event.reason) for event in found]


def asking_for(level: int, **fields: Any) -> CargoVersion:
    return replace(CARGO_VERSION, spec=cargo_with(trust_level=level, **fields))


COMMUNITY = published(cargo=asking_for(1))
TRUSTED = (published(cargo=asking_for(2)), used(RUNS, reputation_milli=2_000), level_changed(0, 2))


@pytest.mark.parametrize("asked", range(4))
def test_publishing_alone_reaches_level_zero(asked: int) -> None:
    (event,) = decided(command=PublishCargo(cargo=asking_for(asked), now_ms=T0_MS))
    assert event == published(cargo=asking_for(asked), trust_level=0)


@pytest.mark.parametrize("asked", range(4))
def test_the_operator_s_own_cargos_have_the_level_they_ask_for(asked: int) -> None:
    command = PublishCargo(cargo=asking_for(asked), now_ms=T0_MS, is_first_party=True)
    (event,) = decided(command=command)
    assert event == published(cargo=asking_for(asked), trust_level=asked, is_first_party=True)


def test_level_one_takes_a_clean_scan_a_hundred_jobs_success_above_95_percent_and_a_verified_publisher() -> (
    None
):
    assert moves(decided(COMMUNITY, used(RUNS), command=record_scan())) == [(0, 1, TrustReason.EARNED)]
    last = record_use((use_end(2),), PublisherTier.VERIFIED)
    assert moves(decided(COMMUNITY, scanned(), used(RUNS - 1), command=last)) == [(0, 1, TrustReason.EARNED)]


@pytest.mark.parametrize(
    ("past", "command"),
    [
        ([used(RUNS)], record_scan(critical=1)),
        ([used(RUNS)], record_scan(high=1)),
        ([used(RUNS - 1)], record_scan()),
        ([used(95, 5)], record_scan()),
        ([used(RUNS, reputation_milli=999)], record_scan()),
        ([used(RUNS)], record_scan(publisher_tier=PublisherTier.INDIVIDUAL)),
        ([used(RUNS)], record_use((use_end(2),), PublisherTier.VERIFIED)),
    ],
    ids=["critical", "high", "99 jobs", "95 percent", "reputation", "publisher", "no scan"],
)
def test_without_one_of_them_level_one_is_not_reached(past: list[CargoEvent], command: Any) -> None:
    assert moves(decided(COMMUNITY, *past, command=command)) == []


def test_the_operator_is_verified_enough() -> None:
    own = published(cargo=asking_for(1), trust_level=1, is_first_party=True)
    individual = record_scan(publisher_tier=PublisherTier.INDIVIDUAL)
    fallen = (own, used(RUNS), level_changed(1, 0))
    assert moves(decided(*fallen, command=individual)) == [(0, 1, TrustReason.EARNED)]


def test_more_than_95_percent_is_enough() -> None:
    assert moves(decided(COMMUNITY, used(96, 4), command=record_scan())) == [(0, 1, TrustReason.EARNED)]


def test_a_level_never_rises_above_the_one_that_was_asked_for() -> None:
    assert moves(decided(published(), used(RUNS), command=record_scan())) == []
    assert moves(decided(COMMUNITY, command=review())) == [(0, 1, TrustReason.EARNED)]


def test_level_two_takes_a_review_by_staff_that_names_a_signature() -> None:
    asking = published(cargo=asking_for(2))
    assert moves(decided(asking, command=review())) == [(0, 2, TrustReason.REVIEWED)]
    assert moves(decided(asking, command=review(is_passed=False, signature_digest=None))) == []
    with pytest.raises(Rejected) as rejected:
        decided(asking, command=review(signature_digest=None))
    assert rejected.value.code is Rejection.SIGNATURE_MISSING


def test_level_three_is_first_party_only() -> None:
    asking = published(cargo=asking_for(3))
    assert moves(decided(asking, command=review())) == [(0, 2, TrustReason.REVIEWED)]
    own = (replace(asking, trust_level=3, is_first_party=True), level_changed(3, 0))
    assert moves(decided(*own, command=review())) == [(0, 3, TrustReason.REVIEWED)]


@pytest.mark.parametrize("found", [{"critical": 1}, {"high": 1}])
def test_new_findings_take_a_cargo_to_level_zero(found: dict[str, int]) -> None:
    assert moves(decided(*TRUSTED, command=record_scan(**found))) == [(2, 0, TrustReason.FINDINGS)]


def test_findings_in_an_artifact_that_runs_no_more_move_nothing() -> None:
    newer = published(
        cargo=asking_for(2, version="2.0.0", artifact_digest=f"sha256:{'b' * 64}"), trust_level=2
    )
    assert moves(decided(*TRUSTED, newer, command=record_scan(critical=1))) == []


def test_success_below_80_percent_takes_a_cargo_to_level_zero() -> None:
    failing = (published(cargo=asking_for(2)), used(80, 19), level_changed(0, 2))
    last = record_use((use_end(2, Outcome.FAILED),))
    assert moves(decided(*failing, command=last)) == []
    more = record_use((use_end(2, Outcome.FAILED), use_end(3, Outcome.FAILED)))
    (move,) = (event for event in decided(*failing, command=more) if isinstance(event, TrustLevelChanged))
    assert (move.from_level, move.to_level, move.reason) == (2, 0, TrustReason.SUCCESS_LOW)
    assert move.evidence == ("2.0", "3.0")
    assert move.trust_rules_version == TRUST_RULES_VERSION == 1


def test_twenty_runs_are_the_least_that_a_level_is_lost_over() -> None:
    assert FALL_RUNS_MIN == 20
    for runs, lost in ((18, []), (19, [(2, 0, TrustReason.SUCCESS_LOW)])):
        early = (published(cargo=asking_for(2)), used(0, runs), level_changed(0, 2))
        assert moves(decided(*early, command=record_use((use_end(2, Outcome.FAILED),)))) == lost


def test_a_reputation_below_one_takes_one_level_away_and_once() -> None:
    low = (*TRUSTED, used(0, reputation_milli=1_050))
    fall = decided(*low, command=record_use((use_end(2, Outcome.FAILED),)))
    assert moves(fall) == [(2, 1, TrustReason.REPUTATION_LOW)]
    again = record_use((use_end(3, Outcome.FAILED),))
    assert moves(decided(*low, *fall, command=again)) == []
    recovered = used(0, reputation_milli=1_000, counted_through=3)
    later = record_use((use_end(4, Outcome.FAILED),))
    assert moves(decided(*low, *fall, recovered, command=later)) == [(1, 0, TrustReason.REPUTATION_LOW)]


def test_after_a_fall_the_old_review_counts_no_more() -> None:
    reviewed_once = (published(cargo=asking_for(2)), used(RUNS), reviewed(), level_changed(0, 2))
    found = decided(*reviewed_once, command=record_scan(critical=1))
    clean = record_scan(scan_id="s-2")
    assert moves(decided(*reviewed_once, *found, command=clean)) == [(0, 1, TrustReason.EARNED)]


def test_what_complaints_disabled_a_review_enables() -> None:
    disabled = CargoDisabled(
        slug=SLUG, reason="10 complaints", disabled_at_ms=T0_MS, cause=DisableCause.COMPLAINTS
    )
    assert CargoEnabled(slug=SLUG, enabled_at_ms=T0_MS) in decided(published(), disabled, command=review())
    refused = review(is_passed=False, signature_digest=None)
    assert CargoEnabled(slug=SLUG, enabled_at_ms=T0_MS) not in decided(published(), disabled, command=refused)


def test_what_was_killed_only_an_operator_revives() -> None:
    killed = CargoDisabled(slug=SLUG, reason="it mines", disabled_at_ms=T0_MS, is_killed=True)
    assert CargoEnabled(slug=SLUG, enabled_at_ms=T0_MS) not in decided(published(), killed, command=review())
    assert decided(published(), killed, command=EnableCargo(slug=SLUG, now_ms=T0_MS)) == [
        CargoEnabled(slug=SLUG, enabled_at_ms=T0_MS)
    ]


def test_new_bytes_begin_at_level_zero_and_a_new_text_does_not() -> None:
    reworded = asking_for(2, version="1.0.1")
    rebuilt = asking_for(2, version="1.1.0", artifact_digest=f"sha256:{'b' * 64}")
    same = decided(*TRUSTED, command=PublishCargo(cargo=reworded, now_ms=T0_MS))
    new = decided(*TRUSTED, command=PublishCargo(cargo=rebuilt, now_ms=T0_MS))
    assert same == [published(cargo=reworded, trust_level=2)]
    assert moves(new) == [(2, 0, TrustReason.NEW_ARTIFACT)]


def test_a_job_runs_inside_the_limits_of_the_present_level() -> None:
    large = LEVEL_LIMITS[2]
    spec = spec_to_run(replace(asking_for(2).spec, limits=large), 1)
    assert (spec.trust_level, spec.limits) == (1, LEVEL_LIMITS[1])
    small = replace(LEVEL_LIMITS[0], memory_mb=5)
    assert spec_to_run(replace(asking_for(2).spec, limits=small), 1).limits == small


@pytest.mark.parametrize(
    ("tier", "most"),
    [
        (PublisherTier.INDIVIDUAL, 3),
        (PublisherTier.VERIFIED, 10),
        (PublisherTier.ORGANIZATION, None),
        (PublisherTier.PARTNER, None),
    ],
)
def test_individuals_publish_three_cargos_verified_ten_organizations_and_partners_any(
    tier: PublisherTier, most: int | None
) -> None:
    state = Publisher(tier=tier, slugs=frozenset(CargoSlug(f"c-{n}") for n in range(most or 50)))
    more = ClaimSlug(account_id=PUBLISHER_ID, slug=CargoSlug("one-more"), now_ms=T0_MS)
    if most is None:
        assert len(PUBLISHER.decide(state, more)) == 1
        return
    with pytest.raises(Rejected) as rejected:
        PUBLISHER.decide(state, more)
    assert rejected.value.code is Rejection.CARGOS_EXCEEDED
    one_less = replace(state, slugs=frozenset(sorted(state.slugs)[1:]))
    assert len(PUBLISHER.decide(one_less, more)) == 1


def test_a_missing_condition_is_told_in_words() -> None:
    state = CARGO.fold([COMMUNITY, used(90, 10)])
    case = case_of(state, PublisherTier.INDIVIDUAL, scan=None, review=None)
    assert missing(case) == (
        "a scan of the present artifact",
        "more than 95 % success; 90 of 100 runs succeeded",
        "a verified publisher",
    )
