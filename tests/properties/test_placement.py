"""What anybody may rely on when a job is placed, for any job and any islands; and for any queue of jobs.

Never an unfit island, some island whenever one fits, the same in any order: these three are beside the placement, in
`tests/domain/test_placement.py`. Here is what an owner and a customer would try next.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from commands.processes.fair_queue import Told
from commands.processes.placing import Picture, Placing
from domain.cargo_spec import Runtime
from domain.category import ANY_CATEGORY, CategoryPolicy
from domain.ids import AccountId, IslandId, JobId
from domain.job_commands import AssignJob
from domain.placement import Offer, Refusal, Want, affinity_key, place, refusal
from tests.examples import CUSTOMER, ISLAND, SLUG, T0_MS, cargo_with, offer_of, want_of

OTHER_OWNER: Final = AccountId("other-owner")
names = st.sampled_from([f"i-{number}" for number in range(9)])
runtimes = st.sampled_from([Runtime.WASM, Runtime.LLMCPP])
requirements = st.fixed_dictionaries(
    {
        "ram_mb": st.integers(0, 500),
        "vram_mb": st.sampled_from([0, 0, 5]),
        "cpu_cores": st.integers(0, 4),
        "disk_mb": st.integers(0, 300),
    }
)
cargos = st.builds(
    cargo_with,
    runtime=runtimes,
    trust_level=st.integers(0, 3),
    requirements=requirements,
    target_score=st.integers(2, 100),
    platforms=st.sampled_from([(), (), ("linux",)]),
    model_format=st.sampled_from(["", "gguf"]),
    privacy_tier=st.sampled_from([0, 0, 1]),
    price_micro=st.integers(1, 9),
)
wants = st.builds(
    want_of,
    st.sampled_from(["j-1", "j-2", "j-3"]).map(JobId),
    bid_micro=st.integers(3, 9),
    region=st.sampled_from([None, "eu-west", "EU", "us-east, eu-west"]),
    tried=st.frozensets(names.map(IslandId), max_size=4),
    cargo=cargos,
    excluded_owners=st.sampled_from([frozenset[AccountId](), frozenset({OTHER_OWNER})]),
    only_island=st.sampled_from([None, None, None, IslandId("i-3")]),
    privacy_tier=st.sampled_from([0, 0, 0, 1, 2]),
    redundancy=st.integers(1, 2),
)
FAULTS: Final[list[dict[str, Any]]] = [
    {"is_approved": False},
    {"is_online": False},
    {"is_suspended": True},
    {"is_draining": True},
    {"is_unsigned": True},
    {"owner_id": OTHER_OWNER},
    {"owner_id": CUSTOMER},
    {"platform": "ios-arm64"},
    {"formats": frozenset({"q1_0"})},
    {"karma": 9},
    {"cooldown_until_ms": T0_MS + 1},
    {"region": None},
    {"cpu_cores": 1},
    {"ram_mb": 300},
    {"disk_free_mb": 100},
    {"gpu_vram_mb": 0},
    {"gpu_vram_mb": 4},
    {"slots": 0},
    {"active_jobs": frozenset({"x", "y", "z"})},
    {"trust_level_min": 3},
    {"categories": CategoryPolicy(refused=("other",))},
    {"scores": {Runtime.WASM.value: 7}},
    {"asks_micro": {"_default": 6}},
    {"asks_micro": {SLUG: 9}},
]


@st.composite
def offers(draw: st.DrawFn, faults_max: int = 2) -> Offer:
    """An island that could run nearly everything, but for what is wrong with it."""
    faults = draw(st.lists(st.sampled_from(FAULTS), max_size=faults_max))
    fields: dict[str, Any] = {
        "cpu_cores": 6,
        "disk_free_mb": 500,
        "gpu_vram_mb": 8,
        "ram_mb": draw(st.integers(500, 900)),
        "slots": draw(st.integers(1, 3)),
        "active_jobs": draw(st.sampled_from([frozenset[str](), frozenset({"x"})])),
        "karma": draw(st.integers(-20, 200)),
        "scores": {runtime.value: draw(st.integers(0, 200)) for runtime in (Runtime.WASM, Runtime.LLMCPP)},
        "asks_micro": draw(st.sampled_from([{}, {"_default": 1}, {SLUG: 3, "_default": 9}])),
    }
    for fault in faults:
        fields |= fault
    return offer_of(draw(names), **fields)


fleets = st.lists(offers(), unique_by=lambda offer: offer.island_id, max_size=6)


def winner_of(want: Want, fleet: list[Offer]) -> Offer | None:
    return place(want, fleet, now_ms=T0_MS).winner


# Every rule once more, as a sentence about a job and an island, with what would change it. `archipelago job why`
# says the same in words.


class Rule(NamedTuple):
    is_broken: Callable[[Want, Offer], bool]
    mend: Callable[[Want, Offer], tuple[Want, Offer]]


def mended_by(**change: Callable[[Want], Any]) -> Callable[[Want, Offer], tuple[Want, Offer]]:
    """What the island would have to be, given the job."""
    return lambda want, offer: (want, replace(offer, **{name: of(want) for name, of in change.items()}))


def ask_of(want: Want, offer: Offer) -> int:
    return offer.asks_micro.get(SLUG, offer.asks_micro.get("_default", want.cargo.price_micro))


def may_see(want: Want, offer: Offer) -> bool:
    """A customer's own islands see his inputs of tier 2; of tier 1, those with keys and karma do."""
    tier = max(want.privacy_tier, want.cargo.privacy_tier)
    is_proven = offer.karma >= 10 and not offer.is_unsigned
    return [True, is_proven, offer.owner_id == want.account_id][tier]


