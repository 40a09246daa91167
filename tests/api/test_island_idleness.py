"""What kept an island from getting jobs, asked over HTTP; and where a time lies in the log."""

import pytest

from adapters import clock
from api.log_window import position_before
from api.shapes.idleness import price_shape
from commands.idleness import Fate, JobFate
from domain.api_key import Scope
from domain.ids import CargoSlug
from domain.placement import Refusal
from domain.pricing import MICRO_PER_CREDIT
from tests.api.network import Network
from tests.examples import origin, submitted
from tests.memory_log import MemoryEventLog

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_owner_reads_what_kept_the_island_out(network: Network) -> None:
    person = await network.person()
    island_id = await network.island(person.account_id)
    customer, slug = await network.person(), await network.cargo()
    job_id = await network.job(customer, slug)
    await network.defer(job_id)
    answer = await network.http.get(f"/hosts/{island_id}/why-idle?hours=1", headers=person.headers)
    found = answer.json()
    assert (answer.status_code, found["decided"], found["refused"]) == (200, 1, 1)
    (refusal,) = found["refusals"]
    assert (refusal["count"], refusal["example"]["workload"]) == (1, slug)
    assert job_id not in answer.text, "a stranger's job is named to nobody"


async def test_why_idle_is_for_the_owner_and_the_operator(network: Network) -> None:
    person, stranger = await network.person(), await network.person()
    operator = await network.person(scopes=(Scope.READ, Scope.ADMIN))
    path = f"/hosts/{await network.island(person.account_id)}/why-idle"
    answers = [await network.http.get(path, headers=who.headers) for who in (stranger, operator)]
    assert [answer.status_code for answer in answers] == [404, 200]


@pytest.mark.parametrize("hours", ["0", "169", "many"])
async def test_hours_out_of_bounds_are_refused_by_name(network: Network, hours: str) -> None:
    person = await network.person()
    island_id = await network.island(person.account_id)
    answer = await network.http.get(f"/hosts/{island_id}/why-idle?hours={hours}", headers=person.headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, "hours")


async def test_a_time_is_found_in_the_log(network: Network) -> None:
    log = MemoryEventLog(now_ms=1_000)
    assert await position_before(log, 5_000) == 0
    for number in range(9):
        log.now_ms = 1_000 * (number + 1)
        await log.append(f"job.{number}", [submitted()], expected=0, origin=origin(f"c{number}"))
    assert [await position_before(log, at_ms) for at_ms in (500, 1_000, 1_001, 4_500, 99_000)] == [
        0,
        0,
        1,
        4,
        9,
    ]
    end = await network.services.log.last_position()
    assert await position_before(network.services.log, clock.now_ms() + 60_000) == end
    assert await position_before(network.services.log, 0) == 0


async def test_the_suggested_ask_lets_most_of_the_jobs_in() -> None:
    limits = [MICRO_PER_CREDIT * tenths // 10 for tenths in range(10, 30)]
    fates = [refused(limit) for limit in limits] + [refused(None)]
    assert price_shape(fates) == {"ask": "5.0", "above_bid": 21, "suggested_ask": "1.2", "considered": 18}
    assert price_shape([refused(None)]) == {"ask": "5.0", "above_bid": 1, "considered": 0}
    assert price_shape([]) is None


def refused(limit_micro: int | None) -> JobFate:
    return JobFate(
        position=1,
        at_ms=1,
        slug=CargoSlug("a-cargo"),
        fate=Fate.REFUSED,
        ask_micro=5 * MICRO_PER_CREDIT,
        refusal=Refusal.ASK_ABOVE_BID,
        would_fit_at_micro=limit_micro,
    )
