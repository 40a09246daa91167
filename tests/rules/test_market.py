"""The rules of prices: what is bid, what is charged for what was used, what is written down, and what is suggested."""

from dataclasses import replace
from typing import Any

import pytest

from domain.account_events import HoldSettled
from domain.bid import Bid, BidSource, Wishes, bid_for
from domain.cargo_events import CargoPublished
from domain.cargo_spec import CargoSpec
from domain.exchange import RatesSnapshotted
from domain.ids import IslandId, JobId
from domain.island import ISLAND as ISLANDS
from domain.island_commands import SetAsk
from domain.job import JOB
from domain.job_commands import SucceedAttempt
from domain.job_events import Usage
from domain.job_state import Phase
from domain.pricing import PriceUnit, share
from domain.rejection import Rejected, Rejection
from domain.suggested_price import suggested_ask_micro, suggested_bid
from tests import examples
from tests.examples import CARGO, JOB_ID, OWNER, SLUG
from tests.story import Story

CREDIT_MICRO = 1_000_000
OUTPUT_BYTES = 1_000


def metered(unit: PriceUnit, price_micro: int = 1_000) -> CargoSpec:
    return replace(CARGO, price_unit=unit, price_micro=price_micro)


def worked(
    unit: PriceUnit,
    *,
    bid_micro: int = CREDIT_MICRO,
    ask_micro: int = 1_000,
    seconds: float = 20,
    output_bytes: int = OUTPUT_BYTES,
    **usage: int,
) -> Story:
    """A job of a cargo that is priced by this unit, done in so many seconds of our clock."""
    story = Story()
    story.join("harbour", asks={"_default": ask_micro})
    story.submit(bid_micro=bid_micro, cargo=metered(unit), unit_bid_micro=ask_micro)
    story.wait()
    story.start()
    story.now_ms += round(seconds * 1000)
    success = SucceedAttempt(
        **story.attempt(),
        output=replace(examples.OUTPUT, output_bytes=output_bytes),
        usage=Usage(**usage),
    )
    story.do(JOB, JOB_ID, success)
    return story


def invoiced(story: Story) -> tuple[PriceUnit, int, int, int]:
    """The one settlement: unit, units, price of one, charge."""
    [charge] = story.events(HoldSettled)
    return charge.price_unit, charge.units, charge.unit_price_micro, charge.charged_micro


@pytest.mark.parametrize(
    ("wishes", "bid_micro", "source"),
    [
        (Wishes(job_micro=1, saved_micro=2, rate_micro=3), 1, BidSource.OWN),
        (Wishes(saved_micro=2, rate_micro=3), 2, BidSource.SAVED),
        (Wishes(rate_micro=3), 3, BidSource.MARKET_RATE),
        (Wishes(), CARGO.price_micro, BidSource.DEFAULT_PRICE),
    ],
)
def test_the_bid_is_the_job_s_own_else_the_account_s_else_the_market_s_else_the_cargo_s(
    wishes: Wishes, bid_micro: int, source: BidSource
) -> None:
    assert bid_for(CARGO, wishes) == Bid(hold_micro=bid_micro, unit_micro=0, source=source)


def test_a_metered_cargo_is_bid_for_by_the_unit_and_the_hold_covers_a_whole_run() -> None:
    by_second = metered(PriceUnit.SECOND)
    bid = bid_for(by_second, Wishes(saved_micro=70))
    assert bid == Bid(hold_micro=70 * CARGO.limits.wall_s, unit_micro=70, source=BidSource.SAVED)
    own = bid_for(by_second, Wishes(job_micro=500, unit_micro=9, saved_micro=70))
    assert own == Bid(hold_micro=500, unit_micro=9, source=BidSource.OWN)


def test_several_runs_of_a_job_are_bid_for_together() -> None:
    assert bid_for(CARGO, Wishes(rate_micro=100), runs=3).hold_micro == 300
    assert bid_for(CARGO, Wishes(job_micro=100), runs=3).hold_micro == 100


def test_a_price_per_job_is_charged_once_however_long_it_takes() -> None:
    assert invoiced(worked(PriceUnit.JOB, seconds=50)) == (PriceUnit.JOB, 1, 1_000, 1_000)


