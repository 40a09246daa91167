"""Who is told to fetch which cargo."""

from dataclasses import replace

from commands.preloading import TOLD_PAUSE_MS, Preload, Preloading
from domain.demand import Demand
from domain.ids import CargoSlug, IslandId, JobId
from domain.placement import Offer
from tests.examples import T0_MS, cargo_with, offer_of


def demand(slug: str, queued: int) -> Demand:
    return Demand(cargo=cargo_with(slug=CargoSlug(slug)), queued=queued, warm_free_slots=0, rate_micro=1)


def due(preloading: Preloading, demands: list[Demand], offers: list[Offer], *, after_ms: int = 0) -> set[str]:
    found = preloading.due(preloading.rising(demands), offers, T0_MS + after_ms)
    assert all(isinstance(one, Preload) for one in found)
    return {f"{one.island_id} {one.demand.cargo.slug}" for one in found}


def test_only_a_rising_demand_is_told() -> None:
    preloading, islands = Preloading(), [offer_of(f"island-{number}") for number in range(4)]
    assert due(preloading, [demand("a", 1)], islands) == {"island-0 a"}
    assert due(preloading, [demand("a", 1)], islands) == set()
    assert due(preloading, [demand("a", 2)], islands) == {"island-1 a", "island-2 a"}
    assert due(preloading, [], islands) == set()
    assert due(preloading, [demand("a", 1)], islands) == {"island-3 a"}


def test_an_island_is_told_once_in_five_minutes() -> None:
    preloading, island = Preloading(), [offer_of("island-0")]
    assert due(preloading, [demand("a", 1)], island) == {"island-0 a"}
    assert due(preloading, [demand("b", 1)], island, after_ms=TOLD_PAUSE_MS - 1) == set()
    assert due(preloading, [demand("c", 1)], island, after_ms=TOLD_PAUSE_MS) == {"island-0 c"}


def test_an_island_at_work_is_left_alone() -> None:
    busy = replace(offer_of("island-0"), active_jobs=frozenset({JobId("x")}))
    assert due(Preloading(), [demand("a", 5)], [busy, offer_of("island-1")]) == {"island-1 a"}


def test_islands_share_what_is_wanted() -> None:
    islands = [offer_of(f"island-{number}") for number in range(3)]
    told = due(Preloading(), [demand("a", 1), demand("b", 1)], islands)
    assert told == {"island-0 a", "island-1 b"}


def test_an_island_that_has_it_is_not_told() -> None:
    warm = replace(offer_of("island-0"), warm_slugs=frozenset({CargoSlug("a")}))
    assert due(Preloading(), [demand("a", 1)], [warm]) == set()
    assert due(Preloading(), [demand("a", 1)], [offer_of(str(IslandId("island-1")))]) == {"island-1 a"}
