"""One walk through everything a client can do wrong, against the whole system: a clear error, and nothing happens."""

from typing import Any, Final

import httpx

from adapters import clock
from adapters.nats.event_log import JetStreamEventLog
from api.api_key_text import ApiKeyText, new_api_key
from commands.event_log import Origin
from commands.handle import CommandHandler
from domain.account import ACCOUNT
from domain.account_commands import OpenAccount
from domain.api_key import API_KEY, IssueApiKey, Scope
from domain.ids import AccountId
from tests.faults.books import assert_all_succeeded_once, events_of
from tests.faults.network import Network, answered, eventually

STRANGER: Final = AccountId("stranger")
Wrong = tuple[dict[str, Any], int, str, str]


def wrong_submissions(slug: str) -> list[Wrong]:
    """What is posted to /jobs, and the status, the code and the first words of the answer."""
    job = {"workload": slug, "input": {}}
    kind = {"Content-Type": "application/json"}
    return [
        ({"json": job | {"workload": "nobody-made-this"}}, 404, "not_found", "workload:"),
        ({"json": job | {"workload": 7}}, 422, "invalid", "workload:"),
        ({"json": job | {"input": "text"}}, 422, "invalid", "input:"),
        ({"json": job | {"priority": "high"}}, 422, "invalid", "priority:"),
        ({"json": job | {"bid_price": "-1"}}, 422, "invalid", "bid_price:"),
        ({"json": job | {"input": {"text": 300_000 * "x"}}}, 413, "too_large", "input:"),
        ({"content": 2_000_000 * b" ", "headers": kind}, 413, "too_large", "body:"),
        ({"content": b'{"workload": NaN}', "headers": kind}, 400, "malformed", "body:"),
        ({"content": 60_000 * b"[", "headers": kind}, 400, "malformed", "body:"),
        ({"json": job, "headers": {"Idempotency-Key": 300 * "k"}}, 422, "invalid", "Idempotency-Key:"),
    ]


async def test_bad_requests_are_answered_with_what_is_wrong_and_change_nothing(network: Network) -> None:
    await network.add_coordinator()
    await network.add_island("only")
    slug = await network.publish(0)
    before = await network.submit(slug, "before")
    past = await assert_all_succeeded_once(network, [before])

    for request, status, code, words in wrong_submissions(slug):
        refused(await network.http.post("/jobs", **request), status, code, words)
    assert events_of_people(await events_of(network)) == events_of_people(past)
    await a_stranger_reaches_nothing(network, slug, before)
    await a_revoked_key_opens_nothing(network)

    after = await network.submit(slug, "after")
    await assert_all_succeeded_once(network, [before, after])


async def a_stranger_reaches_nothing(network: Network, slug: str, job_id: str) -> None:
    """Somebody else, without credits."""
    stranger = bearer((await stranger_key(network)).text)
    await eventually(lambda: answered(network.http, "/account", **stranger))
    for path in ("", "/output", "/stream", "/timeline", "/placement"):
        answer = await network.http.get(f"/jobs/{job_id}{path}", headers=stranger)
        refused(answer, 404, "not_found", f"no job {job_id}")
    refused(
        await network.http.delete(f"/jobs/{job_id}", headers=stranger), 404, "not_found", f"no job {job_id}"
    )
    body = {"workload": slug, "input": {}}
    answer = await network.http.post("/jobs", json=body, headers=stranger)
    refused(answer, 402, "insufficient_credits", "bid_price: needs 1.0 credits, 0.0 are free")


async def a_revoked_key_opens_nothing(network: Network) -> None:
    issued = (await network.http.post("/api-keys", json={"scopes": "read"})).json()
    headers = bearer(issued["key"])
    assert (await network.http.get("/account", headers=headers)).status_code == httpx.codes.OK
    await network.http.delete(f"/api-keys/{issued['key'][3:11]}")
    refused(await network.http.get("/account", headers=headers), 401, "unauthenticated", "")


def refused(answer: httpx.Response, status: int, code: str, words: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["error"]["code"]) == (status, code), body
    assert body["message"].startswith(words), body
    assert body["message"], body


def events_of_people(events: list[Any]) -> list[Any]:
    """Without what islands report by themselves."""
    return [event for event in events if not hasattr(event, "island_id") or hasattr(event, "job_id")]


async def stranger_key(network: Network) -> ApiKeyText:
    """Opens an account past HTTP, where the only way to one is the operator's."""
    text, now_ms = new_api_key(), clock.now_ms()
    opened = OpenAccount(account_id=STRANGER, name="Stranger", now_ms=now_ms)
    issued = IssueApiKey(
        key_id=text.key_id,
        account_id=STRANGER,
        name="test",
        prefix=text.prefix,
        secret_sha256=text.sha256,
        scopes=(Scope.READ, Scope.WRITE),
        now_ms=now_ms,
    )
    async with network.as_operator() as client:
        handler = CommandHandler(JetStreamEventLog(client))
        origin = Origin(command_id=clock.new_id(), actor="test")
        await handler.handle(ACCOUNT, STRANGER, opened, origin=origin)
        await handler.handle(API_KEY, text.key_id, issued, origin=origin)
    return text


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
