"""What an island's karma is made of, asked over HTTP by its owner, by an operator and by a stranger."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters import clock
from domain.api_key import Scope
from domain.ids import IslandId
from domain.island import ISLAND
from domain.island_commands import CreditWork, PenalizeKarma
from domain.karma import Penalty
from tests.api.network import Network, Person
from tests.examples import JOB_ID, OTHER_JOB_ID

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR_MS = 3_600_000


async def worked_and_lost(network: Network) -> tuple[Person, IslandId, int]:
    """Two hours of work at the multiplier of newcomers, then a lost lease. The position is that of the work."""
    person = await network.person()
    island_id = await network.island(person.account_id)
    work = CreditWork(
        island_id=island_id, job_id=JOB_ID, attempt=1, worked_ms=2 * HOUR_MS, now_ms=clock.now_ms()
    )
    lost = PenalizeKarma(
        island_id=island_id,
        job_id=OTHER_JOB_ID,
        attempt=2,
        penalty=Penalty.LEASE_LOST,
        now_ms=clock.now_ms(),
    )
    position = await network.command(ISLAND, island_id, work)
    await network.command(ISLAND, island_id, lost)
    return person, island_id, position


async def read(network: Network, person: Person, path: str) -> dict[str, Any]:
    answer = await network.http.get(path, headers=person.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_karma_is_told_as_a_sum_of_its_causes(network: Network) -> None:
    person, island_id, _ = await worked_and_lost(network)
    karma = await read(network, person, f"/hosts/{island_id}/karma")
    assert karma["karma"] == 1
    assert karma["terms"] == [
        {"cause": "work", "delta": 3, "count": 1, "job_ids": []},
        {"cause": "lease_lost", "delta": -2, "count": 1, "job_ids": [OTHER_JOB_ID]},
    ]
    assert (karma["can_monetize"], karma["karma_deficit"], karma["hours_until_monetization"]) == (False, 9, 6)
    assert karma["events_by_type"]["work"] == {"count": 1, "total_delta": 3, "total_minutes": 120}


async def test_karma_is_told_as_of_a_position_and_as_of_a_time(network: Network) -> None:
    person, island_id, position = await worked_and_lost(network)
    past = await read(network, person, f"/hosts/{island_id}/karma?at={position}")
    long_ago = await read(network, person, f"/hosts/{island_id}/karma?at=2020-01-01T00:00:00Z")
    present = datetime.fromtimestamp(clock.now_ms() / 1000, UTC).isoformat()
    now = await network.http.get(f"/hosts/{island_id}/karma", params={"at": present}, headers=person.headers)
    assert (past["karma"], long_ago["karma"], now.json()["karma"]) == (3, 0, 1)


async def test_every_change_names_its_event_and_the_version_of_its_rules(network: Network) -> None:
    person, island_id, position = await worked_and_lost(network)
    history = await read(network, person, f"/hosts/{island_id}/karma/history")
    lost, work = history["events"]
    assert (work["id"], work["reason"], work["rules_version"]) == (
        f"{position}.0",
        "120 min of work x 1.5",
        1,
    )
    assert (lost["delta"], lost["balance_after"], lost["job_id"]) == (-2, 1, OTHER_JOB_ID)
    assert history["meta"]["total"] == 2
    page = await read(network, person, f"/hosts/{island_id}/karma/history?limit=1&offset=1")
    assert [change["id"] for change in page["events"]] == [work["id"]]


async def test_karma_is_for_the_owner_and_the_operator(network: Network) -> None:
    _, island_id, _ = await worked_and_lost(network)
    stranger = await network.person()
    operator = await network.person(scopes=(Scope.READ, Scope.ADMIN))
    foreign = await network.http.get(f"/hosts/{island_id}/karma", headers=stranger.headers)
    assert foreign.status_code == 404
    assert (await read(network, operator, f"/hosts/{island_id}/karma"))["karma"] == 1
    unknown = await network.http.get("/hosts/nobody-at-all/karma", headers=operator.headers)
    assert unknown.status_code == 404


@pytest.mark.parametrize("at", ["yesterday", "-1", "1.5", "9" * 30])
async def test_a_moment_that_is_none_is_refused_by_name(network: Network, at: str) -> None:
    person, island_id, _ = await worked_and_lost(network)
    answer = await network.http.get(f"/hosts/{island_id}/karma", params={"at": at}, headers=person.headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, "at")