@pytest.mark.parametrize(("seconds", "units"), [(0.2, 1), (20, 20), (20.001, 21)])
def test_a_price_per_second_is_charged_for_the_time_by_our_clock(seconds: float, units: int) -> None:
    story = worked(PriceUnit.SECOND, seconds=seconds, wall_ms=3_600_000)
    assert invoiced(story) == (PriceUnit.SECOND, units, 1_000, units * 1_000)


def test_who_claims_less_time_than_passed_is_paid_for_less() -> None:
    assert invoiced(worked(PriceUnit.SECOND, seconds=20, wall_ms=1_500))[1] == 2


@pytest.mark.parametrize(("claimed", "units"), [(70, 70), (OUTPUT_BYTES + 1, OUTPUT_BYTES), (0, 1)])
def test_a_price_per_token_is_charged_for_no_more_tokens_than_bytes_arrived(claimed: int, units: int) -> None:
    story = worked(PriceUnit.TOKEN, completion_tokens=claimed, prompt_tokens=9_999)
    assert invoiced(story) == (PriceUnit.TOKEN, units, 1_000, units * 1_000)


@pytest.mark.parametrize(
    ("claimed", "units"), [(2_500_000, 3), (10**15, CARGO.limits.fuel // 1_000_000), (1, 1)]
)
def test_a_price_per_million_of_fuel_is_charged_up_to_the_fuel_limit(claimed: int, units: int) -> None:
    story = worked(PriceUnit.MILLION_FUEL, bid_micro=50 * CREDIT_MICRO, fuel=claimed)
    assert invoiced(story) == (PriceUnit.MILLION_FUEL, units, 1_000, units * 1_000)


def test_a_metered_charge_stops_at_the_hold_and_says_what_was_used() -> None:
    story = worked(PriceUnit.SECOND, bid_micro=5_500, seconds=20)
    assert invoiced(story) == (PriceUnit.SECOND, 20, 1_000, 5_500)
    assert story.account().holds_micro == {}


def test_an_ask_for_a_unit_above_what_a_unit_may_cost_gets_no_job() -> None:
    story = Story()
    story.join("harbour", asks={"_default": 1_001})
    story.submit(cargo=metered(PriceUnit.SECOND), unit_bid_micro=1_000)
    story.wait()
    assert story.job().phase is Phase.SUBMITTED
    with pytest.raises(Rejected) as rejected:
        JOB.decide(story.job(), examples.assign_job(price_micro=1_001))
    assert rejected.value.code is Rejection.PRICE_ABOVE_BID


def cancelled_after(unit: PriceUnit, seconds: float, *, has_output: bool = True) -> Story:
    story = Story()
    story.join("harbour", asks={"_default": 1_000})
    story.submit(cargo=metered(unit), unit_bid_micro=1_000, bid_micro=CREDIT_MICRO)
    story.wait()
    story.start()
    story.now_ms += round(seconds * 1000)
    story.cancel(has_output=has_output)
    return story


@pytest.mark.parametrize(
    ("unit", "charge_micro"),
    [(PriceUnit.JOB, 1_000), (PriceUnit.SECOND, 12_000), (PriceUnit.TOKEN, 1_000)],
)
def test_a_cancelled_job_costs_the_ask_or_the_seconds_until_then(unit: PriceUnit, charge_micro: int) -> None:
    assert invoiced(cancelled_after(unit, 11.5))[3] == charge_micro


def test_a_job_cancelled_before_its_output_costs_nothing_whatever_its_unit() -> None:
    for unit in PriceUnit:
        assert cancelled_after(unit, 11.5, has_output=False).events(HoldSettled) == []


def test_every_settlement_names_its_rules_and_what_it_was_for() -> None:
    [charge] = worked(PriceUnit.SECOND, seconds=4).events(HoldSettled)
    shares = share(charge.charged_micro, rules_version=charge.price_rules_version)
    assert charge.price_rules_version == 2
    assert shares.platform_fee_micro == charge.platform_fee_micro
    assert shares.island_micro == charge.island_micro


def test_an_owner_s_ask_counts_until_the_island_itself_tells_another() -> None:
    story = Story()
    story.join("harbour", asks={"_default": 5, SLUG: 7})
    command = SetAsk(
        island_id=IslandId("harbour"), owner_id=OWNER, slug=SLUG, ask_micro=9, now_ms=story.now_ms
    )
    story.do(ISLANDS, "harbour", command)
    story.beat("harbour", asks_micro={"_default": 5, SLUG: 7})
    assert story.island("harbour").asks_micro == {"_default": 5, SLUG: 9}
    story.beat("harbour", asks_micro={"_default": 6, SLUG: 7})
    assert story.island("harbour").asks_micro == {"_default": 6, SLUG: 9}
    story.beat("harbour", asks_micro={"_default": 6, SLUG: 8})
    assert story.island("harbour").asks_micro == {"_default": 6, SLUG: 8}


def snapshots(story: Story) -> list[Any]:
    return story.events(RatesSnapshotted)


def test_rates_of_a_cargo_and_its_regions_are_written_down_every_five_minutes() -> None:
    story = Story()
    story.add(f"cargo.{SLUG}", CargoPublished(cargo=examples.CARGO_VERSION, published_at_ms=story.now_ms))
    story.join("harbour", asks={"_default": 3 * CREDIT_MICRO})
    story.submit()
    story.wait()
    story.start()
    story.succeed()
    story.submit(JobId("waits"), bid_micro=CREDIT_MICRO)
    story.wait(300)
    [taken] = snapshots(story)
    assert (taken.slug, taken.window_ends_ms % 300_000) == (SLUG, 0)
    figures = taken.figures
    assert (figures.jobs_cleared, figures.avg_micro, figures.median_micro) == (1, 3_000_000, 3_000_000)
    assert (figures.open_asks, figures.avg_ask_micro) == (1, 3_000_000)
    assert (figures.open_bids, figures.avg_bid_micro) == (1, CREDIT_MICRO)
    assert taken.by_region["eu-west"].jobs_cleared == 1
    story.wait(299.999)
    assert len(snapshots(story)) == 1
    story.wait(0.001)
    assert [one.figures.jobs_cleared for one in snapshots(story)] == [1, 0]


def test_what_was_traded_counts_in_one_window_only() -> None:
    story = worked(PriceUnit.JOB)
    for _ in range(4):
        story.wait(300)
    assert sum(one.figures.jobs_cleared for one in snapshots(story)) == 1


def test_a_cargo_that_nobody_trades_is_not_written_down() -> None:
    story = Story()
    story.join("harbour")
    for _ in range(3):
        story.wait(300)
    assert snapshots(story) == []


def test_the_suggested_bid_is_a_twentieth_above_the_rate() -> None:
    assert suggested_bid(2 * CREDIT_MICRO, waiting=60, free_slots=30).bid_micro == 2_100_000


def test_surge_is_when_more_than_twice_as_many_jobs_wait_as_slots_are_free() -> None:
    surge = suggested_bid(2 * CREDIT_MICRO, waiting=80, free_slots=30)
    assert (surge.is_surge, surge.bid_micro) == (True, 2_625_000)
    assert suggested_bid(CREDIT_MICRO, waiting=1, free_slots=0).is_surge
    assert not suggested_bid(CREDIT_MICRO, waiting=60, free_slots=30).is_surge
    assert not suggested_bid(CREDIT_MICRO, waiting=0, free_slots=0).is_surge


@pytest.mark.parametrize(
    ("gpu", "vram_mb", "percent"),
    [
        ("NVIDIA H100 PCIe", 81_920, 200),
        ("NVIDIA GeForce RTX 4090", 24_576, 200),
        ("RTX 3090", 24_576, 150),
        ("NVIDIA RTX A6000", 49_152, 150),
        ("GeForce RTX 4070 Ti", 12_288, 120),
        ("GeForce GTX 1080 Ti", 11_264, 100),
        ("AMD Radeon RX 7900 XTX", 24_576, 150),  # 960 GB/s.
        ("AMD MI300X", 196_608, 200),  # 5300 GB/s.
        ("Tesla T4", 16_384, 100),  # 320 GB/s.
        (None, 0, 50),
    ],
)
def test_the_suggested_ask_is_the_rate_times_what_the_hardware_is_worth(
    gpu: str | None, vram_mb: int, percent: int
) -> None:
    assert suggested_ask_micro(CREDIT_MICRO, gpu, vram_mb) == CREDIT_MICRO * percent // 100
