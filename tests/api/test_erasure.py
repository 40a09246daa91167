"""Erasing an account: what its person wrote is gone for good, everywhere; what was booked stays."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from adapters.nats.event_log import JetStreamEventLog
from adapters.postgres.process_store import ProcessStore
from api.erasing import keep_erasing
from api.own_tables import pool_on
from domain.api_key import Scope
from domain.ids import NETWORK_ACCOUNT, AccountId
from projections.progress import ALL
from projections.rebuild import verify
from projections.registry import PROJECTIONS
from tests.api.network import SEEN_S, Network, Person, eventually
from tests.api.test_personal_texts import in_the_log, in_the_tables
from tests.api.test_reports import MONTH, ask
from tests.fabric import Fabric

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def erasing(network: Network) -> AsyncIterator[None]:
    """The worker of the leading coordinator."""
    async with pool_on(network.services.settings.postgres_dsn) as pool:
        store = ProcessStore(pool)
        await store.create()
        task = asyncio.create_task(keep_erasing(network.services, store))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def asked(network: Network, person: Person, **body: Any) -> httpx.Response:
    confirm = {"confirm": f"erase {person.account_id}"}
    return await network.http.post("/account/erase", json=confirm | body, headers=person.headers)


async def is_shut_out(network: Network, person: Person) -> bool:
    return (await network.http.get("/account", headers=person.headers)).status_code == 401


async def is_forgotten(network: Network, account_id: AccountId) -> bool:
    row = await network.services.reads.account(account_id)
    return row is not None and row.name == "[erased]"


@pytest.mark.usefixtures("erasing")
async def test_nothing_an_erased_person_wrote_is_left_and_the_books_add_up(
    network: Network, fabric: Fabric
) -> None:
    person, other, slug = await network.person(), await network.person(), await network.cargo()
    job_id = await network.job(person, slug, input={"text": "my fossa"})
    kept = await network.job(other, slug, input={"text": "my tapir"})
    await network.http.post("/api-keys", json={"name": "fossa laptop"}, headers=person.headers)
    batch = {"workload": slug, "inputs": [{"text": "fossa one"}, {"text": "fossa two"}]}
    await network.http.post("/jobs/batch", json=batch, headers=person.headers)

    await network.http.patch("/account", json={"name": "Fossa fossa"}, headers=person.headers)

    assert (await asked(network, person)).status_code == 202
    await eventually(lambda: is_forgotten(network, person.account_id))
    assert await is_shut_out(network, person)

    row = await network.services.reads.job(job_id)
    assert row is not None
    assert (row.input_json, row.state) == ('"[erased]"', "cancelled")
    shown = await network.http.get(f"/jobs/{kept}", headers=other.headers)
    assert shown.json()["input"] == {"text": "my tapir"}
    assert await in_the_log(network, "fossa") == []
    assert await in_the_tables(network, "fossa") == []
    assert files_with(fabric.server._store, b"fossa") == []
    assert await network.services.reads.ledger_sum() == 0
    assert not await network.services.reads.unexplained_balances()


@pytest.mark.usefixtures("erasing")
async def test_the_key_is_gone_from_the_server_and_never_made_again(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    await network.job(person, slug)
    await asked(network, person)
    await eventually(lambda: is_forgotten(network, person.account_id))
    stored = await network.nats.jetstream().get_last_msg("SUBJECT_KEYS", f"subject_key.{person.account_id}")
    assert not stored.data
    again = await network.key_for(person.account_id, scopes=(Scope.READ,))
    keys = await network.services.reads.api_keys(person.account_id)
    assert [key.name for key in keys] == ["[erased]"]
    refused = await network.http.post("/jobs", json={"workload": slug, "input": {}}, headers=again.headers)
    assert refused.status_code == 403


@pytest.mark.usefixtures("erasing")
async def test_projections_are_the_same_rebuilt_after_an_erasure(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    await network.job(person, slug, input={"text": "an eland"})
    await asked(network, person)
    await eventually(lambda: is_forgotten(network, person.account_id))
    assert await network.services.progress.wait(ALL, await network.services.log.last_position(), SEEN_S)
    for projection in PROJECTIONS:
        found = await verify(
            JetStreamEventLog(network.nats), network.services.settings.postgres_dsn, projection.name
        )
        assert found.is_equal, projection.name


async def test_an_erasure_has_to_be_confirmed_word_for_word(network: Network) -> None:
    person = await network.person()
    refused = await asked(network, person, confirm="yes")
    assert refused.status_code == 422
    assert refused.json()["error"]["message"].startswith("confirm: ")
    assert (await network.http.get("/account", headers=person.headers)).status_code == 200


async def test_whoever_owns_islands_removes_them_first(network: Network) -> None:
    person = await network.person()
    await network.island(person.account_id)
    seen = await network.http.get("/account/erasure", headers=person.headers)
    assert (seen.json()["islands"], seen.json()["erased"]) == (1, False)
    refused = await asked(network, person)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")


@pytest.mark.usefixtures("erasing")
async def test_an_operator_erases_any_account_but_the_network_s_own(network: Network) -> None:
    staff = await network.person(funds=0, scopes=(Scope.READ, Scope.ADMIN))
    person, slug = await network.person(), await network.cargo()
    await network.job(person, slug)
    path = f"/accounts/{person.account_id}"
    seen = await network.http.get(f"{path}/erasure", headers=staff.headers)
    assert (seen.json()["open_jobs"], seen.json()["keys"]) == (1, 1)
    body = {"confirm": seen.json()["confirm"]}
    erased = await network.http.post(f"{path}/erase", json=body, headers=staff.headers)
    assert (erased.status_code, erased.json()["new"]) == (202, True)
    await eventually(lambda: is_forgotten(network, person.account_id))
    again = await network.http.post(f"{path}/erase", json=body, headers=staff.headers)
    assert (again.status_code, again.json()["new"]) == (202, False)
    own = f"/accounts/{NETWORK_ACCOUNT}/erase"
    refused = await network.http.post(own, json={"confirm": "erase network"}, headers=staff.headers)
    assert refused.status_code in {404, 409}


def files_with(folder: Path, content: bytes) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if content in path.read_bytes()]


@pytest.mark.usefixtures("erasing")
async def test_an_invoice_is_the_same_to_the_byte_after_an_erasure(network: Network) -> None:
    person, earner = await network.person(), await network.person()
    island_id = await network.island(earner.account_id)
    job_id = await network.run(person, await network.cargo(), island_id, "done")
    await network.settle(job_id, person, earner=earner)
    position = str(await network.services.log.last_position())
    before = await ask(network, person, "invoice", month=MONTH, at=position)
    assert before.json()["figures"]["jobs"] == 1
    await asked(network, person)
    await eventually(lambda: is_forgotten(network, person.account_id))
    again = await network.key_for(person.account_id, scopes=(Scope.READ,))
    after = await ask(network, again, "invoice", month=MONTH, at=position)
    assert after.content == before.content
