"""Which island gets a job: a pure function of what is wanted and what is offered.

Called by the placing process with an immutable snapshot; its whole answer is stored in `JobAssigned` or
`PlacementDeferred`, so "why here" and "why not there" can be answered for as long as the log lives. Three hard
promises, tested as properties: never an unfit island; some island whenever one fits; the same answer in any order of
the offers. `adapters.columnar_fleet` answers the same for a large fleet, which a test holds it to.

Points are whole hundredths until they are shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from domain.cargo_spec import CargoSpec, Runtime
from domain.category import ANY_CATEGORY, CategoryPolicy
from domain.gpu_bandwidth import tokens_per_s
from domain.ids import AccountId, CargoSlug, IslandId, JobId
from domain.lot import lot, lot_key
from domain.metering import ask_limit_micro
from domain.placement_rules import CURRENT, FULL, PLACEMENT_RULES_VERSION, PlacementRules
from domain.region import Nearness, is_allowed, nearness

CANDIDATES_KEPT_MAX: Final = 10
RECENT_MS: Final = CURRENT.recent_ms
DEFAULT_ASK: Final = "_default"
APPLE_PLATFORMS: Final = ("ios-", "darwin-")
OWN_ISLANDS_TIER: Final = 2  # Only islands of the account that submitted the job may see its input.
PROVEN_ISLANDS_TIER: Final = 1  # Only islands with keys and with enough karma may.


class Refusal(StrEnum):
    """Why an island did not get a job. The first rule that an island breaks is the one that is counted."""

    NOT_CHOSEN = "not_chosen"  # The job is meant for one other island.
    NOT_APPROVED = "not_approved"  # Its owner has not paired it yet.
    SUSPENDED = "suspended"  # Karma fell too low; an operator looks first.
    OFFLINE = "offline"  # No heartbeat for 35 s.
    DRAINING = "draining"  # It finishes what it has and takes nothing new.
    COOLDOWN = "cooldown"  # Three faults in a row; it rests for a while.
    RUNTIME_UNSUPPORTED = "runtime_unsupported"  # It does not offer the cargo's runtime.
    PLATFORM_MISMATCH = "platform_mismatch"  # The cargo does not run on its kind of machine.
    GPU_MISSING = "gpu_missing"  # The cargo needs a GPU.
    VRAM_SHORT = "vram_short"  # Too little free GPU memory.
    RAM_SHORT = "ram_short"  # Too little free memory.
    CPU_SHORT = "cpu_short"  # Too few cores.
    DISK_SHORT = "disk_short"  # Too little free disk.
    FORMAT_UNSUPPORTED = "format_unsupported"  # It cannot load the cargo's kind of model file.
    REGION_EXCLUDED = "region_excluded"  # The job asked for another region.
    SAME_OWNER = "same_owner"  # Its owner's result is there already; another's is needed to compare.
    PRIVACY_TIER = "privacy_tier"  # The job's input is not for everybody's islands.
    UNSIGNED = "unsigned"  # It cannot sign its results, which cargos above trust level 1 need.
    TRUST_REFUSED = "trust_refused"  # Its owner takes higher trust levels only.
    CATEGORY_REFUSED = "category_refused"  # Its owner takes no cargos of this category.
    ASK_ABOVE_BID = "ask_above_bid"  # It asks more than the job bids: raise the bid.
    TRIED_BEFORE = "tried_before"  # An attempt of this job failed there.
    AT_CAPACITY = "at_capacity"  # All its slots are taken.


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What one job asks for. `tried` are the islands that failed, lost or returned it.

    A job that is run to compare results has a `check_id` and keeps away from `excluded_owners`. `privacy_tier` is the
    job's own; its cargo may ask for more.
    """

    job_id: JobId
    account_id: AccountId
    cargo: CargoSpec
    bid_micro: int
    priority: int
    region: str | None
    submitted_at_ms: int
    tried: frozenset[IslandId] = frozenset()
    attempts: int = 0
    not_before_ms: int = 0
    excluded_owners: frozenset[AccountId] = frozenset()
    only_island: IslandId | None = None
    privacy_tier: int = 0
    unit_bid_micro: int = 0
    check_id: JobId | None = None
    redundancy: int = 1

    @property
    def ask_limit_micro(self) -> int:
        """The highest ask this job can pay, for one unit of a metered cargo or for one of its runs."""
        return ask_limit_micro(
            self.cargo.price_unit,
            run_bid_micro=self.bid_micro // self.redundancy,
            unit_bid_micro=self.unit_bid_micro,
        )

    @property
    def tier(self) -> int:
        return max(self.privacy_tier, self.cargo.privacy_tier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One island as the placement sees it. `recent_failures_ms` and `recent_cargos_ms` hold instants.

    An island that has a password and no key is `is_unsigned`. `formats` of model files are empty where it told none;
    `gpu_bandwidth_mb_s` is 0 without a GPU. `valid_in_row` counts results that others confirmed, by runtime.
    """

    island_id: IslandId
    owner_id: AccountId
    name: str
    is_approved: bool = False
    is_online: bool = False
    is_draining: bool = False
    is_suspended: bool = False
    is_unsigned: bool = False
    cooldown_until_ms: int = 0
    platform: str = ""
    region: str | None = None
    cpu_cores: int = 0
    ram_mb: int = 0
    disk_free_mb: int = 0
    gpu_vram_mb: int = 0
    slots: int = 0
    active_jobs: frozenset[JobId] = frozenset()
    trust_level_min: int = 0
    karma: int = 0
    scores: Mapping[str, int] = field(default_factory=dict)
    asks_micro: Mapping[str, int] = field(default_factory=dict)
    warm_slugs: frozenset[str] = frozenset()
    recent_failures_ms: tuple[int, ...] = ()
    recent_cargos_ms: Mapping[str, int] = field(default_factory=dict)  # `<account>/<slug>` -> last time.
    gpu_bandwidth_mb_s: int = 0
    formats: frozenset[str] = frozenset()
    valid_in_row: Mapping[str, int] = field(default_factory=dict)
    categories: CategoryPolicy = ANY_CATEGORY

    @property
    def active(self) -> int:
        return len(self.active_jobs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An island that fits, with every term of its score. Dimensions are points of 0-100 before weighting."""

    island_id: IslandId
    name: str
    speed: float
    fit: float
    headroom: float
    warm: float
    region: float
    affinity: float
    karma: float
    failures: float
    price: float
    total: float
    ask_micro: int
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalCount:
    """How many islands one rule turned down, and one of them as an example."""

    code: Refusal
    count: int
    example: IslandId


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why it came out so. `view_position` is the log position of the snapshot the decision was made on.

    `turn` tells how many orders were given before in the same look at that snapshot: what they took was taken.
    """

    rules_version: int = PLACEMENT_RULES_VERSION
    view_position: int = 0
    considered: int = 0
    candidates: tuple[Candidate, ...] = ()
    refusals: tuple[RefusalCount, ...] = ()
    turn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """`has_other_owner`: an island that is not of the winner's owner fits too, or will once it has a free slot."""

    winner: Offer | None
    price_micro: int
    explanation: Explanation
    has_other_owner: bool = False


def place(
    want: Want,
    offers: Iterable[Offer],
    *,
    now_ms: int,
    view_position: int = 0,
    rules: PlacementRules = CURRENT,
) -> Placement:
    """The best island for `want`, or none, and why. The price is the winner's ask, never above the bid."""
    offers = tuple(offers)
    retry_allowed = not has_untried(want, offers, now_ms, rules)
    fits: list[Offer] = []
    refused: dict[Refusal, list[Offer]] = {}
    for offer in offers:
        code = refusal(want, offer, now_ms, retry_allowed=retry_allowed, rules=rules)
        if code is None:
            fits.append(offer)
        else:
            refused.setdefault(code, []).append(offer)
    best = best_first(want, fits, now_ms, rules)
    explanation = Explanation(
        rules_version=rules.version,
        view_position=view_position,
        considered=len(offers),
        candidates=tuple(candidate for candidate, _ in best[:CANDIDATES_KEPT_MAX]),
        refusals=tuple(refusal_count(code, refused[code]) for code in sorted(refused)),
    )
    if not best:
        return Placement(winner=None, price_micro=0, explanation=explanation)
    winner = best[0][1]
    able = [*fits, *refused.get(Refusal.AT_CAPACITY, ())]
    return Placement(
        winner=winner,
        price_micro=ask_micro(want, winner),
        explanation=explanation,
        has_other_owner=any(offer.owner_id != winner.owner_id for offer in able),
    )


def best_first(
    want: Want, fits: Iterable[Offer], now_ms: int, rules: PlacementRules
) -> list[tuple[Candidate, Offer]]:
    """Highest total first, then the nearer region, then a lot that any replay draws again."""
    job_key = lot_key(want.job_id)

    def rank(pair: tuple[Candidate, Offer]) -> tuple[float, int, int, IslandId]:
        candidate, offer = pair
        near = -nearness(want.region, offer.region)
        return (-candidate.total, near, lot(job_key, lot_key(offer.island_id)), offer.island_id)

    return sorted(((score(want, offer, now_ms, rules), offer) for offer in fits), key=rank)


def refusal_count(code: Refusal, refused: Sequence[Offer]) -> RefusalCount:
    """The example is any that does not depend on the order of the islands; this one is found in a column of keys."""
    example = min((lot_key(offer.island_id), offer.island_id) for offer in refused)[1]
    return RefusalCount(code=code, count=len(refused), example=example)


def has_untried(want: Want, offers: Sequence[Offer], now_ms: int, rules: PlacementRules = CURRENT) -> bool:
    """Whether an island that has not failed this job could run it, now or as soon as it has a free slot.

    Only where there is none may a job return to an island that lost it: a lone island that was restarted gets its job
    again, while among many a failing island does not see the same job twice.
    """
    if not want.tried:
        return True
    waitable = (None, Refusal.AT_CAPACITY)
    return any(
        offer.island_id not in want.tried
        and refusal(want, offer, now_ms, retry_allowed=False, rules=rules) in waitable
        for offer in offers
    )


def refusal(
    want: Want, offer: Offer, now_ms: int, *, retry_allowed: bool, rules: PlacementRules = CURRENT
) -> Refusal | None:
    """The first rule that turns this island down, or None where it fits."""
    if want.only_island not in (None, offer.island_id):
        return Refusal.NOT_CHOSEN
    return (
        availability_refusal(offer, now_ms)
        or machine_refusal(want, offer)
        or consent_refusal(want, offer, rules)
        or terms_refusal(want, offer, retry_allowed=retry_allowed)
    )


def availability_refusal(offer: Offer, now_ms: int) -> Refusal | None:
    if not offer.is_approved:
        return Refusal.NOT_APPROVED
    if offer.is_suspended:
        return Refusal.SUSPENDED
    if not offer.is_online:
        return Refusal.OFFLINE
    if offer.is_draining:
        return Refusal.DRAINING
    if now_ms < offer.cooldown_until_ms:
        return Refusal.COOLDOWN
    return None


def machine_refusal(want: Want, offer: Offer) -> Refusal | None:
    needs = want.cargo.requirements
    if want.cargo.runtime not in offer.scores:
        return Refusal.RUNTIME_UNSUPPORTED
    if not runs_on(want.cargo, offer.platform):
        return Refusal.PLATFORM_MISMATCH
    if needs.vram_mb and not offer.gpu_vram_mb:
        return Refusal.GPU_MISSING
    if needs.vram_mb > offer.gpu_vram_mb:
        return Refusal.VRAM_SHORT
    if memory_needed_mb(want) > offer.ram_mb:
        return Refusal.RAM_SHORT
    if needs.cpu_cores > offer.cpu_cores:
        return Refusal.CPU_SHORT
    if needs.disk_mb > offer.disk_free_mb:
        return Refusal.DISK_SHORT
    if not loads(want.cargo, offer.formats):
        return Refusal.FORMAT_UNSUPPORTED
    return None


def consent_refusal(want: Want, offer: Offer, rules: PlacementRules) -> Refusal | None:
    """Whom the customer trusts with the job, and whose cargos the owner takes."""
    if not is_allowed(want.region, offer.region):
        return Refusal.REGION_EXCLUDED
    if offer.owner_id in want.excluded_owners:
        return Refusal.SAME_OWNER
    if not may_see(want, offer, rules):
        return Refusal.PRIVACY_TIER
    if offer.is_unsigned and want.cargo.trust_level > rules.unsigned_trust_level_max:
        return Refusal.UNSIGNED
    if want.cargo.trust_level < offer.trust_level_min:
        return Refusal.TRUST_REFUSED
    if not offer.categories.takes(want.cargo.category):
        return Refusal.CATEGORY_REFUSED
    return None


def terms_refusal(want: Want, offer: Offer, *, retry_allowed: bool) -> Refusal | None:
    if ask_micro(want, offer) > want.ask_limit_micro:
        return Refusal.ASK_ABOVE_BID
    if offer.island_id in want.tried and not retry_allowed:
        return Refusal.TRIED_BEFORE
    if offer.active >= offer.slots:
        return Refusal.AT_CAPACITY
    return None


def runs_on(cargo: CargoSpec, platform: str) -> bool:
    """Core ML exists on Apple's systems only, whatever an island says."""
    if cargo.runtime is Runtime.COREML and not platform.startswith(APPLE_PLATFORMS):
        return False
    return not cargo.platforms or platform.startswith(cargo.platforms)


def loads(cargo: CargoSpec, formats: frozenset[str]) -> bool:
    """An island that tells no formats is taken to load what its runtime loads."""
    return not cargo.model_format or not formats or cargo.model_format in formats


def may_see(want: Want, offer: Offer, rules: PlacementRules) -> bool:
    """Whether an island may see the job's input."""
    if want.tier >= OWN_ISLANDS_TIER:
        return offer.owner_id == want.account_id
    if want.tier >= PROVEN_ISLANDS_TIER:
        return not offer.is_unsigned and offer.karma >= rules.private_karma_min
    return True


def memory_needed_mb(want: Want) -> int:
    """What the cargo asks for, and at least what its sandbox may use."""
    return max(want.cargo.requirements.ram_mb, want.cargo.limits.memory_mb)


def ask_micro(want: Want, offer: Offer) -> int:
    """The island's ask for this cargo, else its default ask, else the cargo's default price."""
    asks = offer.asks_micro
    return asks.get(want.cargo.slug, asks.get(DEFAULT_ASK, want.cargo.price_micro))


def score(want: Want, offer: Offer, now_ms: int, rules: PlacementRules = CURRENT) -> Candidate:
    """Every term of an island's score; `total` is the sum of the others, the first three by their weights."""
    speed = speed_points(want, offer)
    fit = fit_points(*binding_mb(want, offer), rules)
    headroom = FULL * (offer.slots - offer.active) // offer.slots
    by_speed, by_fit, by_headroom = rules.weights[want.cargo.runtime]
    ask = ask_micro(want, offer)
    terms = {
        "warm": rules.warm if want.cargo.slug in offer.warm_slugs else 0,
        "region": region_points(nearness(want.region, offer.region), rules),
        "affinity": rules.affinity if is_affine(want, offer, now_ms, rules) else 0,
        "karma": rules.karma_each * max(0, min(offer.karma, rules.karma_counted_max)),
        "failures": rules.failure_each * failures_counted(offer, now_ms, rules),
        "price": rules.price * ask // max(1, want.ask_limit_micro),
    }
    weighted = (by_speed * speed + by_fit * fit + by_headroom * headroom) // 100
    total = weighted + sum(terms.values())
    return Candidate(
        island_id=offer.island_id,
        name=offer.name,
        speed=speed / 100,
        fit=fit / 100,
        headroom=headroom / 100,
        total=total / 100,
        ask_micro=ask,
        level=level_of(speed=speed, fit=fit, headroom=headroom, total=total),
        **{name: points / 100 for name, points in terms.items()},
    )


def affinity_key(account_id: AccountId, slug: CargoSlug) -> str:
    return f"{account_id}/{slug}"


def is_affine(want: Want, offer: Offer, now_ms: int, rules: PlacementRules) -> bool:
    last_run_ms = offer.recent_cargos_ms.get(affinity_key(want.account_id, want.cargo.slug))
    return last_run_ms is not None and now_ms - last_run_ms <= rules.recent_ms


def failures_counted(offer: Offer, now_ms: int, rules: PlacementRules) -> int:
    recent = sum(now_ms - failed_ms <= rules.recent_ms for failed_ms in offer.recent_failures_ms)
    return min(recent, rules.failures_counted_max)


def region_points(near: Nearness, rules: PlacementRules) -> int:
    return (0, rules.region_adjacent, rules.region_same)[near]


def speed_points(want: Want, offer: Offer) -> int:
    """The speed against the cargo's target. What an engine measured of itself outranks what its GPU lets expect."""
    cargo = want.cargo
    found = offer.scores[cargo.runtime]
    if cargo.runtime is Runtime.LLMCPP and not found:
        found = tokens_per_s(offer.gpu_bandwidth_mb_s, offer.gpu_vram_mb, offer.cpu_cores, cargo.model_mb)
    return FULL * min(found, cargo.target_score) // cargo.target_score


def binding_mb(want: Want, offer: Offer) -> tuple[int, int]:
    """Needed and available GPU memory where the cargo uses a GPU, else memory."""
    if want.cargo.requirements.vram_mb:
        return want.cargo.requirements.vram_mb, offer.gpu_vram_mb
    return memory_needed_mb(want), offer.ram_mb


def fit_points(needed_mb: int, available_mb: int, rules: PlacementRules = CURRENT) -> int:
    """How well a job fills an island: full between half and four fifths.

    Falls linearly to `fit_idle` where next to nothing is needed, and to 0 where all is.
    """
    available_mb = max(1, available_mb)
    low, high = rules.fit_best_from_percent, rules.fit_best_to_percent
    if 100 * needed_mb < low * available_mb:
        return rules.fit_idle + 100 * (FULL - rules.fit_idle) * needed_mb // (low * available_mb)
    if 100 * needed_mb <= high * available_mb:
        return FULL
    return 100 * FULL * (available_mb - needed_mb) // ((100 - high) * available_mb)


def level_of(*, speed: int, fit: int, headroom: int, total: int) -> str:
    """The word shown to people: perfect, good or marginal. In hundredths of a point."""
    if fit >= 8_000 and speed >= 6_000:
        return "perfect"
    return "good" if total >= 6_000 and headroom >= 2_000 else "marginal"
