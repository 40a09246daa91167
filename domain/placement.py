"""Which island gets a job: a pure function of what is wanted and what is offered.

Called by the placing process with an immutable snapshot; its whole answer is stored in `JobAssigned` or
`PlacementDeferred`, so "why here" and "why not there" can be answered for as long as the log lives. Three hard
promises, tested as properties: never an unfit island; some island whenever one fits; the same answer in any order of
the offers.
Same owner (redundancy), formats and privacy tiers come with their features.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from domain.cargo_spec import CargoSpec, Runtime
from domain.ids import AccountId, CargoSlug, IslandId, JobId

PLACEMENT_RULES_VERSION: Final = 2
CANDIDATES_KEPT_MAX: Final = 10
UNSIGNED_TRUST_LEVEL_MAX: Final = 1
"""The highest trust level of a cargo on an island that cannot sign what it delivers."""
RECENT_MS: Final = 10 * 60_000  # How long failures and affinity count.
DEFAULT_ASK: Final = "_default"
WEIGHTS: Final = {  # Speed, fit, headroom; each row adds up to 100.
    Runtime.LLMCPP: (50, 35, 15),
    Runtime.CONTAINER: (30, 40, 30),
    Runtime.WASM: (25, 40, 35),
    Runtime.ONNX: (45, 40, 15),
    Runtime.COREML: (45, 40, 15),
    Runtime.DIFFUSERS: (45, 35, 20),
}


class Refusal(StrEnum):
    """Why an island did not get a job. The first rule that an island breaks is the one that is counted."""

    NOT_APPROVED = "not_approved"  # Its owner has not paired it yet.
    SUSPENDED = "suspended"  # Karma fell too low; an operator looks first.
    OFFLINE = "offline"  # No heartbeat for 35 s.
    DRAINING = "draining"  # It finishes what it has and takes nothing new.
    COOLDOWN = "cooldown"  # Three faults in a row; it rests for a while.
    RUNTIME_UNSUPPORTED = "runtime_unsupported"  # It does not offer the cargo's runtime.
    GPU_MISSING = "gpu_missing"  # The cargo needs a GPU.
    VRAM_SHORT = "vram_short"  # Too little free GPU memory.
    RAM_SHORT = "ram_short"  # Too little free memory.
    CPU_SHORT = "cpu_short"  # Too few cores.
    DISK_SHORT = "disk_short"  # Too little free disk.
    REGION_EXCLUDED = "region_excluded"  # The job asked for another region.
    UNSIGNED = "unsigned"  # It cannot sign its results, which cargos above trust level 1 need.
    TRUST_REFUSED = "trust_refused"  # Its owner takes higher trust levels only.
    ASK_ABOVE_BID = "ask_above_bid"  # It asks more than the job bids: raise the bid.
    TRIED_BEFORE = "tried_before"  # An attempt of this job failed there.
    AT_CAPACITY = "at_capacity"  # All its slots are taken.


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What one job asks for. `tried` are the islands that failed, lost or returned it."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One island as the placement sees it. `recent_failures_ms` and `recent_cargos_ms` hold instants.

    An island that has a password and no key is `is_unsigned`.
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
    winner: Offer | None
    price_micro: int
    explanation: Explanation


def place(want: Want, offers: Iterable[Offer], *, now_ms: int, view_position: int = 0) -> Placement:
    """The best island for `want`, or none, and why. The price is the winner's ask, never above the bid."""
    offers = tuple(offers)
    retry_allowed = not has_untried(want, offers, now_ms)
    fits: list[tuple[Candidate, Offer]] = []
    counts: Counter[Refusal] = Counter()
    examples: dict[Refusal, IslandId] = {}
    for offer in offers:
        code = refusal(want, offer, now_ms, retry_allowed=retry_allowed)
        if code is None:
            fits.append((score(want, offer, now_ms), offer))
            continue
        counts[code] += 1
        examples[code] = min(examples.get(code, offer.island_id), offer.island_id)
    fits.sort(key=lambda pair: rank(want, *pair))
    winner = fits[0][1] if fits else None
    return Placement(
        winner=winner,
        price_micro=ask_micro(want, winner) if winner else 0,
        explanation=Explanation(
            view_position=view_position,
            considered=len(offers),
            candidates=tuple(candidate for candidate, _ in fits[:CANDIDATES_KEPT_MAX]),
            refusals=tuple(
                RefusalCount(code=code, count=counts[code], example=examples[code]) for code in sorted(counts)
            ),
        ),
    )


def rank(want: Want, candidate: Candidate, offer: Offer) -> tuple[float, float, bytes, IslandId]:
    """Highest total first, then the nearer region, then a lot that any replay draws again."""
    return (-candidate.total, -candidate.region, lot(want.job_id, offer.island_id), offer.island_id)


def lot(job_id: JobId, island_id: IslandId) -> bytes:
    return blake2b(f"{job_id}/{island_id}".encode(), key=b"placement-1", digest_size=8).digest()


