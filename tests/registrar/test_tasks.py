"""Work side by side ends for sure, whatever swallows a cancellation."""

import asyncio

import pytest

from registrar import tasks


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "CANCEL_AGAIN_S", 0.01)


async def stubborn(swallowed: list[str]) -> None:
    """Does not hear the first two cancellations, as one that comes when an answer has just arrived."""
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if len(swallowed) == 2:
                raise
            swallowed.append("cancelled")


async def test_when_one_has_ended_the_others_are_ended_until_they_are() -> None:
    swallowed: list[str] = []

    async def ends() -> None:
        await asyncio.sleep(0)

    async with asyncio.timeout(2):
        await tasks.first_of(ends(), stubborn(swallowed))
    assert len(swallowed) == 2


async def test_what_the_first_raises_is_raised() -> None:
    async def fails() -> None:
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        await tasks.first_of(stubborn([]), fails())


async def test_who_is_cancelled_ends_its_work_first_however_deep() -> None:
    swallowed: list[str] = []
    inner = tasks.first_of(stubborn(swallowed))
    outer = asyncio.create_task(tasks.first_of(inner, asyncio.sleep(60, None)))
    await asyncio.sleep(0.01)
    async with asyncio.timeout(2):
        await tasks.end([outer])
    assert outer.cancelled()
    assert len(swallowed) == 2
