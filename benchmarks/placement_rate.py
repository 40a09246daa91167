"""What a placement costs: one decision over columns, the same by the plain function, and a look at a long queue.

A decision is the answer and the fold of the assignment into the fleet. Islands and jobs are drawn with a fixed seed:
nine of ten islands are online, a third has GPUs, asks and bids overlap, and two thirds of the jobs name a region.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from adapters.columnar_fleet import ColumnarFleet
from commands.placer import PlainPlacer
from commands.processes.placing import Picture, Placing
from domain.cargo_spec import CargoSpec, Determinism, Requirements, Runtime
from domain.ids import AccountId, CargoSlug, IslandId, JobId
from domain.placement import Offer, Placement, Want, affinity_key
from domain.pricing import MICRO_PER_CREDIT
from domain.trust import LEVEL_LIMITS

SEED: Final = 1
NOW_MS: Final = 1_800_000_000_000
DECISIONS: Final = 3_000
PLAIN_DECISIONS: Final = 20
QUEUED: Final = 10_000
ACCOUNTS: Final = 50
REGIONS: Final = ("eu-west", "eu-central", "us-east", "us-west-2", "ap-southeast")
RUNTIMES: Final = (Runtime.WASM, Runtime.CONTAINER, Runtime.LLMCPP)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementRate:
    """`look_ms` is one plan over `QUEUED` waiting jobs of which none finds an island."""

    islands: int
    p50_ms: float
    p99_ms: float
    decisions_per_s: float
    placed_share: float
    plain_p50_ms: float
    look_ms: float


def run(islands: int) -> PlacementRate:
    chance = random.Random(SEED)
    fleet = [offer_of(number, chance) for number in range(islands)]
    columnar, plain = ColumnarFleet(), PlainPlacer()
    for offer in fleet:
        columnar.update(offer)
        plain.update(offer)
    wants = [want_of(number, chance) for number in range(DECISIONS)]
    plain_ms = sorted(took_ms for took_ms, _ in decisions(plain, wants[:PLAIN_DECISIONS]))
    columnar_runs = list(decisions(columnar, wants))
    took = sorted(took_ms for took_ms, _ in columnar_runs)
    return PlacementRate(
        islands=islands,
        p50_ms=took[len(took) // 2],
        p99_ms=took[len(took) * 99 // 100],
        decisions_per_s=1000 * len(took) / sum(took),
        placed_share=sum(placed.winner is not None for _, placed in columnar_runs) / len(took),
        plain_p50_ms=plain_ms[len(plain_ms) // 2],
        look_ms=look_ms(fleet, chance),
    )


def decisions(placer: ColumnarFleet | PlainPlacer, wants: list[Want]) -> Iterator[tuple[float, Placement]]:
    for number, want in enumerate(wants):
        started = time.perf_counter()
        placement = placer.place(want, now_ms=NOW_MS, view_position=number)
        if placement.winner is not None:
            placer.update(assigned(placement.winner, want))
        yield 1000 * (time.perf_counter() - started), placement


def assigned(offer: Offer, want: Want) -> Offer:
    recent = {**offer.recent_cargos_ms, affinity_key(want.account_id, want.cargo.slug): NOW_MS}
    return replace(offer, active_jobs=offer.active_jobs | {want.job_id}, recent_cargos_ms=recent)


def look_ms(fleet: list[Offer], chance: random.Random) -> float:
    """A look at a queue while no island has a free slot."""
    full = {one.island_id: replace(one, slots=0) for one in fleet}
    waiting = {want.job_id: want for want in (want_of(number, chance) for number in range(QUEUED))}
    planner = Placing(lambda: 0, Picture(offers=full, waiting=waiting), placer=ColumnarFleet())
    started = time.perf_counter()
    planner.plan(NOW_MS)
    return 1000 * (time.perf_counter() - started)


def offer_of(number: int, chance: random.Random) -> Offer:
    has_gpu = chance.random() < 1 / 3
    return Offer(
        island_id=IslandId(f"island-{number:06}"),
        owner_id=AccountId(f"owner-{chance.randrange(1_000)}"),
        name=f"island {number}",
        is_approved=True,
        is_online=chance.random() < 0.9,
        platform=chance.choice(("linux-x86_64", "darwin-arm64")),
        region=chance.choice(REGIONS),
        cpu_cores=chance.choice((4, 8, 16)),
        ram_mb=chance.choice((4_096, 8_192, 16_384, 65_536)),
        disk_free_mb=100_000,
        gpu_vram_mb=24_576 if has_gpu else 0,
        gpu_bandwidth_mb_s=chance.choice((360_000, 936_200, 1_008_000)) if has_gpu else 0,
        slots=chance.randint(1, 8),
        karma=chance.randint(0, 200),
        scores={runtime.value: chance.randint(20, 400) for runtime in RUNTIMES if chance.random() < 0.8},
        asks_micro={"_default": chance.randint(1, 6) * MICRO_PER_CREDIT},
    )


def want_of(number: int, chance: random.Random) -> Want:
    runtime = chance.choice(RUNTIMES)
    return Want(
        job_id=JobId(f"job-{number}"),
        account_id=AccountId(f"account-{number % ACCOUNTS}"),
        cargo=cargo_of(runtime),
        bid_micro=chance.randint(2, 6) * MICRO_PER_CREDIT,
        priority=0,
        region=chance.choice((None, "EU", chance.choice(REGIONS))),
        submitted_at_ms=NOW_MS - number,
    )


def cargo_of(runtime: Runtime) -> CargoSpec:
    return CargoSpec(
        slug=CargoSlug(f"{runtime}-cargo"),
        version="1.0.0",
        publisher_id=AccountId("publisher"),
        runtime=runtime,
        artifact_digest=f"sha256:{64 * '0'}",
        artifact_bytes=1,
        determinism=Determinism.NONE,
        trust_level=1,
        limits=LEVEL_LIMITS[1],
        requirements=Requirements(vram_mb=8_192 if runtime is Runtime.LLMCPP else 0),
        price_micro=3 * MICRO_PER_CREDIT,
        target_score=200,
    )
