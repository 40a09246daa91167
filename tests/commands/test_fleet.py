"""Every island as the placement sees it, event by event."""

from dataclasses import replace
from typing import Any

import pytest

from commands.fleet import RECENT_KEPT_MAX, island_of, offer_after
from domain.failure import Failure, Loss
from domain.ids import CargoSlug
from domain.island_events import (
    Absence,
    AsksChanged,
    CooldownStarted,
    DrainEnded,
    DrainStarted,
    IslandReinstated,
    IslandSuspended,
    IslandWentOffline,
    PayoutsUnlocked,
    RuntimeOffer,
    RuntimesChanged,
    WarmCargosChanged,
)
from domain.placement import RECENT_MS, Offer, affinity_key
from tests.examples import (
    CUSTOMER,
    ISLAND,
    JOB_ID,
    OFFER,
    OWNER,
    PASSWORD,
    SLUG,
    T0_MS,
    assigned,
    at_ms,
    attempt_failed,
    cancelled,
    enrolled,
    failed,
    flood_penalized,
    joined,
    key_replaced,
    lost,
    paired,
    ready_island,
    removed,
    renamed,
    returned,
    revoked,
    started,
    submitted,
    succeeded,
)


def offer_of_events(*events: Any) -> Offer:
    offer: Offer | None = None
    for event in events:
        offer = offer_after(offer, event)
    assert offer is not None
    return offer


READY = offer_of_events(*ready_island())


def test_a_registered_island_is_what_it_said_it_is() -> None:
    assert replace(OFFER, name=ISLAND) == READY


def test_an_island_is_unknown_until_it_enrols() -> None:
    assert offer_after(None, ready_island()[-1]) is None
    assert offer_after(None, assigned()) is None
    assert offer_after(None, removed()) is None


def test_an_island_that_joined_on_its_own_offers_nothing_until_it_is_paired() -> None:
    assert offer_after(None, joined()) is None
    offer = offer_of_events(joined(), renamed(), *paired(name="attic", karma=3))
    plain = Offer(island_id=ISLAND, owner_id=OWNER, name="attic", karma=3)
    assert offer == replace(plain, is_approved=True)


def test_an_island_that_is_removed_offers_nothing_and_comes_back_with_its_karma_only() -> None:
    assert offer_after(READY, removed()) is None
    again = offer_of_events(*ready_island(), removed(), *enrolled(karma=7))
    assert again == Offer(island_id=ISLAND, owner_id=OWNER, name=ISLAND, karma=7, is_approved=True)


def test_a_revoked_island_gets_no_jobs_until_it_is_paired_again() -> None:
    waiting = [*ready_island(), revoked(), key_replaced()]
    assert offer_of_events(*waiting) == replace(READY, is_approved=False)
    assert offer_of_events(*waiting, *paired()) == READY


@pytest.mark.parametrize(
    ("events", "changes"),
    [
        (
            [IslandWentOffline(island_id=ISLAND, reason=Absence.GOODBYE, offline_at_ms=T0_MS)],
            {"is_online": False},
        ),
        ([DrainStarted(island_id=ISLAND, drained_at_ms=T0_MS)], {"is_draining": True}),
        (
            [
                DrainStarted(island_id=ISLAND, drained_at_ms=T0_MS),
                DrainEnded(island_id=ISLAND, resumed_at_ms=T0_MS),
            ],
            {},
        ),
        (
            [AsksChanged(island_id=ISLAND, asks_micro={"_default": 7}, changed_at_ms=T0_MS)],
            {"asks_micro": {"_default": 7}},
        ),
        (
            [WarmCargosChanged(island_id=ISLAND, slugs=(SLUG,), changed_at_ms=T0_MS)],
            {"warm_slugs": frozenset({SLUG})},
        ),
        (
            [
                RuntimesChanged(
                    island_id=ISLAND,
                    runtimes=(
                        RuntimeOffer(runtime="container", engine="unknown", engine_version="", score=0),
                    ),
                    changed_at_ms=T0_MS,
                )
            ],
            {"scores": {"container": 0}},
        ),
        (
            [
                RuntimesChanged(
                    island_id=ISLAND,
                    runtimes=(),
                    gpu_bandwidth_mb_s=936_200,
                    formats=("gguf", "q1_0"),
                    changed_at_ms=T0_MS,
                )
            ],
            {"scores": {}, "gpu_bandwidth_mb_s": 936_200, "formats": frozenset({"gguf", "q1_0"})},
        ),
        ([renamed("attic")], {"name": "attic"}),
        ([flood_penalized(karma=-12)], {"karma": -12}),
        ([CooldownStarted(island_id=ISLAND, until_ms=5, faults_in_row=3)], {"cooldown_until_ms": 5}),
        ([IslandSuspended(island_id=ISLAND, reason="", suspended_at_ms=T0_MS)], {"is_suspended": True}),
        (
            [
                IslandSuspended(island_id=ISLAND, reason="", suspended_at_ms=T0_MS),
                IslandReinstated(island_id=ISLAND, reinstated_at_ms=T0_MS),
            ],
            {},
        ),
        ([PayoutsUnlocked(island_id=ISLAND, owner_id=OWNER, unlocked_at_ms=T0_MS)], {}),
        ([started()], {}),
    ],
    ids=lambda value: type(value[-1]).__name__ if isinstance(value, list) else "",
)
def test_each_event_changes_its_part_of_an_offer(events: list[Any], changes: dict[str, Any]) -> None:
    assert offer_of_events(*ready_island(), *events) == replace(READY, **changes)


