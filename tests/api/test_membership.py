"""What an owner and an operator may do to an island, who may not, and the credentials of one without keys."""

import hashlib
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from adapters.nats.accounts.nkey import Kind, is_public_key
from api.fact_owners import FactOwners
from domain.api_key import Scope
from domain.ids import IslandId
from domain.island import ISLAND
from tests.api.network import Network, Person
from tests.api.newcomers import Newcomer

pytestmark = pytest.mark.asyncio(loop_scope="module")

LENDER: Final = (Scope.READ, Scope.ISLANDS)
REASON: Final = {"reason": "too loud"}


async def owned(network: Network) -> tuple[Person, Newcomer]:
    person, newcomer = await network.person(scopes=LENDER), Newcomer.new()
    assert (await newcomer.enrol(network.http, person.headers)).status_code == 201
    return person, newcomer


async def operator(network: Network) -> Person:
    return await network.person(funds=0, scopes=(Scope.ADMIN,))


async def status_of(network: Network, person: Person, island_id: IslandId) -> str:
    answer = await network.http.get(f"/hosts/{island_id}", headers=person.headers)
    return str(answer.json().get("standing", answer.status_code))


async def test_an_owner_renames_an_island(network: Network) -> None:
    person, island = await owned(network)
    answer = await network.http.patch(
        f"/hosts/{island.island_id}", json={"name": " Attic "}, headers=person.headers
    )
    assert (answer.status_code, answer.json()["name"]) == (200, "Attic")
    shown = await network.http.get(f"/hosts/{island.island_id}", headers=person.headers)
    assert shown.json()["name"] == "Attic"


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "a\x1bb"}, {"name": "a" * 101}, {"name": "a", "b": 1}]
)
async def test_a_wrong_name_is_refused(network: Network, body: dict[str, object]) -> None:
    person, island = await owned(network)
    answer = await network.http.patch(f"/hosts/{island.island_id}", json=body, headers=person.headers)
    assert answer.status_code == 422


async def test_a_removed_island_is_gone_and_removing_it_again_finds_nothing(network: Network) -> None:
    person, island = await owned(network)
    path = f"/hosts/{island.island_id}"
    assert (await network.http.delete(path, headers=person.headers)).status_code == 200
    assert (await network.http.get("/hosts", headers=person.headers)).json()["hosts"] == []
    assert (await network.http.get(path, headers=person.headers)).status_code == 404
    assert (await network.http.delete(path, headers=person.headers)).status_code == 404
    assert (await island.renew(network.http)).status_code == 410


async def test_a_stranger_finds_no_such_island(network: Network) -> None:
    _, island = await owned(network)
    stranger = await network.person(scopes=LENDER)
    path = f"/hosts/{island.island_id}"
    answers = (
        await network.http.patch(path, json={"name": "Mine"}, headers=stranger.headers),
        await network.http.delete(path, headers=stranger.headers),
        await network.http.get(f"{path}/rejected-claims", headers=stranger.headers),
    )
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert (await network.services.handler.state(ISLAND, island.island_id)).is_paired


async def test_an_island_nobody_has_paired_is_nobody_s_to_rename(network: Network) -> None:
    newcomer, person = Newcomer.new(), await network.person(scopes=LENDER)
    await newcomer.enrol(network.http)
    path = f"/hosts/{newcomer.island_id}"
    answer = await network.http.patch(path, json={"name": "Mine"}, headers=person.headers)
    assert answer.status_code == 404


async def owners_of_facts(network: Network, island_id: IslandId, after: int) -> dict[str, str | None]:
    owners = FactOwners(network.services.reads)
    return {
        type(event).__name__: await owners.of(commit)
        async for commits in network.services.log.read(after=after)
        for commit in commits
        for event in commit.events
        if commit.stream == ISLAND.stream(island_id)
    }


async def test_an_island_s_facts_belong_to_whom_it_belongs_to(network: Network) -> None:
    former, island = await owned(network)
    later, path = await network.person(scopes=LENDER), f"/hosts/{island.island_id}"
    removed = await network.http.delete(path, headers=former.headers)
    before = int(removed.headers["Archipelago-Position"]) - 1
    await island.enrol(network.http)
    assert await owners_of_facts(network, island.island_id, before) == {
        "IslandRemoved": former.account_id,
        "IslandEnrolled": None,
    }
    paired = await island.enrol(network.http, later.headers)
    await network.http.patch(path, json={"name": "Attic"}, headers=later.headers)
    before = int(paired.headers["Archipelago-Position"]) - 1
    assert await owners_of_facts(network, island.island_id, before) == dict.fromkeys(
        ("IslandPaired", "IslandApproved", "IslandRenamed"), later.account_id
    )


