"""The hours in which an island takes jobs: what an owner may write, and what it means to the minute."""

import asyncio
from datetime import datetime

import pytest

from adapters import clock
from domain.failure import ReturnReason
from island.agent import GIVE_BACK_S
from island.opening_hours import OpeningHours, opening_hours
from island.settings import Settings
from tests.adapters.runtime.scripted import Sleep
from tests.island.islands import Workshop, settle
from tests.island.test_agent import now_s


def local_ms(day: int, hour: int, minute: int = 0) -> int:
    """An instant in a week that begins on Monday, the 2nd of November 2026, as this machine's clock tells it."""
    return round(datetime(2026, 11, 2 + day, hour, minute).astimezone().timestamp() * 1000)


@pytest.mark.parametrize(
    ("texts", "at_ms", "is_open"),
    [
        ([], local_ms(0, 3), True),
        (["mon-fri 18:00-07:00"], local_ms(0, 17, 59), False),
        (["mon-fri 18:00-07:00"], local_ms(0, 18), True),
        (["mon-fri 18:00-07:00"], local_ms(0, 6, 59), False),
        (["mon-fri 18:00-07:00"], local_ms(5, 6, 59), True),
        (["mon-fri 18:00-07:00"], local_ms(5, 7), False),
        (["sun 22:00-02:00"], local_ms(7, 1, 59), True),
        (["fri-mon 08:00-09:00"], local_ms(6, 8), True),
        (["fri-mon 08:00-09:00"], local_ms(1, 8), False),
        (["daily 00:00-24:00"], local_ms(2, 23, 59), True),
        (["Tue 08:00-09:00", "wed 08:00-09:00"], local_ms(2, 8, 30), True),
    ],
)
def test_hours_hold_to_the_minute_and_over_midnight(texts: list[str], at_ms: int, is_open: bool) -> None:
    assert opening_hours(texts).is_open(at_ms) is is_open


@pytest.mark.parametrize(
    "text",
    ["always", "mon 8-9", "mun 08:00-09:00", "mon 25:00-26:00", "mon 08:60-09:00", "daily-fri 08:00-09:00"],
)
def test_hours_that_cannot_be_read_are_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=text.split(maxsplit=1)[0]):
        Settings(hours=(text,))


@pytest.mark.looptime
async def test_outside_its_hours_an_island_gives_back_what_runs_and_takes_nothing_until_it_opens(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_ms, begun_s = local_ms(0, 17, 59), now_s()
    monkeypatch.setattr(clock, "now_ms", lambda: begun_ms + round((now_s() - begun_s) * 1000))
    workshop.keep(hours=opening_hours(["mon 08:00-18:00", "mon 18:05-20:00"]))
    async with workshop.at_work():
        workshop.fabric.assign(workshop.job(Sleep(1000), wall_ms=2_000_000))
        await until(60 + GIVE_BACK_S - 3, begun_s)
        assert workshop.fabric.states() == ["started"]
        await until(60 + GIVE_BACK_S + 3, begun_s)
        assert workshop.fabric.states() == ["started", "returned"]
        assert workshop.fabric.statuses[-1].reason == ReturnReason.DRAIN
        workshop.fabric.assign(workshop.job(Sleep(1), job_id="job-2"))
        await until(5 * 60 + 50, begun_s)
        assert workshop.fabric.states("job-2") == []
        await until(6 * 60 + 10, begun_s)
        assert "started" in workshop.fabric.states("job-2")
        statuses = [beat.status for _, beat in workshop.fabric.beats]
    assert list(dict.fromkeys(statuses)) == ["online", "draining"]
    assert statuses[-1] == "online"


async def until(seconds: float, begun_s: float) -> None:
    await asyncio.sleep(begun_s + seconds - now_s())
    await settle()


def test_without_hours_an_island_is_always_open() -> None:
    assert OpeningHours().is_open(0)