def has_untried(want: Want, offers: Sequence[Offer], now_ms: int) -> bool:
    """Whether an island that has not failed this job could run it, now or as soon as it has a free slot.

    Only where there is none may a job return to an island that lost it: a lone island that was restarted gets its job
    again, while among many a failing island does not see the same job twice.
    """
    waitable = (None, Refusal.AT_CAPACITY)
    return any(
        offer.island_id not in want.tried and refusal(want, offer, now_ms, retry_allowed=False) in waitable
        for offer in offers
    )


def refusal(want: Want, offer: Offer, now_ms: int, *, retry_allowed: bool) -> Refusal | None:
    """The first rule that turns this island down, or None where it fits."""
    return (
        availability_refusal(offer, now_ms)
        or hardware_refusal(want, offer)
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


def hardware_refusal(want: Want, offer: Offer) -> Refusal | None:
    needs = want.cargo.requirements
    if want.cargo.runtime not in offer.scores:
        return Refusal.RUNTIME_UNSUPPORTED
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
    return None


def terms_refusal(want: Want, offer: Offer, *, retry_allowed: bool) -> Refusal | None:
    if want.region is not None and want.region != offer.region:
        return Refusal.REGION_EXCLUDED
    if offer.is_unsigned and want.cargo.trust_level > UNSIGNED_TRUST_LEVEL_MAX:
        return Refusal.UNSIGNED
    if want.cargo.trust_level < offer.trust_level_min:
        return Refusal.TRUST_REFUSED
    if ask_micro(want, offer) > want.bid_micro:
        return Refusal.ASK_ABOVE_BID
    if offer.island_id in want.tried and not retry_allowed:
        return Refusal.TRIED_BEFORE
    if offer.active >= offer.slots:
        return Refusal.AT_CAPACITY
    return None


def memory_needed_mb(want: Want) -> int:
    """What the cargo asks for, and at least what its sandbox may use."""
    return max(want.cargo.requirements.ram_mb, want.cargo.limits.memory_mb)


def ask_micro(want: Want, offer: Offer) -> int:
    """The island's ask for this cargo, else its default ask, else the cargo's default price."""
    asks = offer.asks_micro
    return asks.get(want.cargo.slug, asks.get(DEFAULT_ASK, want.cargo.price_micro))


def score(want: Want, offer: Offer, now_ms: int) -> Candidate:
    """Every term of an island's score, rounded as it is stored; `total` is the sum of the stored terms."""
    speed = round(speed_points(want, offer), 2)
    fit = round(fit_points(binding_share(want, offer)), 2)
    headroom = round(100.0 * (1 - offer.active / offer.slots), 2)
    by_speed, by_fit, by_headroom = WEIGHTS[want.cargo.runtime]
    ask = ask_micro(want, offer)
    last_run_ms = offer.recent_cargos_ms.get(affinity_key(want.account_id, want.cargo.slug))
    affine = last_run_ms is not None and now_ms - last_run_ms <= RECENT_MS
    failures = sum(now_ms - failed <= RECENT_MS for failed in offer.recent_failures_ms)
    terms = {
        "warm": 10.0 if want.cargo.slug in offer.warm_slugs else 0.0,
        "region": 5.0 if want.region is not None and want.region == offer.region else 0.0,
        "affinity": 5.0 if affine else 0.0,
        "karma": round(max(0, min(offer.karma, 100)) / 20, 2),
        "failures": -5.0 * min(failures, 4) or 0.0,  # Never -0.0, which people would see.
        "price": round(-10 * ask / want.bid_micro, 2),
    }
    weighted = (by_speed * speed + by_fit * fit + by_headroom * headroom) / 100
    total = round(weighted + sum(terms.values()), 2)
    return Candidate(
        island_id=offer.island_id,
        name=offer.name,
        speed=speed,
        fit=fit,
        headroom=headroom,
        total=total,
        ask_micro=ask,
        level=level_of(speed=speed, fit=fit, headroom=headroom, total=total),
        **terms,
    )


def affinity_key(account_id: AccountId, slug: CargoSlug) -> str:
    return f"{account_id}/{slug}"


def speed_points(want: Want, offer: Offer) -> float:
    """Measured engine score against the cargo's target, 0-100."""
    return min(100.0, 100.0 * offer.scores[want.cargo.runtime] / want.cargo.target_score)


def binding_share(want: Want, offer: Offer) -> float:
    """Needed / available of VRAM where the cargo uses a GPU, else of memory. 0 to 1."""
    if want.cargo.requirements.vram_mb:
        return want.cargo.requirements.vram_mb / offer.gpu_vram_mb
    return memory_needed_mb(want) / offer.ram_mb


def fit_points(used_share: float) -> float:
    """Points of 0-100 for how well a job fills an island.

    100 between half and four fifths, falling linearly to 40 at nothing and to 0 at all of it.
    """
    if used_share < 0.5:
        return 40.0 + 120.0 * used_share
    if used_share <= 0.8:
        return 100.0
    return max(0.0, 500.0 * (1.0 - used_share))


def level_of(*, speed: float, fit: float, headroom: float, total: float) -> str:
    """The word shown to people: perfect, good or marginal."""
    if fit >= 80 and speed >= 60:
        return "perfect"
    return "good" if total >= 60 and headroom >= 20 else "marginal"
