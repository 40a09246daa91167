"""The market's read side: rates as they were written down, and an order book of what is open now."""

from dataclasses import replace

from domain.cargo_events import CargoPublished
from domain.exchange import RatesSnapshotted, figures_of
from domain.ids import IslandId, JobId
from domain.island_events import AsksChanged
from domain.placement import DEFAULT_ASK
from domain.pricing import PriceUnit
from projections.market_rows import Book, Level, average_micro
from tests import examples
from tests.examples import CARGO, SLUG, T0_MS
from tests.histories import History
from tests.projections.live import reading

WINDOW_MS = 300_000


def snapshotted(windows: int, cleared: list[int], bids: list[int]) -> RatesSnapshotted:
    """What was cleared and bid in the window that ends so many windows after the beginning."""
    return RatesSnapshotted(
        slug=SLUG,
        window_ends_ms=T0_MS + windows * WINDOW_MS,
        after=0,
        through=windows,
        figures=figures_of(cleared, [], bids),
        by_region={"eu-west": figures_of(cleared, [], [])},
        snapshotted_at_ms=T0_MS + windows * WINDOW_MS,
    )


def traded() -> History:
    history = History()
    history.add(f"cargo.{SLUG}", CargoPublished(cargo=examples.CARGO_VERSION, published_at_ms=T0_MS))
    for event in (
        snapshotted(1, [100, 300], [50]),
        snapshotted(2, [400], []),
        snapshotted(3, [], [10, 20]),
    ):
        history.add(f"exchange.{SLUG}", event)
    return history


def add_island(history: History, island_id: str, *, ask: int | None = None, slots: int = 2) -> None:
    history.add(
        f"island.{island_id}",
        examples.joined(IslandId(island_id), owner_id=examples.OWNER),
        examples.approved(IslandId(island_id)),
        replace(examples.registered(slots=slots), island_id=IslandId(island_id)),
        replace(examples.came_online(), island_id=IslandId(island_id)),
    )
    if ask is not None:
        asks = {DEFAULT_ASK: 9_000_000, SLUG: ask}
        history.add(
            f"island.{island_id}",
            AsksChanged(island_id=IslandId(island_id), asks_micro=asks, changed_at_ms=T0_MS),
        )


async def test_the_last_trade_is_the_last_window_in_which_something_was_cleared(database: str) -> None:
    async with reading(database, traded().commits) as reads:
        last = await reads.last_trade(SLUG, T0_MS)
        assert last is not None
        assert (last.window_ends_ms, last.median_micro) == (T0_MS + 2 * WINDOW_MS, 400)
        assert last.by_region["eu-west"].jobs_cleared == 1
        assert await reads.last_trade(SLUG, T0_MS + 2 * WINDOW_MS) is None


async def test_a_history_gathers_windows_into_steps_that_weigh_by_their_jobs(database: str) -> None:
    async with reading(database, traded().commits) as reads:
        fine = await reads.rate_history(SLUG, T0_MS, WINDOW_MS)
        assert [(step.jobs_cleared, step.avg_micro) for step in fine] == [(2, 200), (1, 400), (0, None)]
        [coarse] = await reads.rate_history(SLUG, T0_MS, 24 * 3_600_000)
        assert (coarse.jobs_cleared, coarse.avg_micro) == (3, 267)
        assert (coarse.min_micro, coarse.max_micro, coarse.open_bids) == (100, 400, 2)


async def test_the_market_lists_cargos_with_their_rate_and_how_many_sell_and_wait(database: str) -> None:
    history = traded()
    add_island(history, "island-a")
    add_island(history, "island-b", ask=1)
    history.add("job.job-1", examples.submitted(job_id=JobId("job-1")))
    async with reading(database, history.commits) as reads:
        [row] = await reads.market(T0_MS, 10)
        assert (row.slug, row.rate_micro, row.jobs_cleared, row.supply, row.demand) == (SLUG, 400, 3, 2, 1)
        [unpriced] = await reads.market(T0_MS + 2 * WINDOW_MS, 10)
        assert (unpriced.rate_micro, unpriced.jobs_cleared) == (None, 0)


async def test_the_book_has_the_cheapest_ask_and_the_highest_bid_first(database: str) -> None:
    history = History()
    for name, ask in (("island-a", 7), ("island-b", 3), ("island-c", 7)):
        add_island(history, name, ask=ask)
    add_island(history, "island-d")
    for number, bid in enumerate((5, 8, 5), start=1):
        job_id = JobId(f"job-{number}")
        history.add(f"job.{job_id}", examples.submitted(job_id=job_id, bid_micro=bid))
    async with reading(database, history.commits) as reads:
        book = await reads.book(CARGO)
    price = CARGO.price_micro
    assert book == Book(
        asks=(
            Level(price_micro=3, count=1, free_slots=2),
            Level(price_micro=7, count=2, free_slots=4),
            Level(price_micro=price, count=1, free_slots=2),
        ),
        bids=(Level(price_micro=8, count=1), Level(price_micro=5, count=2)),
    )
    assert (book.free_slots, book.waiting, average_micro(book.bids)) == (8, 3, 6)


async def test_a_second_opinion_is_no_bid(database: str) -> None:
    history = traded()
    second = examples.submitted(job_id=JobId("job-2"), check_id=JobId("job-1"))
    history.add("job.job-2", second)
    async with reading(database, history.commits) as reads:
        assert (await reads.book(CARGO)).bids == ()
        assert [row.demand for row in await reads.market(T0_MS, 10)] == [0]


async def test_who_waits_for_a_metered_cargo_bids_for_a_unit(database: str) -> None:
    history = History()
    metered = replace(CARGO, price_unit=PriceUnit.SECOND)
    event = examples.submitted(cargo=metered, bid_micro=600, unit_bid_micro=10)
    history.add(f"job.{examples.JOB_ID}", event)
    async with reading(database, history.commits) as reads:
        assert (await reads.book(metered)).bids == (Level(price_micro=10, count=1),)


async def test_an_island_that_takes_no_jobs_asks_nothing(database: str) -> None:
    history = History()
    add_island(history, "island-a", ask=7)
    history.add("island.island-a", replace(examples.removed(), island_id=IslandId("island-a")))
    async with reading(database, history.commits) as reads:
        assert (await reads.book(CARGO)).asks == ()


def test_nobody_s_average_is_no_price() -> None:
    assert average_micro(()) is None
