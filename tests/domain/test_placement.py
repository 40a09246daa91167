"""Placement: one worked example, every refusal, and the three promises as properties."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.cargo_spec import Runtime
from domain.category import ANY_CATEGORY, CategoryPolicy
from domain.ids import AccountId, IslandId
from domain.lot import lot, lot_key
from domain.placement import (
    CANDIDATES_KEPT_MAX,
    RECENT_MS,
    Candidate,
    Offer,
    Placement,
    Refusal,
    Want,
    affinity_key,
    fit_points,
    level_of,
    place,
    refusal,
)
from domain.placement_rules import CURRENT, WEIGHTS
from domain.pricing import PriceUnit
from tests.examples import (
    BID_MICRO,
    CUSTOMER,
    JOB_ID,
    OFFER,
    OTHER_JOB_ID,
    OWNER,
    PRICE_MICRO,
    SLUG,
    T0_MS,
    cargo_with,
    offer_of,
    want_of,
)

BUSY = frozenset({OTHER_JOB_ID})


def placed(want: Want, *offers: Offer) -> Placement:
    return place(want, offers, now_ms=T0_MS, view_position=7)


def winner_of(want: Want, *offers: Offer) -> str:
    winner = placed(want, *offers).winner
    assert winner is not None
    return winner.island_id


# Who is fit.

UNFIT: list[tuple[Refusal, dict[str, Any], dict[str, Any]]] = [
    (Refusal.NOT_CHOSEN, {}, {"only_island": IslandId("another")}),
    (Refusal.NOT_APPROVED, {"is_approved": False}, {}),
    (Refusal.SUSPENDED, {"is_suspended": True}, {}),
    (Refusal.OFFLINE, {"is_online": False}, {}),
    (Refusal.DRAINING, {"is_draining": True}, {}),
    (Refusal.COOLDOWN, {"cooldown_until_ms": T0_MS + 1}, {}),
    (Refusal.RUNTIME_UNSUPPORTED, {"scores": {"container": 100}}, {}),
    (Refusal.PLATFORM_MISMATCH, {}, {"cargo": cargo_with(platforms=("darwin-", "ios-"))}),
    (Refusal.PLATFORM_MISMATCH, {"scores": {"coreml": 5}}, {"cargo": cargo_with(runtime=Runtime.COREML)}),
    (Refusal.GPU_MISSING, {}, {"cargo": cargo_with(requirements={"vram_mb": 1})}),
    (Refusal.VRAM_SHORT, {"gpu_vram_mb": 1_000}, {"cargo": cargo_with(requirements={"vram_mb": 1_001})}),
    (Refusal.RAM_SHORT, {"ram_mb": 255}, {}),
    (Refusal.RAM_SHORT, {}, {"cargo": cargo_with(requirements={"ram_mb": 401})}),
    (Refusal.CPU_SHORT, {}, {"cargo": cargo_with(requirements={"cpu_cores": 5})}),
    (Refusal.DISK_SHORT, {}, {"cargo": cargo_with(requirements={"disk_mb": 10_001})}),
    (
        Refusal.FORMAT_UNSUPPORTED,
        {"formats": frozenset({"q1_0"})},
        {"cargo": cargo_with(model_format="gguf")},
    ),
    (Refusal.REGION_EXCLUDED, {}, {"region": "us-east"}),
    (Refusal.SAME_OWNER, {}, {"excluded_owners": frozenset({OWNER})}),
    (Refusal.PRIVACY_TIER, {"karma": 9}, {"privacy_tier": 1}),
    (Refusal.PRIVACY_TIER, {"karma": 10, "is_unsigned": True}, {"cargo": cargo_with(privacy_tier=1)}),
    (Refusal.PRIVACY_TIER, {"karma": 10}, {"privacy_tier": 2}),
    (Refusal.REGION_EXCLUDED, {"region": None}, {"region": "us-east"}),
    (Refusal.UNSIGNED, {"is_unsigned": True}, {"cargo": cargo_with(trust_level=2)}),
    (Refusal.TRUST_REFUSED, {"trust_level_min": 1}, {}),
    (
        Refusal.CATEGORY_REFUSED,
        {"categories": CategoryPolicy(allowed=("language",))},
        {"cargo": cargo_with(category="data")},
    ),
    (
        Refusal.CATEGORY_REFUSED,
        {"categories": CategoryPolicy(refused=("data", "mining"))},
        {"cargo": cargo_with(category="data")},
    ),
    (Refusal.CATEGORY_REFUSED, {"categories": CategoryPolicy(refused=("other",))}, {}),
    (Refusal.ASK_ABOVE_BID, {"asks_micro": {SLUG: BID_MICRO + 1}}, {}),
    (Refusal.ASK_ABOVE_BID, {"asks_micro": {"_default": BID_MICRO + 1}}, {}),
    (Refusal.ASK_ABOVE_BID, {}, {"bid_micro": PRICE_MICRO - 1}),
    (Refusal.ASK_ABOVE_BID, {}, {"bid_micro": 2 * PRICE_MICRO - 1, "redundancy": 2}),
    (
        Refusal.ASK_ABOVE_BID,
        {},
        {"unit_bid_micro": PRICE_MICRO - 1, "cargo": cargo_with(price_unit=PriceUnit.SECOND)},
    ),
    (Refusal.AT_CAPACITY, {"slots": 1, "active_jobs": BUSY}, {}),
    (Refusal.AT_CAPACITY, {"slots": 0}, {}),
]


@pytest.mark.parametrize(("code", "offer", "want"), UNFIT)
def test_each_rule_turns_an_island_down(code: Refusal, offer: dict[str, Any], want: dict[str, Any]) -> None:
    answer = placed(want_of(**want), replace(OFFER, **offer))
    assert answer.winner is None
    assert [(count.code, count.count) for count in answer.explanation.refusals] == [(code, 1)]
    assert not answer.has_other_owner


@pytest.mark.parametrize("level", [0, 1])
def test_an_island_that_cannot_sign_takes_cargos_of_the_lower_trust_levels(level: int) -> None:
    want, offer = want_of(cargo=cargo_with(trust_level=level)), replace(OFFER, is_unsigned=True)
    assert winner_of(want, offer) == offer.island_id


def test_every_refusal_has_a_case() -> None:
    assert {code for code, _, _ in UNFIT} == set(Refusal) - {Refusal.TRIED_BEFORE}


@pytest.mark.parametrize(
    ("offer", "want"),
    [
        ({"cooldown_until_ms": T0_MS}, {}),
        ({"ram_mb": 256}, {}),
        ({"gpu_vram_mb": 1_000}, {"cargo": cargo_with(requirements={"vram_mb": 1_000})}),
        ({}, {"cargo": cargo_with(requirements={"cpu_cores": 4, "disk_mb": 10_000, "ram_mb": 400})}),
        ({}, {"region": "eu-west"}),
        ({}, {"region": "us-east,EU"}),
        ({}, {"only_island": OFFER.island_id}),
        ({}, {"cargo": cargo_with(platforms=("darwin-", "linux"))}),
        (
            {"platform": "ios-arm64", "scores": {"coreml": 5}},
            {"cargo": cargo_with(runtime=Runtime.COREML)},
        ),
        ({"formats": frozenset({"gguf"})}, {"cargo": cargo_with(model_format="gguf")}),
        ({"formats": frozenset()}, {"cargo": cargo_with(model_format="gguf")}),
        ({}, {"excluded_owners": frozenset({AccountId("another")})}),
        ({"karma": 10}, {"privacy_tier": 1}),
        ({"owner_id": CUSTOMER, "is_unsigned": True}, {"privacy_tier": 2}),
        ({}, {"bid_micro": 2 * PRICE_MICRO, "redundancy": 2}),
        ({}, {"unit_bid_micro": PRICE_MICRO, "cargo": cargo_with(price_unit=PriceUnit.SECOND)}),
        ({}, {"bid_micro": PRICE_MICRO}),
        ({"trust_level_min": 1}, {"cargo": cargo_with(trust_level=1)}),
        (
            {"categories": CategoryPolicy(allowed=("data", "media"), refused=("mining",))},
            {"cargo": cargo_with(category="data")},
        ),
        ({"categories": CategoryPolicy(allowed=("other",))}, {}),
        ({"asks_micro": {SLUG: 1, "_default": BID_MICRO + 1}}, {}),
        ({"slots": 2, "active_jobs": BUSY}, {}),
    ],
)
def test_what_is_just_enough_is_enough(offer: dict[str, Any], want: dict[str, Any]) -> None:
    assert placed(want_of(**want), replace(OFFER, **offer)).winner is not None


def test_an_island_is_counted_under_the_first_rule_it_breaks() -> None:
    wrong: dict[str, Any] = {"is_approved": False, "is_online": False, "slots": 0}
    assert refusal(want_of(), replace(OFFER, **wrong), T0_MS, retry_allowed=True) is Refusal.NOT_APPROVED


def test_refusals_are_counted_with_an_example() -> None:
    offers = [
        offer_of("b", is_online=False),
        offer_of("a", is_online=False),
        offer_of("c", ram_mb=1),
        offer_of("d"),
    ]
    explanation = placed(want_of(), *offers).explanation
    counted = [(count.code, count.count, count.example) for count in explanation.refusals]
    first = min(map(IslandId, "ab"), key=lot_key)
    assert counted == [(Refusal.OFFLINE, 2, first), (Refusal.RAM_SHORT, 1, "c")]
    assert (explanation.considered, explanation.view_position) == (4, 7)


# The retry rule.

TRIED = frozenset({IslandId("a")})


def test_a_job_goes_elsewhere_after_a_failure() -> None:
    better = offer_of("a", karma=100)
    assert winner_of(want_of(), better, offer_of("b")) == "a"
    assert winner_of(want_of(tried=TRIED), better, offer_of("b")) == "b"


def test_a_job_waits_for_another_island_that_is_only_busy() -> None:
    busy = offer_of("b", slots=1, active_jobs=BUSY)
    answer = placed(want_of(tried=TRIED), offer_of("a"), busy)
    assert answer.winner is None
    assert {count.code for count in answer.explanation.refusals} == {
        Refusal.TRIED_BEFORE,
        Refusal.AT_CAPACITY,
    }


@pytest.mark.parametrize(
    "other", [{"is_online": False}, {"ram_mb": 1}, {"asks_micro": {SLUG: BID_MICRO + 1}}]
)
def test_a_job_returns_where_no_other_island_could_ever_take_it(other: dict[str, Any]) -> None:
    assert winner_of(want_of(tried=TRIED), offer_of("a"), offer_of("b", **other)) == "a"
    assert winner_of(want_of(tried=TRIED), offer_of("a")) == "a"


# The score.


def test_the_worked_example() -> None:
    """Half the speed; 256 of 320 MB; one of four slots taken; warm, near, seen lately, trusted, one failure."""
    offer = offer_of(
        "a",
        ram_mb=320,
        slots=4,
        active_jobs=BUSY,
        scores={"wasm": 50},
        karma=41,
        warm_slugs=frozenset({SLUG}),
        recent_failures_ms=(T0_MS - RECENT_MS - 1, T0_MS - RECENT_MS),
        recent_cargos_ms={affinity_key(CUSTOMER, SLUG): T0_MS - RECENT_MS},
    )
    answer = placed(want_of(region="eu-west"), offer)
    assert answer.explanation.candidates == (
        Candidate(
            island_id=IslandId("a"),
            name="a",
            speed=50.0,  # 50 of 100
            fit=100.0,  # 80 % used
            headroom=75.0,  # 1 of 4 taken
            warm=10.0,
            region=5.0,
            affinity=5.0,
            karma=2.05,  # 41 / 20
            failures=-5.0,  # the older one is forgotten
            price=-8.0,  # 4 of 5 credits
            total=87.8,  # (25 * 50 + 40 * 100 + 35 * 75) / 100 = 78.75, and 9.05 of adjustments
            ask_micro=PRICE_MICRO,
            level="good",
        ),
    )
    assert answer.price_micro == PRICE_MICRO


def only_candidate(want: Want, **offer: Any) -> Candidate:
    (found,) = placed(want, replace(OFFER, **offer)).explanation.candidates
    return found


def test_adjustments_are_bounded() -> None:
    failures = tuple(T0_MS - number for number in range(9))
    assert only_candidate(want_of(), recent_failures_ms=failures).failures == -20.0
    assert only_candidate(want_of(), karma=5_000).karma == 5.0
    assert only_candidate(want_of(), karma=-7).karma == 0.0
    assert only_candidate(want_of(), scores={"wasm": 10**9}).speed == 100.0


def test_the_adjustments_need_their_reasons() -> None:
    elsewhere = {affinity_key(CUSTOMER, SLUG): T0_MS - RECENT_MS - 1}
    plain = only_candidate(want_of(), recent_cargos_ms=elsewhere, warm_slugs=frozenset({"another"}))
    assert (plain.warm, plain.region, plain.affinity, plain.karma, plain.failures) == (0, 0, 0, 0, 0)
    assert only_candidate(want_of(), region=None).region == 0


def test_the_gpu_binds_where_the_cargo_uses_one() -> None:
    want = want_of(cargo=cargo_with(requirements={"vram_mb": 600}))
    assert only_candidate(want, gpu_vram_mb=1_000, ram_mb=10**6).fit == 100.0


@pytest.mark.parametrize(
    ("used_percent", "points"),
    [(0, 40), (25, 70), (50, 100), (65, 100), (80, 100), (90, 50), (100, 0)],
)
def test_the_fit_is_best_between_half_and_four_fifths(used_percent: int, points: int) -> None:
    assert fit_points(used_percent, 100) == 100 * points


def test_every_runtime_weighs_speed_fit_and_headroom() -> None:
    assert WEIGHTS.keys() == set(Runtime)
    assert {sum(weights) for weights in WEIGHTS.values()} == {100}


@pytest.mark.parametrize(
    ("speed", "fit", "headroom", "total", "level"),
    [
        (60, 80, 0, 0, "perfect"),
        (59, 80, 20, 60, "good"),
        (60, 79, 20, 60, "good"),
        (59, 79, 19, 60, "marginal"),
        (59, 79, 20, 59, "marginal"),
    ],
)
def test_people_see_a_word_for_the_score(speed: int, fit: int, headroom: int, total: int, level: str) -> None:
    found = level_of(speed=100 * speed, fit=100 * fit, headroom=100 * headroom, total=100 * total)
    assert found == level


def test_the_winner_is_paid_its_own_ask() -> None:
    answer = placed(want_of(), offer_of("a", asks_micro={"_default": 3}), offer_of("b"))
    assert answer.winner is not None
    assert (answer.winner.island_id, answer.price_micro) == ("a", 3)


def test_equals_draw_lots_that_any_replay_draws_again() -> None:
    offers = [offer_of(name) for name in "abcdef"]
    winners = {winner_of(want_of(f"j-{number}"), *offers) for number in range(60)}
    assert winners == set("abcdef")
    assert f"{lot(lot_key(JOB_ID), lot_key('a')):016x}" == "799e53eeb006e4e6"


def test_the_ten_best_are_kept_best_first() -> None:
    offers = [offer_of(f"i-{karma}", karma=karma) for karma in range(20)]
    kept = placed(want_of(), *offers).explanation.candidates
    assert [candidate.island_id for candidate in kept] == [f"i-{karma}" for karma in range(19, 9, -1)]
    assert len(kept) == CANDIDATES_KEPT_MAX


# The speed of language models.


@pytest.mark.parametrize(
    ("offer", "speed"),
    [
        ({"gpu_bandwidth_mb_s": 1_008_000, "gpu_vram_mb": 24_576}, 61.5),  # 123 tokens/s of 200.
        ({"gpu_bandwidth_mb_s": 1_008_000, "gpu_vram_mb": 4_000}, 31.0),  # Half: the model does not fit.
        ({"gpu_bandwidth_mb_s": 1_008_000, "gpu_vram_mb": 24_576, "scores": {"llmcpp": 40}}, 20.0),
        ({"gpu_bandwidth_mb_s": 0}, 0.5),
    ],
)
def test_a_language_model_runs_as_fast_as_measured_or_as_memory_is_read(
    offer: dict[str, Any], speed: float
) -> None:
    want = want_of(cargo=cargo_with(runtime=Runtime.LLMCPP, target_score=200))
    assert only_candidate(want, **{"scores": {"llmcpp": 0}} | offer).speed == speed


# Results that are compared.


def test_a_second_owner_is_known_of_even_while_his_islands_are_busy() -> None:
    first, same = offer_of("a", karma=100), offer_of("b")
    busy = offer_of("c", owner_id=AccountId("another"), slots=1, active_jobs=BUSY)
    assert not placed(want_of(), first, same).has_other_owner
    assert placed(want_of(), first, busy).has_other_owner
    assert not placed(want_of(), first, replace(busy, is_online=False)).has_other_owner


# Other rules.


def test_a_counterfactual_decides_by_other_rules() -> None:
    loyal = offer_of("a", asks_micro={SLUG: 5_000_000}, warm_slugs=frozenset({SLUG}))
    cheap = offer_of("b", asks_micro={SLUG: 1})
    rules = replace(CURRENT, version=99, warm=0)
    assert winner_of(want_of(), loyal, cheap) == "a"
    answer = place(want_of(), [loyal, cheap], now_ms=T0_MS, rules=rules)
    assert answer.winner == cheap
    assert answer.explanation.rules_version == 99


# The three promises.

names = st.sampled_from([f"i-{number}" for number in range(9)])
runtimes = st.sampled_from([Runtime.WASM, Runtime.CONTAINER])
wants = st.builds(
    want_of,
    st.sampled_from(["j-1", "j-2", "j-3"]),
    bid_micro=st.integers(1, 9),
    region=st.sampled_from([None, "eu-west"]),
    tried=st.frozensets(names.map(IslandId), max_size=4),
    cargo=st.builds(
        cargo_with,
        runtime=runtimes,
        trust_level=st.integers(0, 1),
        category=st.sampled_from(["", "data"]),
        requirements=st.fixed_dictionaries(
            {"ram_mb": st.integers(0, 500), "vram_mb": st.sampled_from([0, 0, 5])}
        ),
        target_score=st.integers(1, 100),
    ),
)
offers_of_names = st.builds(
    offer_of,
    names,
    is_online=st.sampled_from([True, True, True, False]),
    is_draining=st.sampled_from([False, False, True]),
    cooldown_until_ms=st.sampled_from([0, 0, T0_MS + 1]),
    region=st.sampled_from(["eu-west", None]),
    ram_mb=st.integers(200, 600),
    gpu_vram_mb=st.sampled_from([0, 4, 8]),
    slots=st.integers(0, 2),
    active_jobs=st.frozensets(st.sampled_from(["x", "y"]), max_size=2),
    trust_level_min=st.integers(0, 1),
    categories=st.sampled_from([ANY_CATEGORY, CategoryPolicy(refused=("data",))]),
    karma=st.integers(-20, 200),
    scores=st.dictionaries(runtimes.map(str), st.integers(0, 200), min_size=1),
    asks_micro=st.sampled_from([{"_default": 1}, {"_default": 5}, {SLUG: 9}]),
)
fleets = st.lists(offers_of_names, unique_by=lambda offer: offer.island_id, max_size=8)


def fits(want: Want, offer: Offer) -> bool:
    """Written down a second time, so that a rule that is dropped from the placement is missed."""
    needs = want.cargo.requirements
    return (
        offer.is_approved
        and offer.is_online
        and not offer.is_draining
        and not offer.is_suspended
        and offer.cooldown_until_ms <= T0_MS
        and want.cargo.runtime in offer.scores
        and needs.vram_mb <= offer.gpu_vram_mb
        and max(needs.ram_mb, want.cargo.limits.memory_mb) <= offer.ram_mb
        and want.region in (None, offer.region)
        and want.cargo.trust_level >= offer.trust_level_min
        and want.cargo.category not in offer.categories.refused
        and offer.asks_micro.get(SLUG, offer.asks_micro.get("_default", 0)) <= want.bid_micro
    )


@for_all(wants, fleets)
def test_never_an_unfit_island(want: Want, fleet: list[Offer]) -> None:
    answer = placed(want, *fleet)
    if answer.winner is None:
        return
    assert fits(want, answer.winner)
    assert answer.winner.active < answer.winner.slots
    assert 0 < answer.price_micro <= want.bid_micro
    elsewhere = [
        offer for offer in fleet if fits(want, offer) and offer.slots and offer.island_id not in want.tried
    ]
    assert answer.winner.island_id not in want.tried or not elsewhere


@for_all(wants, fleets)
def test_some_island_whenever_one_fits(want: Want, fleet: list[Offer]) -> None:
    able = [offer for offer in fleet if fits(want, offer)]
    fresh = [offer for offer in able if offer.island_id not in want.tried]
    free = [offer for offer in fresh or able if offer.active < offer.slots]
    assert (placed(want, *fleet).winner is not None) == bool(free)


@for_all(wants, fleets, st.randoms(use_true_random=False))
def test_the_order_of_the_offers_does_not_matter(want: Want, fleet: list[Offer], chance: Any) -> None:
    shuffled = list(fleet)
    chance.shuffle(shuffled)
    assert placed(want, *shuffled) == placed(want, *fleet)


@for_all(wants, fleets)
def test_every_island_is_a_candidate_or_a_counted_refusal(want: Want, fleet: list[Offer]) -> None:
    explanation = placed(want, *fleet).explanation
    refused: Counter[Refusal] = Counter()
    for count in explanation.refusals:
        refused[count.code] += count.count
        assert count.example in {offer.island_id for offer in fleet}
    assert refused.total() + len(explanation.candidates) == explanation.considered == len(fleet)


@for_all(wants, fleets)
def test_candidates_come_best_first_and_their_terms_add_up(want: Want, fleet: list[Offer]) -> None:
    answer = placed(want, *fleet)
    found = answer.explanation.candidates
    assert sorted(found, key=lambda candidate: -candidate.total) == list(found)
    by_speed, by_fit, by_headroom = WEIGHTS[want.cargo.runtime]
    for one in found:
        weighted = (by_speed * one.speed + by_fit * one.fit + by_headroom * one.headroom) / 100
        extras = one.warm + one.region + one.affinity + one.karma + one.failures + one.price
        assert 0 <= weighted + extras - one.total < 0.01 + 1e-9  # Cut to hundredths.
    if answer.winner is not None:
        assert answer.winner.island_id == found[0].island_id
