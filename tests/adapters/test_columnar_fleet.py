"""The columnar fleet answers what the domain answers: on any fleet, after any history, for any job."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from adapters.columnar_fleet import ColumnarFleet
from commands.placer import PlainPlacer
from domain.cargo_spec import Runtime
from domain.category import CategoryPolicy
from domain.ids import AccountId, IslandId
from domain.placement import Offer, Placement, Want, affinity_key
from domain.pricing import PriceUnit
from tests.examples import CUSTOMER, OWNER, SLUG, T0_MS, cargo_with, offer_of, want_of

NAMES = [f"i-{number}" for number in range(16)]
OWNERS = [OWNER, CUSTOMER, AccountId("another"), AccountId("fourth")]
names = st.sampled_from(NAMES)
runtimes = st.sampled_from([Runtime.WASM, Runtime.WASM, Runtime.LLMCPP, Runtime.COREML])
instants_ms = st.sampled_from([T0_MS - 600_001, T0_MS - 600_000, T0_MS])
sizes_mb = st.sampled_from([0, 5, 8, 250, 300, 500])

NEEDS: dict[str, st.SearchStrategy[Any]] = {
    "trust_level": st.integers(0, 3),
    "requirements": st.fixed_dictionaries(
        {},
        optional={
            "ram_mb": sizes_mb,
            "vram_mb": sizes_mb,
            "cpu_cores": st.integers(0, 9),
            "disk_mb": sizes_mb,
        },
    ),
    "target_score": st.sampled_from([1, 100, 10**9]),
    "price_micro": st.integers(1, 9),
    "price_unit": st.sampled_from(PriceUnit),
    "platforms": st.sampled_from([("linux",), ("ios-", "darwin-")]),
    "model_mb": st.sampled_from([600, 1536, 1537, 5_000]),
    "model_format": st.just("gguf"),
    "privacy_tier": st.integers(0, 1),
    "category": st.sampled_from(["data", "language"]),
}
DEMANDS: dict[str, st.SearchStrategy[Any]] = {
    "bid_micro": st.integers(1, 12),
    "unit_bid_micro": st.integers(1, 5),
    "redundancy": st.just(2),
    "region": st.sampled_from(["eu-west", "EU", "eu-central-1,EU", "us-east,us-west-2", "nowhere"]),
    "tried": st.frozensets(names.map(IslandId), min_size=1, max_size=20),
    "excluded_owners": st.frozensets(st.sampled_from([*OWNERS, AccountId("without-islands")]), max_size=2),
    "only_island": st.sampled_from([IslandId("i-0"), IslandId("i-1"), IslandId("i-99")]),
    "privacy_tier": st.integers(1, 2),
    "account_id": st.sampled_from([AccountId("fourth"), AccountId("without-islands")]),
}
TRAITS: dict[str, st.SearchStrategy[Any]] = {
    "owner_id": st.sampled_from(OWNERS),
    "is_approved": st.just(False),
    "is_online": st.just(False),
    "is_draining": st.just(True),
    "is_suspended": st.just(True),
    "is_unsigned": st.just(True),
    "cooldown_until_ms": st.sampled_from([T0_MS, T0_MS + 1]),
    "platform": st.sampled_from(["linux-x86_64", "ios-arm64", "darwin-arm64"]),
    "region": st.sampled_from([None, "eu-central", "us-east", "us-west-2"]),
    "cpu_cores": st.sampled_from([5, 24]),
    "ram_mb": st.integers(250, 900),
    "disk_free_mb": st.sampled_from([250, 400]),
    "gpu_vram_mb": st.sampled_from([5, 8, 5_000, 10_000]),
    "gpu_bandwidth_mb_s": st.sampled_from([320_000, 1_008_000]),
    "formats": st.sampled_from([frozenset({"gguf"}), frozenset({"q1_0"})]),
    "slots": st.integers(0, 3),
    "active_jobs": st.frozensets(st.sampled_from(["x", "y"]), min_size=1),
    "trust_level_min": st.integers(1, 2),
    "categories": st.sampled_from(
        [
            CategoryPolicy(refused=("data",)),
            CategoryPolicy(allowed=("data", "other")),
            CategoryPolicy(allowed=("language", "data"), refused=("data",)),
        ]
    ),
    "karma": st.sampled_from([-20, 9, 10, 99, 100, 101]),
    "scores": st.dictionaries(runtimes.map(str), st.sampled_from([0, 1, 50, 10**6])),
    "asks_micro": st.dictionaries(st.sampled_from([SLUG, "_default", "other"]), st.integers(1, 6)),
    "warm_slugs": st.frozensets(st.sampled_from([SLUG, "other"])),
    "recent_failures_ms": st.lists(instants_ms, max_size=6).map(tuple),
    "recent_cargos_ms": st.dictionaries(
        st.sampled_from([affinity_key(one, SLUG) for one in (CUSTOMER, AccountId("fourth"))]), instants_ms
    ),
}


def some_of(traits: dict[str, st.SearchStrategy[Any]], most: int) -> st.SearchStrategy[dict[str, Any]]:
    """Few of many traits, so that most islands could take most jobs."""
    chosen = st.lists(st.sampled_from(sorted(traits)), max_size=most, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: traits[name] for name in names}))


cargos = st.builds(lambda runtime, needs: cargo_with(runtime=runtime, **needs), runtimes, some_of(NEEDS, 3))
JOBS: list[dict[str, Any]] = [
    {},
    {"privacy_tier": 1},
    {"cargo": cargo_with(runtime=Runtime.LLMCPP, model_mb=5_000)},
    {"tried": frozenset(IslandId(name) for name in NAMES[1::4])},
]
wants = st.builds(
    lambda job_id, cargo, kind, demands: want_of(job_id, **{"cargo": cargo, "bid_micro": 9} | kind | demands),
    st.sampled_from(["j-1", "j-2", "j-3"]),
    cargos,
    st.sampled_from(JOBS),
    some_of(DEMANDS, 2),
)
PLAIN: dict[str, Any] = {
    "ram_mb": 600,
    "asks_micro": {"_default": 2},
    "scores": {runtime.value: 3 for runtime in (Runtime.WASM, Runtime.COREML)} | {Runtime.LLMCPP.value: 0},
}
KINDS: list[dict[str, Any]] = [
    {},
    {"owner_id": OWNERS[2], "karma": 10},
    {"gpu_vram_mb": 5_000, "gpu_bandwidth_mb_s": 320_000},
    {"recent_failures_ms": (T0_MS - 600_001, T0_MS - 600_000)},
]


def kind_of(name: str) -> dict[str, Any]:
    """Each island has one in the same four kinds, so that jobs can be on the edge of what it may have."""
    return PLAIN | KINDS[NAMES.index(name) % len(KINDS)]


offers = st.builds(lambda name, traits: offer_of(name, **kind_of(name) | traits), names, some_of(TRAITS, 2))
changes = st.lists(st.one_of(offers, offers, offers, names.map(IslandId)), min_size=8, max_size=60)
"""An offer adds an island or changes it; a name removes one."""


class Both:
    """The two placers side by side."""

    def __init__(self) -> None:
        self.placers = PlainPlacer(), ColumnarFleet()

    def take(self, change: Offer | IslandId) -> None:
        for placer in self.placers:
            if isinstance(change, Offer):
                placer.update(change)
            else:
                placer.remove(change)

    def place(self, want: Want) -> Placement:
        plain, columnar = (placer.place(want, now_ms=T0_MS, view_position=7) for placer in self.placers)
        assert columnar == plain
        return plain


@settings(max_examples=300)
@for_all(changes, st.lists(wants, min_size=1, max_size=4))
def test_both_answer_the_same_after_any_history(history: list[Any], queue: list[Want]) -> None:
    both = Both()
    for number, change in enumerate(history):
        both.take(change)
        if number % 10 == 9:
            both.place(queue[0])
    for want in queue:
        winner = both.place(want).winner
        if winner is not None:
            both.take(replace(winner, active_jobs=winner.active_jobs | {want.job_id}))


@settings(max_examples=50)
@for_all(wants, offers, st.integers(1, 60), st.integers(0, 30))
def test_both_draw_the_same_lots_between_equals(want: Want, plain: Offer, equals: int, better: int) -> None:
    """Also where the tenth best equals the ones after it, and more of them are near than can be kept."""
    both = Both()
    for number in range(equals):
        karma = plain.karma + (20 if number < better else 0)
        both.take(replace(plain, island_id=IslandId(f"e-{number}"), karma=karma))
    both.place(want)


@for_all(st.integers(1, 60), st.integers(1, 60))
def test_of_equal_totals_the_nearer_region_wins(near: int, far: int) -> None:
    """A near island's bonus of five is a far one's hundred points of karma."""
    both = Both()
    for number in range(near):
        both.take(offer_of(f"near-{number}", region="eu-west"))
    for number in range(far):
        both.take(offer_of(f"far-{number}", region="eu-south", karma=100))
    kept = both.place(want_of(region="eu-west,EU")).explanation.candidates
    assert len({candidate.total for candidate in kept}) == 1
    assert [candidate.region for candidate in kept] == [5.0] * min(near, 10) + [0.0] * min(
        far, 10 - min(near, 10)
    )


@pytest.mark.parametrize("islands", [63, 64, 65, 300])
def test_both_answer_the_same_while_a_fleet_grows_and_shrinks(islands: int) -> None:
    both = Both()
    for number in range(islands):
        both.take(offer_of(f"i-{number}", karma=number % 7, region=f"r-{number}"))
    assert both.place(want_of()).explanation.considered == islands
    for number in range(0, islands, 2):
        both.take(IslandId(f"i-{number}"))
    assert both.place(want_of(region=f"r-{1}")).explanation.considered == islands // 2
    for number in range(0, islands, 3):
        both.take(offer_of(f"n-{number}", ram_mb=1))
    both.place(want_of())


def test_words_that_no_island_has_any_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.fleet_columns.WORDS_SPARE", 0)
    both = Both()
    for number in range(200):
        both.take(offer_of("i-0", region=f"r-{number}"))
        both.take(offer_of("i-1", region="eu-west"))
    assert both.place(want_of(region="r-199")).winner == offer_of("i-0", region="r-199")
    assert both.place(want_of(region="r-3")).winner is None
    columnar = both.placers[1]
    assert len(columnar._columns.words["region"]) <= 65
