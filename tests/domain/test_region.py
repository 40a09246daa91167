"""Regions: what a policy allows, how near regions are, and which policies nobody could meet."""

import pytest

from domain.region import POLICY_WORDS_MAX, Nearness, checked_policy, is_allowed, known_region, nearness


@pytest.mark.parametrize(
    ("policy", "region", "allowed"),
    [
        (None, None, True),
        (None, "us-east", True),
        ("eu-west", "eu-west", True),
        ("eu-west", None, False),
        ("eu-west", "eu-central", False),
        ("EU", "eu-central", True),
        ("EU", "us-east", False),
        ("EU", "europe", False),
        ("EU-West", "eu-west-2", True),
        ("CH", "ch", True),
        ("CH", "eu-central", False),
        ("eu-central-1", "eu-central", True),
        ("us-east, CH", "ch", True),
    ],
)
def test_a_job_runs_only_where_its_policy_allows(
    policy: str | None, region: str | None, allowed: bool
) -> None:
    assert is_allowed(policy, region) is allowed


@pytest.mark.parametrize(
    ("policy", "region", "near"),
    [
        (None, "eu-west", Nearness.FAR),
        ("eu-west", None, Nearness.FAR),
        ("EU", "eu-central", Nearness.SAME),
        ("eu-west,eu-central-1", "eu-central", Nearness.ADJACENT),
        ("us-west-2,us-east", "us-east", Nearness.ADJACENT),
        ("us-east,eu-west", "eu-west", Nearness.FAR),
    ],
)
def test_the_first_region_of_a_policy_is_where_a_job_would_best_run(
    policy: str | None, region: str | None, near: Nearness
) -> None:
    assert nearness(policy, region) is near


@pytest.mark.parametrize("claimed", [None, "", "auto", "LOCAL", " "])
def test_what_tells_no_region_is_no_region(claimed: str | None) -> None:
    assert known_region(claimed) is None


@pytest.mark.parametrize(
    ("policy", "rule"),
    [
        (",".join((POLICY_WORDS_MAX + 1) * ["ch"]), "at most 8"),
        ("local", "leave it out"),
        ("eu-west,", "leave it out"),
        ("eu west", "letters, digits and hyphens"),
    ],
)
def test_a_policy_that_nobody_could_meet_is_refused_with_its_rule(policy: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        checked_policy(policy)


def test_a_policy_may_name_eight_regions() -> None:
    assert checked_policy(",".join(POLICY_WORDS_MAX * ["eu-west"]))