@pytest.mark.parametrize(
    "end",
    [
        succeeded(),
        lost(),
        attempt_failed(Failure.CRASHED),
        returned(),
        failed("crashed"),
        cancelled(attempt=1, island_id=ISLAND),
    ],
    ids=lambda event: type(event).__name__,
)
def test_every_end_of_an_attempt_frees_its_slot(end: Any) -> None:
    busy = offer_of_events(*ready_island(), assigned())
    assert busy.active_jobs == {JOB_ID}
    freed = offer_after(busy, end)
    assert freed is not None
    assert freed.active_jobs == frozenset()


def test_failures_and_losses_are_remembered_for_a_while_and_returns_are_not() -> None:
    events = [
        attempt_failed(Failure.CRASHED, seconds=5),
        lost(seconds=66),
        returned(seconds=70),
        failed("crashed"),
    ]
    assert offer_of_events(*ready_island(), *events).recent_failures_ms == (at_ms(5), at_ms(66))
    barred = lost(seconds=67, loss=Loss.ISLAND_BARRED)
    assert offer_of_events(*ready_island(), *events, barred).recent_failures_ms == (at_ms(5), at_ms(66))
    just_within = lost(seconds=5 + RECENT_MS / 1000)
    assert at_ms(5) in offer_of_events(*ready_island(), *events, just_within).recent_failures_ms
    later = lost(seconds=5.001 + RECENT_MS / 1000)
    assert offer_of_events(*ready_island(), *events, later).recent_failures_ms == (
        at_ms(66),
        later.lost_at_ms,
    )


def test_the_memory_of_an_island_is_bounded() -> None:
    events = [lost(seconds=number) for number in range(RECENT_KEPT_MAX + 5)]
    kept = offer_of_events(*ready_island(), *events).recent_failures_ms
    assert kept == tuple(at_ms(number) for number in range(5, RECENT_KEPT_MAX + 5))
    runs = [assigned(seconds=n, cargo_slug=CargoSlug(f"cargo-{n}")) for n in range(RECENT_KEPT_MAX + 5)]
    cargos = offer_of_events(*ready_island(), *runs).recent_cargos_ms
    assert set(cargos.values()) == {at_ms(number) for number in range(5, RECENT_KEPT_MAX + 5)}


def test_a_run_makes_its_account_and_cargo_known_for_a_while() -> None:
    assert offer_of_events(*ready_island(), assigned(seconds=1)).recent_cargos_ms == {
        affinity_key(CUSTOMER, SLUG): at_ms(1)
    }
    just_within = assigned(seconds=1 + RECENT_MS / 1000, cargo_slug=CargoSlug("another"))
    both = offer_of_events(*ready_island(), assigned(seconds=1), just_within).recent_cargos_ms
    assert affinity_key(CUSTOMER, SLUG) in both
    much_later = assigned(seconds=1.001 + RECENT_MS / 1000, cargo_slug=CargoSlug("another"))
    recent = offer_of_events(*ready_island(), assigned(seconds=1), much_later).recent_cargos_ms
    assert recent == {affinity_key(CUSTOMER, CargoSlug("another")): much_later.assigned_at_ms}


def test_what_concerns_no_island_is_told_apart() -> None:
    assert island_of(submitted()) is None
    assert island_of(cancelled()) is None
    assert island_of(assigned()) == ISLAND


def test_an_island_with_a_password_cannot_sign() -> None:
    assert offer_of_events(*enrolled(**PASSWORD)).is_unsigned
    assert not offer_of_events(*enrolled()).is_unsigned


@pytest.mark.parametrize(
    ("found", "gpu_bandwidth_mb_s", "region"),
    [
        (
            {"gpu_model": "NVIDIA GeForce RTX 3090", "gpu_vram_mb": 24_576, "region": "EU-West"},
            936_200,
            "eu-west",
        ),
        ({"gpu_model": "Some GPU", "gpu_vram_mb": 8_192, "region": "local"}, 320_000, None),
        ({"gpu_model": "Some GPU", "region": "eu-central-1"}, 200_000, "eu-central"),
        ({"gpu_bandwidth_mb_s": 5, "gpu_model": "NVIDIA H100", "region": None}, 5, None),
        ({"region": "auto"}, 0, None),
    ],
)
def test_an_offer_has_the_speed_of_its_gpu_and_a_region_that_policies_know(
    found: dict[str, Any], gpu_bandwidth_mb_s: int, region: str | None
) -> None:
    offer = None
    for event in ready_island(**found):
        offer = offer_after(offer, event)
    assert offer is not None
    assert (offer.gpu_bandwidth_mb_s, offer.region) == (gpu_bandwidth_mb_s, region)
