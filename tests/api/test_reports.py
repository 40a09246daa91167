"""Reports over HTTP: own ones, in every form, never somebody else's, and nobody waits for another's long one."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import psutil
import pytest

from adapters import clock
from api import report_making
from commands.reports.report import digest_of
from domain.api_key import Scope
from domain.ids import IslandId
from domain.island import ISLAND
from domain.island_commands import EnrolIsland, RemoveIsland
from tests.api.network import Network, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

MONTH = datetime.fromtimestamp(clock.now_ms() / 1000, UTC).strftime("%Y-%m")


async def ask(network: Network, person: Person, kind: str, **query: str) -> httpx.Response:
    return await network.http.get(f"/reports/{kind}", headers=person.headers, params=query, timeout=60)


async def charged(network: Network) -> tuple[Person, str]:
    """Somebody whose job was charged, and the island that did it."""
    person, slug = await network.person(), await network.cargo()
    island_id = await network.island(person.account_id)
    job_id = await network.run(person, slug, island_id, "done")
    await network.settle(job_id, person, earner=await network.person())
    return person, island_id


async def test_an_invoice_has_the_charge_and_the_digest_of_itself(network: Network) -> None:
    person, _ = await charged(network)
    answer = await ask(network, person, "invoice", month=MONTH)
    assert answer.status_code == 200, answer.text
    facts: dict[str, Any] = answer.json()
    assert (facts["report"], facts["subject"]["id"]) == ("invoice", person.account_id)
    assert facts["figures"]["jobs"] == 1
    assert facts["digest"] == digest_of(facts)


@pytest.mark.parametrize(
    ("form", "type_", "begin"),
    [
        ("text", "text/plain", b"Invoice: "),
        ("csv", "text/csv", b"row,event,"),
        ("html", "text/html", b"<!doctype html>"),
        ("pdf", "application/pdf", b"%PDF-"),
    ],
)
async def test_an_invoice_comes_in_every_form(network: Network, form: str, type_: str, begin: bytes) -> None:
    person, _ = await charged(network)
    answer = await ask(network, person, "invoice", month=MONTH, format=form)
    assert answer.headers["Content-Type"].startswith(type_)
    assert answer.content.startswith(begin)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert f"invoice-{person.account_id}-{MONTH}" in answer.headers["Content-Disposition"]


async def test_statement_and_usage_are_of_the_own_account_and_islands(network: Network) -> None:
    person, island_id = await charged(network)
    stranger = await network.person()
    own = await ask(network, person, "statement", island=island_id)
    assert own.json()["subject"] == {"kind": "island", "id": island_id}
    assert (await ask(network, person, "statement")).json()["subject"]["id"] == person.account_id
    assert (await ask(network, person, "usage")).json()["figures"]["jobs"] == 1
    assert (await ask(network, stranger, "statement", island=island_id)).status_code == 404
    for kind in ("invoice", "statement", "usage"):
        foreign = await ask(network, stranger, kind, month=MONTH, account=person.account_id)
        assert foreign.status_code == 404


async def test_nobody_is_told_what_an_island_did_for_the_owner_before(network: Network) -> None:
    person, its_id = await charged(network)
    island_id = IslandId(its_id)
    buyer = await network.person()
    now_ms = clock.now_ms()
    leaving = RemoveIsland(island_id=island_id, owner_id=person.account_id, now_ms=now_ms)
    await network.command(ISLAND, island_id, leaving)
    joining = EnrolIsland(
        island_id=island_id, owner_id=buyer.account_id, name="bought", user_key="UKEY", now_ms=now_ms
    )
    await network.command(ISLAND, island_id, joining)
    refused = await ask(network, buyer, "statement", island=island_id)
    assert refused.status_code == 422
    assert "had another owner before" in refused.text
    all_own = (await ask(network, buyer, "statement")).json()
    assert (all_own["figures"]["earned_micro"], all_own["earnings"]) == (0, [])


async def test_an_operator_sees_every_account_and_the_whole_time(network: Network) -> None:
    person, _ = await charged(network)
    staff = await network.person(scopes=(Scope.READ, Scope.ADMIN))
    invoice = await ask(network, staff, "invoice", month=MONTH, account=person.account_id)
    assert invoice.json()["figures"]["jobs"] == 1
    audit = await ask(network, staff, "audit", **{"from": "2026-01-01T00:00:00Z"})
    assert audit.json()["figures"]["imbalance_micro"] == 0
    nobody = await ask(network, staff, "invoice", month=MONTH, account="nobody-at-all")
    assert nobody.status_code == 404


@pytest.mark.parametrize(
    ("kind", "query", "field"),
    [
        ("invoice", {}, "month"),
        ("invoice", {"month": "2026-13"}, "month"),
        ("invoice", {"month": MONTH, "format": "doc"}, "format"),
        ("invoice", {"month": MONTH, "at": "yesterday"}, "at"),
        ("audit", {"from": "soon"}, "from"),
        ("audit", {"from": "2026-02-01", "to": "2026-01-01"}, "to"),
    ],
)
async def test_what_cannot_be_asked_is_said_by_field(
    network: Network, kind: str, query: dict[str, str], field: str
) -> None:
    staff = await network.person(scopes=(Scope.READ, Scope.ADMIN))
    answer = await ask(network, staff, kind, **query)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])


async def test_so_many_are_made_at_once_and_the_next_is_asked_to_come_again(network: Network) -> None:
    person, _ = await charged(network)
    answers = await asyncio.gather(*(ask(network, person, "usage") for _ in range(5)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200
    assert statuses[-1] == 429
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused.headers["Retry-After"]) == report_making.BUSY_RETRY_S


async def test_a_report_whose_client_leaves_ends_with_its_process(network: Network) -> None:
    person, _ = await charged(network)
    before = set(await children())
    asking = asyncio.create_task(ask(network, person, "usage"))
    while not set(await children()) - before:
        await asyncio.sleep(0.005)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    async with asyncio.timeout(10):
        while set(await children()) - before:
            await asyncio.sleep(0.01)
    assert (await ask(network, person, "usage")).status_code == 200


async def children() -> list[int]:
    return [
        one.pid
        for one in psutil.Process().children()
        if one.status() != psutil.STATUS_ZOMBIE and "api.report_program" in " ".join(one.cmdline())
    ]


async def test_the_same_report_has_the_same_bytes(network: Network) -> None:
    person, _ = await charged(network)
    position = json.loads((await ask(network, person, "usage")).text)["positions"]["through"]
    first = await ask(network, person, "usage", at=str(position), format="pdf")
    again = await ask(network, person, "usage", at=str(position), format="pdf")
    assert first.content == again.content
