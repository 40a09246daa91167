"""No island waits for another one's claims, and none has more in work than its share."""

import asyncio

from adapters.nats.lanes import AT_ONCE_MAX, IN_LANE_MAX, Lanes


class Workshop:
    """Claims that are worked on until they are let go."""

    def __init__(self) -> None:
        self.lanes = Lanes()
        self.order: list[str] = []
        self.done = asyncio.Event()

    async def work(self, island_id: str, key: str) -> None:
        async with self.lanes.enter(island_id).working(key):
            self.order.append(f"{island_id} {key}")
            await self.done.wait()
        self.lanes.leave(island_id)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_island_has_at_most_its_share_in_work_and_the_next_island_none_less() -> None:
    shop = Workshop()
    async with asyncio.TaskGroup() as group:
        for number in range(AT_ONCE_MAX + 3):
            group.create_task(shop.work("busy", f"job-{number}"))
        group.create_task(shop.work("other", "job"))
        await settled()
        assert len(shop.order) == AT_ONCE_MAX + 1
        assert "other job" in shop.order
        shop.done.set()
    assert len(shop.order) == AT_ONCE_MAX + 4


async def test_claims_about_one_job_go_in_order_and_hold_up_no_other_job() -> None:
    shop = Workshop()
    async with asyncio.TaskGroup() as group:
        for _ in range(2 * AT_ONCE_MAX):
            group.create_task(shop.work("island", "slow"))
        group.create_task(shop.work("island", "quick"))
        await settled()
        assert shop.order == ["island slow", "island quick"]
        shop.done.set()


async def test_a_lane_is_full_at_its_bound_and_gone_when_empty() -> None:
    lanes = Lanes()
    for _ in range(IN_LANE_MAX):
        assert not lanes.is_full("island")
        lanes.enter("island")
    assert lanes.is_full("island")
    assert not lanes.is_full("other")
    for _ in range(IN_LANE_MAX):
        lanes.leave("island")
    assert not lanes.is_full("island")
    assert lanes.enter("island").in_lane == 1
