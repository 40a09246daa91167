"""What islands are advised to have at hand, asked without a key."""

from typing import Any

import pytest

from domain.api_key import Scope
from domain.island import ISLAND
from domain.island_commands import RecordHeartbeat
from tests.api.network import Network
from tests.examples import T0_MS

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def beat(network: Network, island_id: str, *warm: str) -> None:
    heartbeat = RecordHeartbeat(
        island_id=island_id,  # type: ignore[arg-type]  # any text is an island's id here
        is_leaving=False,
        is_draining=False,
        asks_micro={},
        warm_slugs=warm,
        now_ms=T0_MS + 60_000,
    )
    await network.command(ISLAND, island_id, heartbeat)


async def recommendations(network: Network, host_id: str) -> list[dict[str, Any]]:
    answer = await network.http.get("/island/recommendations", params={"host_id": host_id})
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["recommendations"]
    return found


async def test_an_island_hears_of_cold_cargos_that_jobs_wait_for(network: Network) -> None:
    owner = await network.person(scopes=(Scope.READ, Scope.WRITE, Scope.ISLANDS))
    island_id = await network.island(owner.account_id)
    await beat(network, island_id)
    slug = await network.cargo()
    assert slug not in {one["workload_slug"] for one in await recommendations(network, island_id)}
    for _ in range(2):
        await network.job(owner, slug, bid_price="4")
    [found] = [one for one in await recommendations(network, island_id) if one["workload_slug"] == slug]
    digest = found.pop("wasm_hash")
    assert found.pop("wasm_url").endswith(f"/api/v1/artifacts/{digest}")
    assert found == {
        "type": "wasm",
        "workload_slug": slug,
        "runtime_type": "wasm",
        "estimated_earnings_per_job": "3.4",
        "queued_demand": 2,
        "demand_score": 100,
        "priority": "high",
    }
    await beat(network, island_id, slug)
    assert slug not in {one["workload_slug"] for one in await recommendations(network, island_id)}


async def test_an_island_with_a_password_asks_by_its_own_name(network: Network) -> None:
    owner = await network.person(scopes=(Scope.READ, Scope.WRITE, Scope.ISLANDS))
    ticket = await network.http.post("/hosts/tickets", json={"name": "old"}, headers=owner.headers)
    row = await network.services.demands.island(ticket.json()["host_id"])
    assert row is not None
    assert row.island_id == ticket.json()["island_id"]


@pytest.mark.parametrize("host_id", ["", "nobody-here", "a b", "%00", "x" * 64])
async def test_an_unknown_island_hears_of_nothing(network: Network, host_id: str) -> None:
    assert await recommendations(network, host_id) == []


async def test_a_name_that_is_too_long_is_named(network: Network) -> None:
    answer = await network.http.get("/island/recommendations", params={"host_id": "x" * 65})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["host_id"])
