"""The operator's list of cargos, and the switch of each."""

import httpx
import pytest

from domain.api_key import Scope
from domain.cargo import CARGO
from domain.cargo_commands import SubmitForReview
from tests.api.network import Network, Person
from tests.examples import PUBLISHER

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def staff_of(network: Network) -> Person:
    return await network.person(funds=0, scopes=(Scope.ADMIN, Scope.READ))


async def test_a_switch_works_by_slug_and_by_number(network: Network) -> None:
    staff, slug = await staff_of(network), await network.cargo()
    listed = (await network.http.get("/admin/workloads?limit=1", headers=staff.headers)).json()
    [row] = listed["workloads"]
    assert (row["slug"], row["enabled"], row["approved"]) == (slug, True, True)
    assert row["wasm_url"] == f"/api/v1/artifacts/{row['artifact_digest']}"
    path = f"/admin/workloads/{row['id']}"
    body = {"reason": "it leaks"}
    off = (await network.http.post(f"{path}/disable", json=body, headers=staff.headers)).json()
    assert (off["enabled"], off["killed"], off["disabled_reason"]) == (False, True, "it leaks")
    cargo = await network.services.handler.state(CARGO, slug)
    assert cargo.is_killed
    refused = await network.http.post(
        "/jobs", json={"workload": slug, "input": {}}, headers=(await network.person()).headers
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "cargo_disabled")
    on = (await network.http.post(f"/admin/workloads/{slug}/enable", headers=staff.headers)).json()
    assert (on["enabled"], "disabled_reason" in on) == (True, False)
    assert (await network.http.get(path, headers=staff.headers)).json() == on


async def test_a_switch_needs_no_reason(network: Network) -> None:
    staff, slug = await staff_of(network), await network.cargo()
    off = await network.http.post(f"/admin/workloads/{slug}/disable", headers=staff.headers)
    assert (off.status_code, off.json()["disabled_reason"]) == (200, "disabled by an operator")


async def test_what_waits_for_a_review_is_not_approved(network: Network) -> None:
    staff, slug = await staff_of(network), await network.cargo()
    asked = SubmitForReview(slug=slug, account_id=PUBLISHER, now_ms=1)
    await network.command(CARGO, slug, asked)
    shown = (await network.http.get(f"/admin/workloads/{slug}", headers=staff.headers)).json()
    assert shown["approved"] is False


@pytest.mark.parametrize("workload", ["nothing", "999999999", "9" * 30, "No%20Slug", "%C2%B2"])
async def test_what_there_is_not_is_not_found(network: Network, workload: str) -> None:
    staff = await staff_of(network)
    answer: httpx.Response = await network.http.get(f"/admin/workloads/{workload}", headers=staff.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