RULES: Final[dict[Refusal, Rule]] = {
    Refusal.NOT_CHOSEN: Rule(
        lambda want, offer: want.only_island is not None and want.only_island != offer.island_id,
        lambda want, offer: (replace(want, only_island=None), offer),
    ),
    Refusal.NOT_APPROVED: Rule(lambda _, offer: not offer.is_approved, mended_by(is_approved=lambda _: True)),
    Refusal.SUSPENDED: Rule(lambda _, offer: offer.is_suspended, mended_by(is_suspended=lambda _: False)),
    Refusal.OFFLINE: Rule(lambda _, offer: not offer.is_online, mended_by(is_online=lambda _: True)),
    Refusal.DRAINING: Rule(lambda _, offer: offer.is_draining, mended_by(is_draining=lambda _: False)),
    Refusal.COOLDOWN: Rule(
        lambda _, offer: offer.cooldown_until_ms > T0_MS, mended_by(cooldown_until_ms=lambda _: T0_MS)
    ),
    Refusal.RUNTIME_UNSUPPORTED: Rule(
        lambda want, offer: want.cargo.runtime not in offer.scores,
        mended_by(scores=lambda want: {want.cargo.runtime: 1}),
    ),
    Refusal.PLATFORM_MISMATCH: Rule(
        lambda want, offer: bool(want.cargo.platforms) and offer.platform.split("/")[0] != "linux",
        mended_by(platform=lambda _: "linux/amd64"),
    ),
    Refusal.GPU_MISSING: Rule(
        lambda want, offer: want.cargo.requirements.vram_mb > 0 == offer.gpu_vram_mb,
        mended_by(gpu_vram_mb=lambda _: 1),
    ),
    Refusal.VRAM_SHORT: Rule(
        lambda want, offer: want.cargo.requirements.vram_mb > offer.gpu_vram_mb,
        mended_by(gpu_vram_mb=lambda want: want.cargo.requirements.vram_mb),
    ),
    Refusal.RAM_SHORT: Rule(
        lambda want, offer: max(want.cargo.requirements.ram_mb, want.cargo.limits.memory_mb) > offer.ram_mb,
        mended_by(ram_mb=lambda want: max(want.cargo.requirements.ram_mb, want.cargo.limits.memory_mb)),
    ),
    Refusal.CPU_SHORT: Rule(
        lambda want, offer: want.cargo.requirements.cpu_cores > offer.cpu_cores,
        mended_by(cpu_cores=lambda want: want.cargo.requirements.cpu_cores),
    ),
    Refusal.DISK_SHORT: Rule(
        lambda want, offer: want.cargo.requirements.disk_mb > offer.disk_free_mb,
        mended_by(disk_free_mb=lambda want: want.cargo.requirements.disk_mb),
    ),
    Refusal.FORMAT_UNSUPPORTED: Rule(
        lambda want, offer: bool(want.cargo.model_format and offer.formats - {"gguf"}),
        mended_by(formats=lambda _: frozenset({"gguf"})),
    ),
    Refusal.REGION_EXCLUDED: Rule(
        lambda want, offer: want.region is not None and offer.region != "eu-west",
        lambda want, offer: (replace(want, region=None), offer),
    ),
    Refusal.SAME_OWNER: Rule(
        lambda want, offer: offer.owner_id in want.excluded_owners,
        lambda want, offer: (replace(want, excluded_owners=frozenset()), offer),
    ),
    Refusal.PRIVACY_TIER: Rule(
        lambda want, offer: not may_see(want, offer),
        lambda want, offer: (want, replace(offer, owner_id=CUSTOMER, karma=10, is_unsigned=False)),
    ),
    Refusal.UNSIGNED: Rule(
        lambda want, offer: offer.is_unsigned and want.cargo.trust_level > 1,
        mended_by(is_unsigned=lambda _: False),
    ),
    Refusal.TRUST_REFUSED: Rule(
        lambda want, offer: want.cargo.trust_level < offer.trust_level_min,
        mended_by(trust_level_min=lambda want: want.cargo.trust_level),
    ),
    Refusal.CATEGORY_REFUSED: Rule(
        lambda want, offer: (want.cargo.category or "other") in offer.categories.refused,
        mended_by(categories=lambda _: ANY_CATEGORY),
    ),
    Refusal.ASK_ABOVE_BID: Rule(
        lambda want, offer: ask_of(want, offer) > want.bid_micro // want.redundancy,
        lambda want, offer: (replace(want, bid_micro=ask_of(want, offer) * want.redundancy), offer),
    ),
    Refusal.TRIED_BEFORE: Rule(
        lambda want, offer: offer.island_id in want.tried,
        lambda want, offer: (replace(want, tried=frozenset()), offer),
    ),
    Refusal.AT_CAPACITY: Rule(
        lambda _, offer: offer.active >= offer.slots,
        lambda want, offer: (want, replace(offer, slots=offer.active + 1)),
    ),
}


