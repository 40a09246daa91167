"""Where things stood in the past, asked over HTTP: own things by their owner, all by operators, alike for ever."""

from typing import Any, Final

import pytest

from adapters import clock
from domain.account import ACCOUNT
from domain.account_commands import GrantCredits
from domain.api_key import Scope
from domain.island import ISLAND
from domain.island_commands import CreditWork, SuspendIsland
from tests.api.network import Network, Person
from tests.examples import JOB_ID

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR_MS: Final = 3_600_000
GIFT_MICRO: Final = 7_000_000


async def asked(network: Network, person: Person, path: str, **query: Any) -> dict[str, Any]:
    answer = await network.http.get(path, headers=person.headers, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def given(network: Network, person: Person) -> int:
    """A gift, and the position at which it was booked."""
    gift = GrantCredits(
        account_id=person.account_id,
        grant_id="gift",
        amount_micro=GIFT_MICRO,
        reason="a gift",
        now_ms=clock.now_ms(),
    )
    return await network.command(ACCOUNT, person.account_id, gift)


async def test_a_balance_is_told_as_of_a_position_and_as_of_a_time_and_always_alike(network: Network) -> None:
    person = await network.person()
    before = (await asked(network, person, "/account"))["credits"]
    position = await given(network, person)
    after = str(float(before) + GIFT_MICRO / 1e6)
    then = await asked(network, person, "/account", at=position)
    assert then["credits"] == after
    assert then["as_of"]["position"] == position
    assert (await asked(network, person, "/account", at=position - 1))["credits"] == before
    by_time = await asked(network, person, "/account", at=then["as_of"]["at"])
    assert by_time["as_of"]["position"] >= position
    first = await network.http.get("/account", headers=person.headers, params={"at": position})
    await network.cargo()  # The log goes on.
    again = await network.http.get("/account", headers=person.headers, params={"at": position})
    assert again.content == first.content


async def test_a_balance_as_of_now_is_the_projection_s(network: Network) -> None:
    person = await network.person()
    position = await given(network, person)
    then = await asked(network, person, "/account", at=position)
    row = await asked(network, person, "/account", after=position)
    assert {name: then[name] for name in ("credits", "held", "escrow", "low", "created_at")} == {
        name: row[name] for name in ("credits", "held", "escrow", "low", "created_at")
    }


async def test_an_operator_asks_for_any_balance(network: Network) -> None:
    person, operator = await network.person(), await network.person(scopes=tuple(Scope))
    position = await given(network, person)
    path = f"/accounts/{person.account_id}/balance"
    assert (await asked(network, operator, path, at=position))["account_id"] == person.account_id
    assert (await asked(network, operator, path))["credits"] == (
        await asked(network, person, "/account", after=position)
    )["credits"]
    unknown = await network.http.get("/accounts/nobody/balance", headers=operator.headers)
    assert unknown.status_code == 404


@pytest.mark.parametrize("path", ["/account", "/audit/placement"])
@pytest.mark.parametrize(
    ("at", "rule"),
    [
        ("yesterday", "must be a position of the log, or a time as"),
        (str(2**61), "must not be above "),
        ("2999-01-01T00:00:00Z", "must not lie in the future"),
    ],
)
async def test_a_moment_whose_answer_would_change_is_refused(
    network: Network, path: str, at: str, rule: str
) -> None:
    operator = await network.person(scopes=tuple(Scope))
    answer = await network.http.get(path, headers=operator.headers, params={"at": at})
    assert answer.status_code == 422
    assert rule in answer.text
    assert "at: " in answer.text


async def test_an_account_had_nothing_before_it_was_opened(network: Network) -> None:
    person = await network.person()
    answer = await network.http.get("/account", headers=person.headers, params={"at": 1})
    assert answer.status_code == 404
    assert "at that time" in answer.text


async def test_karma_says_which_moment_it_is_of(network: Network) -> None:
    person = await network.person()
    island_id = await network.island(person.account_id)
    work = CreditWork(
        island_id=island_id, job_id=JOB_ID, attempt=1, worked_ms=2 * HOUR_MS, now_ms=clock.now_ms()
    )
    position = await network.command(ISLAND, island_id, work)
    path = f"/hosts/{island_id}/karma"
    now = await asked(network, person, path)
    then = await asked(network, person, path, at=position - 1)
    assert (now["karma"], then["karma"]) == (3, 0)
    assert then["as_of"]["position"] == position - 1
    assert now["as_of"]["position"] >= position


async def test_a_cargo_s_trust_is_told_with_the_history_that_it_had_by_then(network: Network) -> None:
    person = await network.person()
    slug = await network.cargo()
    path = f"/workloads/{slug}/trust"
    now = await asked(network, person, path)
    published = now["history"][-1]["position"]
    then = await asked(network, person, path, at=published)
    told = {name: value for name, value in then.items() if name not in {"as_of", "data", "history"}}
    assert told == {name: now[name] for name in told}
    assert [change["position"] for change in then["history"]] == [published]
    before = await network.http.get(path, headers=person.headers, params={"at": published - 1})
    assert before.status_code == 404


async def test_an_operator_sees_the_fleet_as_placing_saw_it(network: Network) -> None:
    operator = await network.person(scopes=tuple(Scope))
    island_id = await network.island(operator.account_id)
    suspend = SuspendIsland(island_id=island_id, reason="it looks odd", now_ms=clock.now_ms())
    position = await network.command(ISLAND, island_id, suspend)
    for at, suspended in ((position, True), (position - 1, False)):
        found = await asked(network, operator, "/audit/placement", at=at, island=island_id)
        [host] = found["hosts"]
        assert (host["host_id"], host["suspended"]) == (island_id, suspended)
        assert found["as_of"]["position"] == at
    everything = await asked(network, operator, "/audit/placement", limit=1)
    assert everything["meta"]["total"] >= 1
    assert everything["count"] == 1
    nothing = await asked(network, operator, "/audit/placement", at=1)
    assert nothing["hosts"] == []
