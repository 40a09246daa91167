"""Submitting, reading and cancelling jobs over HTTP."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from api import job_text
from api.app import build_app
from commands.handle import CommandHandler
from domain.api_key import Scope
from domain.cargo import CARGO
from domain.cargo_commands import DisableCargo
from domain.cargo_spec import Determinism
from domain.ids import JobId
from domain.job_events import Output
from tests.api.network import BASE, Network

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_submitted_job_is_there_at_once(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    answer = await network.http.post(
        "/jobs", json={"workload": slug, "input": {"text": "hi"}, "bid_price": "5.5"}, headers=person.headers
    )
    job = answer.json()
    assert answer.status_code == 201
    assert (job["state"], job["input"], job["bid_price"], job["workload"]) == (
        "submitted",
        {"text": "hi"},
        "5.5",
        slug,
    )
    assert job["data"]["status"] == "pending"
    assert int(answer.headers["Archipelago-Position"]) == job["position"]
    again = await network.http.get(f"/jobs/{job['id']}", headers=person.headers)
    assert again.json() == job
    assert None not in job.values()
    assert None not in job["data"].values()


async def test_without_a_bid_the_price_of_the_cargo_is_bid(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    job = await network.http.post("/jobs", json={"workload": slug, "input": {}}, headers=person.headers)
    assert job.json()["bid_price"] == "4.0"


async def test_an_unknown_field_is_ignored(network: Network) -> None:
    person, slug = await network.somebody()
    body = {"workload": slug, "input": {}, "stream": True}
    assert (await network.http.post("/jobs", json=body, headers=person.headers)).status_code == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"workload": 7}, "workload"),
        ({"input": "text"}, "input"),
        ({"input": None}, "input"),
        ({"bid_price": "-1"}, "bid_price"),
        ({"bid_price": "0"}, "bid_price"),
        ({"bid_price": "1.1234567"}, "bid_price"),
        ({"bid_price": 1e30}, "bid_price"),
        ({"bid_price": True}, "bid_price"),
        ({"bid_price": "1e3"}, "bid_price"),
        ({"priority": 101}, "priority"),
        ({"priority": "5"}, "priority"),
        ({"deadline_seconds": 0}, "deadline_seconds"),
        ({"region": "eu west\n"}, "region"),
        ({"region": "local"}, "region"),
        ({"region": "eu-west,,ch"}, "region"),
        ({"region": ",".join(9 * ["ch"])}, "region"),
        ({"privacy_tier": 3}, "privacy_tier"),
    ],
)
async def test_a_wrong_field_is_named_with_its_rule(
    network: Network, change: dict[str, Any], field: str
) -> None:
    person, slug = await network.somebody()
    body = {"workload": slug, "input": {}, **change}
    answer = await network.http.post("/jobs", json=body, headers=person.headers)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid"
    assert list(answer.json()["errors"]) == [field]
    assert answer.json()["error"]["param"] == field
    assert answer.json()["message"].startswith(f"{field}: ")


async def test_several_wrong_fields_are_named_together(network: Network) -> None:
    person, _ = await network.somebody()
    answer = await network.http.post("/jobs", json={"priority": 200}, headers=person.headers)
    assert set(answer.json()["errors"]) == {"workload", "input", "priority"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"workload":"x","input":{"n":NaN}}',
        b'{"workload":"x","input":{"n":1e999}}',
        b'{"workload":"x","input":{"n":Infinity}}',
        b'{"workload":"x","input":{"t":"\\ud800"}}',
        b"[" * 100_000,
        b"[]",
        b'"text"',
    ],
)
async def test_a_body_that_is_no_json_object_is_malformed(network: Network, body: bytes) -> None:
    person, _ = await network.somebody()
    headers = person.headers | {"Content-Type": "application/json"}
    answer = await network.http.post("/jobs", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")


async def test_a_body_of_another_type_is_malformed(network: Network) -> None:
    person, _ = await network.somebody()
    answer = await network.http.post("/jobs", data={"workload": "x"}, headers=person.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")
    assert "application/json" in answer.json()["message"]


async def test_an_input_of_32_levels_is_taken_and_a_deeper_one_is_not(network: Network) -> None:
    person, slug = await network.somebody()

    async def submit(levels: int) -> Any:
        inside = "[" * (levels - 1) + "]" * (levels - 1)
        body = f'{{"workload":"{slug}","input":{{"a":{inside}}}}}'
        headers = person.headers | {"Content-Type": "application/json"}
        return await network.http.post("/jobs", content=body, headers=headers)

    assert (await submit(32)).status_code == 201
    refused = await submit(33)
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["input"])


async def test_an_input_above_256_kib_is_too_large(network: Network) -> None:
    person, slug = await network.somebody()

    async def submit(characters: int) -> Any:
        body = {"workload": slug, "input": {"t": "x" * (characters - len('{"t":""}'))}}
        return await network.http.post("/jobs", json=body, headers=person.headers)

    assert (await submit(256 * 1024)).status_code == 201
    refused = await submit(256 * 1024 + 1)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_above_one_megabyte_is_refused_while_it_arrives(network: Network, chunked: bool) -> None:
    person, _ = await network.somebody()

    async def pieces() -> Any:
        for _ in range(20):
            yield b" " * 100_000

    body = pieces() if chunked else b" " * 2_000_000
    headers = person.headers | {"Content-Type": "application/json"}
    answer = await network.http.post("/jobs", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


async def test_an_unknown_workload_is_not_found_and_nothing_is_held(network: Network) -> None:
    person = await network.person()
    for workload in ("nothing-here", "a.b", "UPPER", "ö", "x" * 64):
        body = {"workload": workload, "input": {}}
        answer = await network.http.post("/jobs", json=body, headers=person.headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    account = (await network.http.get("/account", headers=person.headers)).json()
    assert (account["credits"], account["held"]) == ("100.0", "0.0")


async def test_a_disabled_workload_takes_no_job(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    await network.command(CARGO, slug, DisableCargo(slug=slug, reason="unsafe", now_ms=1))
    answer = await network.http.post("/jobs", json={"workload": slug, "input": {}}, headers=person.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "cargo_disabled")


async def test_an_input_that_breaks_the_schema_names_the_field(network: Network) -> None:
    schema = {
        "type": "object",
        "required": ["text"],
        "properties": {"text": {"type": "string"}, "n": {"type": "array", "items": {"maximum": 3}}},
    }
    person, slug = await network.person(), await network.cargo(input_schema=json.dumps(schema))
    body = {"workload": slug, "input": {"text": 5, "n": [1, 9]}}
    answer = await network.http.post("/jobs", json=body, headers=person.headers)
    assert answer.status_code == 422
    assert answer.json()["errors"] == {
        "input.text": ["5 is not of type 'string'"],
        "input.n.1": ["9 is greater than the maximum of 3"],
    }


async def test_too_few_credits_are_told_in_numbers(network: Network) -> None:
    person, slug = await network.person(funds=3), await network.cargo()
    answer = await network.http.post("/jobs", json={"workload": slug, "input": {}}, headers=person.headers)
    assert answer.status_code == 402
    assert answer.json()["error"]["code"] == "insufficient_credits"
    assert (answer.json()["required"], answer.json()["available"]) == ("4.0", "3.0")


async def test_only_a_cargo_whose_bytes_can_be_compared_is_run_several_times(network: Network) -> None:
    person = await network.person()
    slug = await network.cargo(spec={"determinism": Determinism.TOLERANT})
    body = {"workload": slug, "input": {}, "redundancy": 2}
    answer = await network.http.post("/jobs", json=body, headers=person.headers)
    assert answer.status_code == 422
    assert "redundancy: only exact cargos" in answer.json()["error"]["message"]


async def test_a_job_with_redundancy_is_one_job_with_one_bid(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    body = {"workload": slug, "input": {}, "redundancy": 2, "bid_price": "9"}
    answer = await network.http.post("/jobs", json=body, headers=person.headers)
    assert answer.status_code == 201
    assert answer.json()["redundancy"] == 2
    listed = await network.http.get("/jobs", headers=person.headers)
    assert [job["id"] for job in listed.json()["jobs"]] == [answer.json()["id"]]


async def test_a_hundred_requests_with_one_key_make_one_job(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    headers = person.headers | {"Idempotency-Key": "the same"}
    body = {"workload": slug, "input": {}}
    answers = await asyncio.gather(
        *(network.http.post("/jobs", json=body, headers=headers) for _ in range(100))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    jobs = (await network.http.get("/jobs", headers=person.headers)).json()
    account = (await network.http.get("/account", headers=person.headers)).json()
    assert (jobs["meta"]["total"], account["held"]) == (1, "4.0")


async def test_the_same_idempotency_key_with_another_body_is_refused(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    headers = person.headers | {"Idempotency-Key": "mine"}
    first = await network.http.post(
        "/jobs", json={"workload": slug, "input": {"a": 1, "b": 2}}, headers=headers
    )
    reordered = b'{"input":{"b":2,"a":1},"workload":"%s"}' % slug.encode()
    same = await network.http.post(
        "/jobs", content=reordered, headers=headers | {"Content-Type": "application/json"}
    )
    other = await network.http.post("/jobs", json={"workload": slug, "input": {"a": 3}}, headers=headers)
    assert same.json()["id"] == first.json()["id"]
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_mismatch")


async def test_the_same_idempotency_key_of_another_account_makes_another_job(network: Network) -> None:
    slug = await network.cargo()
    jobs = set()
    for _ in range(2):
        headers = (await network.person()).headers | {"Idempotency-Key": "mine"}
        answer = await network.http.post("/jobs", json={"workload": slug, "input": {}}, headers=headers)
        jobs.add(answer.json()["id"])
    assert len(jobs) == 2


async def test_a_repeated_request_is_answered_even_when_the_cargo_is_gone(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    headers = person.headers | {"Idempotency-Key": "mine"}
    body = {"workload": slug, "input": {}}
    first = await network.http.post("/jobs", json=body, headers=headers)
    await network.command(CARGO, slug, DisableCargo(slug=slug, reason="old", now_ms=1))
    again = await network.http.post("/jobs", json=body, headers=headers)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
async def test_an_idempotency_key_is_1_to_255_printable_characters(network: Network, key: str) -> None:
    person, slug = await network.somebody()
    headers = person.headers | {"Idempotency-Key": key}
    answer = await network.http.post("/jobs", json={"workload": slug, "input": {}}, headers=headers)
    assert list(answer.json()["errors"]) == ["Idempotency-Key"]


async def test_two_coordinators_make_one_job_of_one_idempotency_key(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    apps = [
        build_app(replace(network.services, handler=CommandHandler(network.services.log))) for _ in range(2)
    ]
    headers = person.headers | {"Idempotency-Key": "the same"}

    async def submit(number: int) -> str:
        transport = httpx.ASGITransport(apps[number % 2])
        async with httpx.AsyncClient(transport=transport, base_url=f"http://test{BASE}") as http:
            answer = await http.post("/jobs", json={"workload": slug, "input": {}}, headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    assert len(set(await asyncio.gather(*map(submit, range(20))))) == 1
    account = (await network.http.get("/account", headers=person.headers)).json()
    assert account["held"] == "4.0"


async def test_jobs_are_listed_newest_first_page_by_page(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    ids = [await network.job(person, slug) for _ in range(3)]
    page = (await network.http.get("/jobs?limit=2", headers=person.headers)).json()
    rest = (await network.http.get("/jobs?limit=2&offset=2", headers=person.headers)).json()
    assert [job["id"] for job in page["jobs"]] == ids[:0:-1]
    assert [job["id"] for job in page["data"]] == ids[:0:-1]
    assert (page["count"], page["meta"]) == (2, {"total": 3, "limit": 2, "offset": 0})
    assert [job["id"] for job in rest["jobs"]] == ids[:1]


async def test_jobs_are_found_by_the_words_of_either_vocabulary(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    island_id = await network.island(person.account_id)
    done = await network.run(person, slug, island_id, "x")
    waiting = await network.job(person, slug)

    async def found(status: str) -> list[str]:
        answer = await network.http.get(f"/jobs?status={status}", headers=person.headers)
        return [job["id"] for job in answer.json()["jobs"]]

    assert await found("completed") == await found("succeeded") == [done]
    assert await found("pending") == await found("submitted") == [waiting]
    assert await found("running") == []


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "offset=-1", "limit=x", "status=odd", "after=-1"])
async def test_a_wrong_query_is_named(network: Network, query: str) -> None:
    person, _ = await network.somebody()
    answer = await network.http.get(f"/jobs?{query}", headers=person.headers)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [query.partition("=")[0]]


async def test_a_finished_job_shows_its_output_its_usage_and_its_island(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    island_id = await network.island(person.account_id)
    job_id = await network.run(person, slug, island_id, "Hello", " world")
    job = (await network.http.get(f"/jobs/{job_id}", headers=person.headers)).json()
    assert (job["state"], job["output"], job["attempt"], job["host_id"]) == (
        "succeeded",
        {"text": "Hello world"},
        1,
        island_id,
    )
    assert (job["data"]["status"], job["data"]["output"]) == ("completed", "Hello world")
    assert job["data"]["usage"] == {
        "prompt_tokens": 2,
        "completion_tokens": 3,
        "total_tokens": 5,
        "credits_used": 1.0,
    }
    assert job["data"]["duration_ms"] >= 0
    text = (await network.http.get(f"/jobs/{job_id}/output", headers=person.headers)).json()
    assert (text["output"], text["completed"], text["state"]) == ("Hello world", True, "succeeded")


async def test_an_output_that_is_no_longer_kept_is_told_from_an_empty_one(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    island_id, job_id = await network.island(person.account_id), await network.job(person, slug)
    await network.assign(job_id, island_id)
    await network.start(job_id, island_id)
    position = await network.output_position()
    lost = Output(digest="sha256:0", chunks=1, output_bytes=4, after=position, last=position)
    await network.record_success(job_id, island_id, lost)
    job = (await network.http.get(f"/jobs/{job_id}", headers=person.headers)).json()
    text = await network.http.get(f"/jobs/{job_id}/output", headers=person.headers)
    assert (job["state"], "output" in job) == ("succeeded", False)
    assert (text.status_code, text.json()["error"]["code"]) == (404, "not_found")


async def test_an_output_too_large_for_one_answer_is_left_to_the_stream(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_text, "TEXT_BYTES_MAX", 3)
    person, slug = await network.person(), await network.cargo()
    job_id = await network.run(person, slug, await network.island(person.account_id), "four")
    job = (await network.http.get(f"/jobs/{job_id}", headers=person.headers)).json()
    text = await network.http.get(f"/jobs/{job_id}/output", headers=person.headers)
    assert (job["state"], "output" in job) == ("succeeded", False)
    assert (text.status_code, text.json()["error"]["code"]) == (413, "too_large")


async def test_a_failed_job_says_why(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    island_id, job_id = await network.island(person.account_id), await network.job(person, slug)
    await network.assign(job_id, island_id)
    await network.start(job_id, island_id)
    await network.fail(job_id, island_id)
    job = (await network.http.get(f"/jobs/{job_id}", headers=person.headers)).json()
    assert (job["state"], job["error"], job["error_code"]) == ("failed", "exit code 3", "crashed")
    assert (job["data"]["status"], job["data"]["error"]) == ("failed", "exit code 3")


async def test_the_output_so_far_is_read_while_the_job_runs(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    island_id, job_id = await network.island(person.account_id), await network.job(person, slug)
    await network.assign(job_id, island_id)
    await network.start(job_id, island_id)
    await network.say(job_id, island_id, "half", seq=1)
    text = (await network.http.get(f"/jobs/{job_id}/output", headers=person.headers)).json()
    assert (text["output"], text["completed"], text["data"]["status"]) == ("half", False, "running")


async def test_a_job_is_found_by_the_ids_of_its_attempts(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    job_id = await network.job(person, slug)
    answer = await network.http.get(f"/jobs/{job_id}_2", headers=person.headers)
    assert answer.json()["id"] == job_id


@pytest.mark.parametrize("path", ["", "/output", "/stream", "/timeline", "/placement"])
async def test_a_foreign_job_does_not_exist(network: Network, path: str) -> None:
    (person, slug), stranger = await network.somebody(), await network.person()
    job_id = await network.job(person, slug)
    for one in (job_id, "no-id", "00000000-0000-0000-0000-000000000000", f"{job_id}.>"):
        answer = await network.http.get(f"/jobs/{one}{path}", headers=stranger.headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_a_foreign_job_cannot_be_cancelled(network: Network) -> None:
    person, stranger, slug = await network.person(), await network.person(), await network.cargo()
    job_id = await network.job(person, slug)
    answer = await network.http.delete(f"/jobs/{job_id}", headers=stranger.headers)
    own = await network.http.get(f"/jobs/{job_id}", headers=person.headers)
    assert (answer.status_code, own.json()["state"]) == (404, "submitted")


async def test_cancelling_twice_is_answered_alike(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    job_id = await network.job(person, slug)
    for _ in range(2):
        answer = await network.http.delete(f"/jobs/{job_id}", headers=person.headers)
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        assert answer.json()["data"]["status"] == "cancelled"
        assert answer.json()["message"]


async def test_a_finished_job_cannot_be_cancelled(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    job_id = await network.run(person, slug, await network.island(person.account_id), "x")
    answer = await network.http.delete(f"/jobs/{job_id}", headers=person.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "job_finished")


@pytest.mark.parametrize(("texts", "charge"), [((), 0), (("a",), 1_000_000)])
async def test_cancelling_costs_the_ask_once_output_has_begun(
    network: Network, texts: tuple[str, ...], charge: int
) -> None:
    person, slug = await network.person(), await network.cargo()
    island_id, job_id = await network.island(person.account_id), await network.job(person, slug)
    await network.assign(job_id, island_id)
    await network.start(job_id, island_id)
    for seq, text in enumerate(texts, start=1):
        await network.say(job_id, island_id, text, seq=seq)
    await network.http.delete(f"/jobs/{job_id}", headers=person.headers)
    past = await network.services.log.load(f"job.{job_id}")
    assert past.events[-1].charge_micro == charge


async def test_a_read_waits_for_the_position_it_asks_for(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    position = (
        await network.http.post("/jobs", json={"workload": slug, "input": {}}, headers=person.headers)
    ).headers["Archipelago-Position"]
    assert (await network.http.get(f"/jobs?after={position}", headers=person.headers)).json()["meta"][
        "total"
    ] == 1


async def test_the_timeline_tells_facts_rejected_claims_and_own_bookings(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    island_id = await network.island(person.account_id)
    job_id = await network.run(person, slug, island_id, "x")
    rejection = {
        "code": "stale_attempt",
        "detail": "attempt: 1 is over",
        "subject": f"host.{island_id}.status",
        "claim_stream": "JOB_STATUS",
        "claim_position": 7,
        "received_at_ms": 1_800_000_000_000,
    }
    await network.publish(f"advisory.claim_rejected.{island_id}.{job_id}", rejection)
    await network.settle(job_id, person, earner=await network.person())
    timeline = (await network.http.get(f"/jobs/{job_id}/timeline", headers=person.headers)).json()
    assert [fact["event"] for fact in timeline["facts"]] == [
        "job.submitted",
        "job.assigned",
        "job.attempt_started",
        "job.succeeded",
    ]
    assert [claim["code"] for claim in timeline["rejected_claims"]] == ["stale_attempt"]
    booked = {(entry["kind"], entry["account"]): entry["amount"] for entry in timeline["entries"]}
    assert booked == {
        ("held", "free"): "-4.0",
        ("held", "held"): "4.0",
        ("settled", "held"): "-4.0",
        ("settled", "free"): "3.0",
        ("settled", "fees"): "0.1",
        ("settled", "clearing"): "0.9",
        ("island_earned", "clearing"): "-0.85",
    }


async def test_placement_answers_why_there_and_why_not_elsewhere(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    island_id = await network.island(person.account_id)
    job_id = await network.run(person, slug, island_id, "x")
    why = (await network.http.get(f"/jobs/{job_id}/placement", headers=person.headers)).json()
    [attempt] = why["attempts"]
    assert (attempt["host_id"], attempt["winner"]["island_id"], attempt["ending"]) == (
        island_id,
        island_id,
        "succeeded",
    )
    assert attempt["refusals"] == [{"code": "offline", "count": 1, "example": "island-gone"}]
    assert why["charge"] == {"standing": "unsettled", "bid": "4.0"}


async def test_placement_tells_why_the_job_cost_so_much(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    island_id = await network.island(person.account_id)
    job_id = await network.run(person, slug, island_id, "x")
    await network.settle(job_id, person, earner=person)
    charge = (await network.http.get(f"/jobs/{job_id}/placement", headers=person.headers)).json()["charge"]
    assert (charge["standing"], charge["charged"], charge["released"]) == ("settled", "1.0", "3.0")
    assert [charge[name] for name in ("platform_fee", "publisher", "island")] == ["0.1", "0.05", "0.85"]
    assert (charge["unit"], charge["units"], charge["price_rules_version"]) == ("job", 1, 2)


async def test_a_waiting_job_names_an_island_that_is_an_example(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    job_id = await network.job(person, slug)
    await network.defer(job_id)
    why = (await network.http.get(f"/jobs/{job_id}/placement", headers=person.headers)).json()
    assert why["charge"]["standing"] == "held"
    assert all(reason["example"] for reason in why["queue_reasons"])


async def test_a_job_of_a_key_that_may_not_write_is_forbidden(network: Network) -> None:
    person, slug = await network.person(scopes=(Scope.READ,)), await network.cargo()
    answer = await network.http.post("/jobs", json={"workload": slug, "input": {}}, headers=person.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


async def test_a_job_that_waits_says_what_it_waits_for(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    job_id: JobId = await network.job(person, slug)
    await network.defer(job_id)
    job = (await network.http.get(f"/jobs/{job_id}", headers=person.headers)).json()
    assert job["queue_reasons"] == [{"code": "at_capacity", "count": 2}]
    assert (job["state"], job["data"]["status"]) == ("submitted", "queued")
