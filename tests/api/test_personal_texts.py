"""What people write is sealed wherever it is kept, and readable wherever its owner is shown it."""

from collections.abc import Sequence
from dataclasses import replace

import psycopg
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from psycopg import sql

from adapters.nats.event_log import JetStreamEventLog
from api.app import build_app
from api.job_request import JobRequest
from api.network_account import ensure_network_account
from commands.handle import CommandHandler
from domain.api_key import Scope
from domain.ids import AccountId, CargoSlug, JobId
from domain.job import JOB
from projections.progress import ALL
from tests.api.network import SEEN_S, Network, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALL_TABLES = """
select table_schema, table_name from information_schema.tables
where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')
"""


async def in_the_log(network: Network, text: str) -> list[str]:
    """The subjects of commits that hold a text."""
    stream = network.nats.jetstream()
    last = (await stream.stream_info("EVT")).state.last_seq
    found = [await stream.get_msg("EVT", seq) for seq in range(1, last + 1)]
    assert found
    return [str(one.subject) for one in found if text.encode() in (one.data or b"")]


async def in_the_tables(network: Network, text: str) -> list[str]:
    """The tables of the database that hold a text, as it would be dumped."""
    holding = []
    async with await psycopg.AsyncConnection.connect(network.services.settings.postgres_dsn) as connection:
        names: Sequence[tuple[str, str]] = await (await connection.execute(ALL_TABLES)).fetchall()
        assert len(names) > 5
        for schema, name in names:
            cursor = await connection.execute(
                sql.SQL("select count(*) from {} t where t::text like %s or t::text like %s").format(
                    sql.Identifier(schema, name)
                ),
                (f"%{text}%", f"%{text.encode().hex()}%"),  # Bytes are shown as hexadecimal digits.
            )
            if (await cursor.fetchone()) != (0,):
                holding.append(name)
    return holding


async def test_an_input_is_kept_sealed_and_shown_to_its_owner(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    job_id = await network.job(person, slug, input={"text": "my grandmother's recipe"})
    assert await in_the_log(network, "grandmother") == []
    assert await in_the_tables(network, "grandmother") == []
    shown = await network.http.get(f"/jobs/{job_id}", headers=person.headers)
    assert shown.json()["input"] == {"text": "my grandmother's recipe"}
    timeline = await network.http.get(f"/jobs/{job_id}/timeline", headers=person.headers)
    assert "my grandmother's recipe" in timeline.text
    assert "~p1." not in shown.text + timeline.text


async def test_what_people_write_is_nowhere_readable(network: Network) -> None:
    staff = await network.person(funds=0, scopes=(Scope.ADMIN,))
    person, slug = await network.person(scopes=(Scope.READ, Scope.WRITE)), await network.cargo()
    await ran(network, person, slug)
    body = {"review": {"rating": 4, "title": "Quagga title", "comment": "quagga comment"}}
    written = await network.http.post(f"/marketplace/{slug}/reviews", json=body, headers=person.headers)
    assert written.status_code == 201, written.text
    key = await network.http.post("/api-keys", json={"name": "quagga laptop"}, headers=person.headers)
    assert key.status_code == 201, key.text
    batch = {"workload": slug, "inputs": [{"text": "quagga one"}, {"text": "quagga two"}]}
    assert (await network.http.post("/jobs/batch", json=batch, headers=person.headers)).status_code == 201
    path = f"/admin/verification/users/{person.account_id}/ban"
    banned = await network.http.post(path, json={"reason": "quagga smuggling"}, headers=staff.headers)
    assert banned.status_code == 200, banned.text
    assert await network.services.progress.wait(ALL, await network.services.log.last_position(), SEEN_S)
    assert await in_the_log(network, "uagga ") == []
    assert await in_the_tables(network, "uagga ") == []
    reviews = (await network.http.get(f"/marketplace/{slug}/reviews")).json()["reviews"]
    assert (reviews[0]["title"], reviews[0]["comment"]) == ("Quagga title", "quagga comment")
    keys = await network.http.get("/api-keys", headers=person.headers)
    assert "quagga laptop" in keys.text
    status = await network.http.get("/verification/status", headers=person.headers)
    assert "quagga smuggling" in status.text
    assert "~p1." not in reviews[0]["title"] + keys.text + status.text


async def test_a_rating_alone_keeps_the_sealed_words(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    await ran(network, person, slug)
    path = f"/marketplace/{slug}/reviews"
    texts = {"rating": 4, "title": "Okapi", "comment": "okapi words"}
    await network.http.post(path, json={"review": texts}, headers=person.headers)
    fresh = AsyncClient(transport=ASGITransport(another_coordinator(network)), base_url="http://here/api/v1")
    again = await fresh.post(path, json={"review": {"rating": 2}}, headers=person.headers)
    assert (again.status_code, again.json()["title"]) == (201, "Okapi"), again.text
    [shown] = (await network.http.get(path)).json()["reviews"]
    assert (shown["rating"], shown["title"], shown["comment"]) == (2, "Okapi", "okapi words")


async def test_facts_on_a_websocket_are_readable(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    async with network.socket(person) as socket:
        await socket.send(type="subscribe", id="s", topic="events", category="job")
        job_id = await network.job(person, slug, input={"text": "a bongo"})
        frames = await socket.until(lambda frame: job_id in str(frame) and "bongo" in str(frame))
    assert "~p1." not in str(frames)


async def test_a_rerun_for_the_network_keeps_the_input_its_customer_s(network: Network) -> None:
    await ensure_network_account(network.services.handler, 1_000)
    staff = await network.person(funds=0, scopes=(Scope.ADMIN,))
    person, slug = await network.person(), await network.cargo()
    job_id = await network.job(person, slug, input={"text": "a numbat"})
    await network.http.delete(f"/jobs/{job_id}", headers=person.headers)
    body = {"reason": "numbat looked ill"}
    again = await network.http.post(f"/audit/jobs/{job_id}/rerun", json=body, headers=staff.headers)
    assert again.status_code == 200, again.text
    stream = JOB.stream(JobId(again.json()["job_id"]))
    recorded = await network.services.log.first(stream)
    assert recorded is not None
    assert recorded.events[0].input_json == '{"text":"a numbat"}'
    sealed = await network.services.handler.first(JOB, JobId(again.json()["job_id"]))
    assert sealed is not None
    assert sealed.events[0].input_json.startswith(f"~p1.{person.account_id}.")
    assert await in_the_log(network, "numbat") == []


async def test_a_repeated_request_is_known_by_a_keyed_fingerprint(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    body = {"workload": slug, "input": {"text": "an aye-aye"}}
    headers = person.headers | {"Idempotency-Key": "once"}
    first = await network.http.post("/jobs", json=body, headers=headers)
    again = await network.http.post("/jobs", json=body, headers=headers)
    other = await network.http.post("/jobs", json=body | {"priority": 2}, headers=headers)
    assert first.json()["id"] == again.json()["id"]
    assert other.status_code == 422
    job = await network.services.handler.state(JOB, JobId(first.json()["id"]))
    assert job.request_sha256 != JobRequest.model_validate(body).sha256()


async def ran(network: Network, person: Person, slug: CargoSlug) -> None:
    await network.run(person, slug, await network.island(AccountId("account-of-somebody")), "done")


def another_coordinator(network: Network) -> FastAPI:
    """The same network's, which remembers nothing and so reads what is kept."""
    services = network.services
    log = JetStreamEventLog(network.nats, services.cipher)
    return build_app(replace(services, handler=CommandHandler(log)))