def test_every_refusal_is_a_rule() -> None:
    assert RULES.keys() == set(Refusal)


def first_broken(want: Want, offer: Offer) -> Refusal:
    return next(code for code, rule in RULES.items() if rule.is_broken(want, offer))


@pytest.mark.parametrize("tried", [frozenset(), frozenset({ISLAND})], ids=["fresh", "tried"])
def test_of_any_two_faults_the_first_in_the_order_of_the_rules_is_counted(tried: frozenset[IslandId]) -> None:
    needs = {"ram_mb": 500, "vram_mb": 5, "cpu_cores": 4, "disk_mb": 300}
    cargo = cargo_with(requirements=needs, trust_level=2, runtime=Runtime.LLMCPP, privacy_tier=1)
    cargo = replace(cargo, platforms=("linux",), model_format="gguf")
    demanding = want_of(bid_micro=5, region="eu-west", tried=tried, cargo=cargo)
    demanding = replace(demanding, excluded_owners=frozenset({OTHER_OWNER, CUSTOMER}))
    able: dict[str, Any] = {"cpu_cores": 6, "disk_free_mb": 500, "gpu_vram_mb": 8, "ram_mb": 600}
    able |= {"karma": 10, "scores": {"llmcpp": 5}, "asks_micro": {"_default": 1}}
    for one, other in product(FAULTS, FAULTS):
        offer = offer_of(ISLAND, **able | one | other)
        code = refusal(demanding, offer, T0_MS, retry_allowed=False)
        assert code is first_broken(demanding, offer)


@settings(max_examples=200)
@for_all(wants, offers(faults_max=5))
def test_a_refusal_is_true_and_the_first_and_what_it_names_is_all_that_is_wrong(
    want: Want, offer: Offer
) -> None:
    """Mending one thing after another, as each refusal says, leads to an island that fits."""
    while (code := refusal(want, offer, T0_MS, retry_allowed=False)) is not None:
        assert code is first_broken(want, offer)
        want, offer = RULES[code].mend(want, offer)
    assert not any(rule.is_broken(want, offer) for rule in RULES.values())
    assert winner_of(want, [offer]) == offer


@for_all(wants, fleets)
def test_an_island_that_loses_changes_nothing_by_staying_away(want: Want, fleet: list[Offer]) -> None:
    winner = winner_of(want, fleet)
    for loser in fleet if winner else ():
        if loser != winner:
            assert winner_of(want, [offer for offer in fleet if offer != loser]) == winner


LATELY: Final = {affinity_key(CUSTOMER, SLUG): T0_MS}
IN_FAVOUR: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "a lower ask": ({"asks_micro": {SLUG: 1}}, {"asks_micro": {SLUG: 2}}),
    "more karma": ({"karma": 7}, {"karma": 6}),
    "a warm cargo": ({"warm_slugs": frozenset({SLUG})}, {"warm_slugs": frozenset()}),
    "the same customer lately": ({"recent_cargos_ms": LATELY}, {"recent_cargos_ms": {}}),
    "no failure lately": ({"recent_failures_ms": ()}, {"recent_failures_ms": (T0_MS,)}),
    "more speed": ({"scores": {"wasm": 2, "llmcpp": 2}}, {"scores": {"wasm": 1, "llmcpp": 1}}),
    "more free slots": ({"slots": 9}, {"slots": 8}),
}