async def test_what_an_island_said_in_vain_is_listed_for_its_owner_and_the_operator(
    network: Network,
) -> None:
    (person, island), (_, other) = await owned(network), await owned(network)
    admin = await operator(network)
    for number, (island_id, code) in enumerate(
        [(island.island_id, "bad_json"), (other.island_id, "bad_json"), (island.island_id, "replayed")]
    ):
        record = {
            "code": code,
            "detail": "why",
            "subject": f"host.{island_id}.status",
            "claim_stream": "JOB_STATUS",
            "claim_position": number,
            "received_at_ms": 1_800_000_000_000 + number,
        }
        await network.publish(f"advisory.claim_rejected.{island_id}.{code}", record)
    advisory = {
        "stream": "JOB_STATUS",
        "stream_seq": 9,
        "deliveries": 8,
        "timestamp": "2027-01-15T08:00:00.000000001Z",
    }
    await network.publish("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.JOB_STATUS.intake", advisory)
    own = await network.http.get(f"/hosts/{island.island_id}/rejected-claims", headers=person.headers)
    newest = await network.http.get(
        f"/hosts/{island.island_id}/rejected-claims?limit=1", headers=person.headers
    )
    everything = (await network.http.get("/rejected-claims", headers=admin.headers)).json()
    rows = own.json()["rejected_claims"]
    assert [(row["code"], row["claim_position"]) for row in rows] == [("replayed", 2), ("bad_json", 0)]
    assert rows[0]["received_at"] == "2027-01-15T08:00:00.002Z"
    assert [row["code"] for row in newest.json()["rejected_claims"]] == ["replayed"]
    assert [row["code"] for row in everything["rejected_claims"]][-1] == "poison"
    assert everything["count"] == 4


async def test_an_operator_suspends_and_reinstates(network: Network) -> None:
    person, island = await owned(network)
    admin, path = await operator(network), f"/hosts/{island.island_id}"
    suspended = await network.http.post(f"{path}/suspend", json=REASON, headers=admin.headers)
    assert (suspended.status_code, suspended.json()["suspended"]) == (200, True)
    assert await status_of(network, person, island.island_id) == "suspended"
    assert (await island.renew(network.http)).status_code == 200  # It stays connected.
    reinstated = await network.http.post(f"{path}/reinstate", headers=admin.headers)
    assert (reinstated.status_code, reinstated.json()["suspended"]) == (200, False)
    assert await status_of(network, person, island.island_id) == "offline"


async def test_an_operator_revokes_a_key(network: Network) -> None:
    person, island = await owned(network)
    admin = await operator(network)
    path = f"/hosts/{island.island_id}/revoke"
    revoked = await network.http.post(path, json=REASON, headers=admin.headers)
    assert (revoked.status_code, revoked.json()["membership"]) == (200, "revoked")
    assert await status_of(network, person, island.island_id) == "revoked"
    assert (await island.renew(network.http)).json()["error"]["code"] == "key_revoked"


@pytest.mark.parametrize("verb", ["suspend", "revoke"])
@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "\n"}, {"reason": "a" * 201}])
async def test_whoever_bars_an_island_says_why(network: Network, verb: str, body: dict[str, str]) -> None:
    admin = await operator(network)
    path = f"/hosts/{Newcomer.new().island_id}/{verb}"
    answer = await network.http.post(path, json=body, headers=admin.headers)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["reason"])


@pytest.mark.parametrize("verb", ["suspend", "reinstate", "revoke"])
async def test_an_unknown_island_cannot_be_barred(network: Network, verb: str) -> None:
    admin = await operator(network)
    path = f"/hosts/{Newcomer.new().island_id}/{verb}"
    answer = await network.http.post(path, json=REASON, headers=admin.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_credentials_for_an_island_without_keys_are_shown_once(network: Network) -> None:
    person = await network.person(scopes=LENDER)
    answer = await network.http.post("/hosts/tickets", json={"name": "Old box"}, headers=person.headers)
    told = answer.json()
    url = urlsplit(told["url"])
    assert answer.status_code == 201
    assert (url.username, url.password) == (told["user"], told["password"])
    assert f"{url.scheme}://{url.hostname}:{url.port}" == network.services.settings.island_nats_url
    assert UUID(told["host_id"]).version == 4
    assert is_public_key(told["island_id"], Kind.ACCOUNT)
    island = await network.services.handler.state(ISLAND, IslandId(told["island_id"]))
    assert island.local_id == told["host_id"]
    assert island.password_sha256 == hashlib.sha256(told["password"].encode()).hexdigest()
    [host] = (await network.http.get("/hosts", headers=person.headers)).json()["hosts"]
    assert (host["id"], host["name"], host["signed"]) == (told["island_id"], "Old box", False)
    assert told["password"] not in str(host)


async def test_no_two_tickets_share_anything(network: Network) -> None:
    person = await network.person(scopes=LENDER)
    made = [
        (await network.http.post("/hosts/tickets", json={"name": "Box"}, headers=person.headers)).json()
        for _ in range(2)
    ]
    for field in ("host_id", "island_id", "password"):
        assert made[0][field] != made[1][field]
    assert all(len(one["password"]) == 32 for one in made)  # 24 bytes are 192 bits.