@pytest.mark.parametrize("favour", IN_FAVOUR)
@settings(max_examples=25)
@for_all(want=wants, offer=offers(faults_max=0))
def test_of_two_islands_alike_in_all_else_the_job_goes_where_there_is(
    favour: str, want: Want, offer: Offer
) -> None:
    want = replace(want, only_island=None, excluded_owners=frozenset(), privacy_tier=0, redundancy=1)
    want = replace(want, cargo=replace(want.cargo, privacy_tier=0))
    better, worse = IN_FAVOUR[favour]
    common: dict[str, Any] = {"slots": 3, "active_jobs": frozenset({"x"}), "asks_micro": {SLUG: 3}}
    first = replace(offer, island_id=IslandId("first"), **common | better)
    second = replace(offer, island_id=IslandId("second"), **common | worse)
    assert winner_of(want, [second, first]) == first


@for_all(wants, fleets)
def test_the_price_is_the_winner_s_ask_and_never_above_the_bid(want: Want, fleet: list[Offer]) -> None:
    answer = place(want, fleet, now_ms=T0_MS)
    if answer.winner is None:
        assert answer.price_micro == 0
    else:
        assert answer.price_micro == ask_of(want, answer.winner)
        assert 0 < answer.price_micro <= want.bid_micro


# A queue of jobs: what one look of the planner orders.


@st.composite
def queues(draw: st.DrawFn) -> list[Want]:
    """Up to eight waiting jobs of three accounts."""
    drawn = draw(st.lists(st.tuples(wants, st.sampled_from("abc"), st.integers(0, 2)), max_size=8))
    return [
        replace(want, job_id=JobId(f"j-{number}"), account_id=AccountId(account), priority=priority)
        for number, (want, account, priority) in enumerate(drawn)
    ]


TOLD: Final = Told(codes=frozenset({Refusal.OFFLINE}), at_ms=T0_MS)


def planned(queue: list[Want], fleet: list[Offer]) -> list[AssignJob]:
    """Jobs of priority 1 have been told already why it waits."""
    picture = Picture(
        position=1,
        offers={offer.island_id: offer for offer in fleet},
        waiting={want.job_id: want for want in queue},
        deferred={want.job_id: TOLD for want in queue if want.priority == 1},
    )
    orders = Placing(lambda: 0, picture).plan(T0_MS)
    return [order.command for order in orders if isinstance(order.command, AssignJob)]


@for_all(queues(), fleets)
def test_one_look_fills_no_slot_twice_and_leaves_none_empty_that_a_job_could_use(
    queue: list[Want], fleet: list[Offer]
) -> None:
    assignments = planned(queue, fleet)
    assert len({one.job_id for one in assignments}) == len(assignments)
    taken = {offer.island_id: offer for offer in fleet}
    for one in assignments:
        offer = taken[one.island_id]
        taken[one.island_id] = replace(offer, active_jobs=offer.active_jobs | {one.job_id})
    assert all(offer.active <= offer.slots for offer in taken.values() if offer not in fleet), (
        "more jobs than slots"
    )
    left = [want for want in queue if want.job_id not in {one.job_id for one in assignments}]
    assert all(winner_of(want, list(taken.values())) is None for want in left)


@for_all(queues(), fleets, st.randoms(use_true_random=False))
def test_one_look_orders_the_same_in_whatever_order_jobs_and_islands_became_known(
    queue: list[Want], fleet: list[Offer], chance: Any
) -> None:
    before = planned(queue, fleet)
    chance.shuffle(queue)
    chance.shuffle(fleet)
    assert planned(queue, fleet) == before


@for_all(st.lists(st.sampled_from("abc"), max_size=12), st.integers(0, 6))
def test_accounts_share_the_slots_evenly_however_many_jobs_each_has(accounts: list[str], slots: int) -> None:
    queue = [want_of(f"j-{number}", account_id=AccountId(account)) for number, account in enumerate(accounts)]
    wanted = Counter(accounts)
    account_of = {want.job_id: want.account_id for want in queue}
    got = Counter(account_of[one.job_id] for one in planned(queue, [offer_of("i-0", slots=slots)]))
    assert got.total() == min(slots, len(queue))
    for one in wanted:
        for other in wanted:
            assert got[AccountId(one)] >= min(got[AccountId(other)] - 1, wanted[one])
