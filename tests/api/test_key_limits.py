"""What bounds a key: its time, its rate, how many there are; and what bounds whoever guesses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import pytest

from adapters import clock
from adapters.postgres import key_uses
from api import websocket
from api.api_key_text import new_api_key
from api.routes.api_keys import API_KEYS_MAX
from api.session_text import new_session_text
from api.signing_in import SESSIONS_MAX
from api.socket_frames import CloseCode
from domain.api_key import API_KEY, IssueApiKey, Scope
from domain.session import SESSION, OpenSession
from tests.api.network import BASE, Network, Person, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

READ_WRITE: Final = (Scope.READ, Scope.WRITE)


@asynccontextmanager
async def face(network: Network, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Another HTTP face of the network, with its own allowances and nothing in its memory."""
    transport = httpx.ASGITransport(network.app_with(**settings))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://test{BASE}") as client:
        yield client


async def key_until(network: Network, person: Person, ends_ms: int) -> Person:
    text = new_api_key()
    issued = IssueApiKey(
        key_id=text.key_id,
        account_id=person.account_id,
        name="short",
        prefix=text.prefix,
        secret_sha256=text.sha256,
        scopes=READ_WRITE,
        now_ms=ends_ms - 1_000,
        expires_at_ms=ends_ms,
    )
    await network.command(API_KEY, text.key_id, issued)
    return Person(account_id=person.account_id, key=text.text, key_id=text.key_id)


def soon(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


async def test_a_key_tells_when_it_ends_and_ends_then(network: Network) -> None:
    person = await network.person()
    ends = soon(days=1)
    issued = await network.http.post("/api-keys", json={"expires_at": ends}, headers=person.headers)
    assert issued.json()["data"]["expires_at"][:19] == ends[:19]
    over = await key_until(network, person, clock.now_ms() - 1)
    answer = await network.http.get("/account", headers=over.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
    assert "expired" in answer.json()["message"]


async def test_a_key_ends_in_the_middle_of_its_use(network: Network) -> None:
    short = await key_until(network, await network.person(), clock.now_ms() + 1_000)
    assert (await network.http.get("/account", headers=short.headers)).status_code == 200

    async def is_refused() -> bool:
        return (await network.http.get("/account", headers=short.headers)).status_code == 401

    await eventually(is_refused)


async def test_a_web_socket_ends_with_the_time_of_its_key(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "RECHECK_S", 0.05)
    short = await key_until(network, await network.person(), clock.now_ms() + 500)
    async with network.socket(short) as live, asyncio.timeout(10):
        await live.connection.wait_closed()
        assert live.connection.close_code == CloseCode.REVOKED


async def test_an_expiry_in_the_past_is_named(network: Network) -> None:
    person, _ = await network.somebody()
    for wrong in (soon(seconds=-1), "tomorrow", "2027-01-01T00:00:00"):
        answer = await network.http.post("/api-keys", json={"expires_at": wrong}, headers=person.headers)
        assert answer.status_code == 422
        assert "expires_at" in answer.json()["message"]


async def test_a_key_that_ends_gives_none_that_lasts_longer(network: Network) -> None:
    short = await key_until(network, await network.person(), clock.now_ms() + 60_000)
    for body in ({}, {"expires_at": soon(hours=1)}):
        answer = await network.http.post("/api-keys", json=body, headers=short.headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    within = await network.http.post("/api-keys", json={"expires_at": soon(seconds=9)}, headers=short.headers)
    assert within.status_code == 201


async def test_a_key_has_the_rate_it_was_made_with(network: Network) -> None:
    person = await network.person()
    issued = await network.http.post("/api-keys", json={"requests_per_minute": 2}, headers=person.headers)
    slow = {"Authorization": f"Bearer {issued.json()['key']}"}
    async with face(network, requests_per_minute=50) as http:
        answers = [await http.get("/account", headers=slow) for _ in range(3)]
        usual = await http.get("/account", headers=person.headers)
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Limit"] for answer in answers] == ["2"] * 3
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert usual.headers["X-RateLimit-Limit"] == "50"


async def test_only_an_operator_gives_more_than_the_network_s_own_rate(network: Network) -> None:
    person = await network.person()
    operator = await network.key_for(person.account_id, scopes=tuple(Scope))
    async with face(network, requests_per_minute=50) as http:
        refused = await http.post("/api-keys", json={"requests_per_minute": 51}, headers=person.headers)
        given = await http.post("/api-keys", json={"requests_per_minute": 51}, headers=operator.headers)
        fast = {"Authorization": f"Bearer {given.json()['key']}"}
        seen = await http.get("/account", headers=fast)
    assert (refused.status_code, given.status_code) == (403, 201)
    assert seen.headers["X-RateLimit-Limit"] == "51"


async def test_a_slow_key_gives_no_faster_one(network: Network) -> None:
    person = await network.person()
    issued = await network.http.post("/api-keys", json={"requests_per_minute": 9}, headers=person.headers)
    slow = {"Authorization": f"Bearer {issued.json()['key']}"}
    for body, status in (({}, 403), ({"requests_per_minute": 10}, 403), ({"requests_per_minute": 9}, 201)):
        answer = await network.http.post("/api-keys", json=body, headers=slow)
        assert answer.status_code == status


async def test_an_account_has_so_many_keys_and_those_that_ended_do_not_count(network: Network) -> None:
    person = await network.person()
    await key_until(network, person, clock.now_ms() - 1)
    made = [
        await network.http.post("/api-keys", json={}, headers=person.headers) for _ in range(API_KEYS_MAX - 1)
    ]
    assert {answer.status_code for answer in made} == {201}
    refused = await network.http.post("/api-keys", json={}, headers=person.headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
    await network.http.delete(f"/api-keys/{made[0].json()['api_key']['key_id']}", headers=person.headers)
    assert (await network.http.post("/api-keys", json={}, headers=person.headers)).status_code == 201


async def test_a_key_tells_when_it_was_used_last(network: Network) -> None:
    person, before_ms = await network.person(), clock.now_ms()
    unused = await network.key_for(person.account_id, scopes=READ_WRITE)
    position = await network.services.log.last_position()
    listed = (await network.http.get("/api-keys", headers=person.headers)).json()["api_keys"]
    rows = {row["key_id"]: row for row in listed}
    used_at = datetime.fromisoformat(rows[person.key_id]["data"]["last_used_at"])
    assert used_at.timestamp() * 1000 >= before_ms
    assert "last_used_at" not in rows[unused.key_id]
    assert await network.services.log.last_position() == position  # No event for it.


async def test_the_last_use_is_kept_outside_the_memory_and_only_moves_on(network: Network) -> None:
    uses = network.services.key_uses
    uses.note("k-1", now_ms=2_000)
    await uses.write()
    elsewhere = key_uses.KeyUses(uses._pool)
    assert await elsewhere.last_used(["k-1", "k-2"]) == {"k-1": 2_000}
    elsewhere.note("k-1", now_ms=1_000)
    await elsewhere.write()
    assert await uses.last_used(["k-1"]) == {"k-1": 2_000}


async def test_the_memory_of_uses_is_bounded(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_uses, "UNWRITTEN_MAX", 2)
    uses = key_uses.KeyUses(network.services.key_uses._pool)
    for key_id in ("u-1", "u-2", "u-3"):
        uses.note(key_id, now_ms=1)
    uses.note("u-1", now_ms=2)
    assert await uses.last_used(["u-1", "u-2", "u-3"]) == {"u-1": 2, "u-2": 1}


async def test_who_guesses_is_slowed_and_no_further_key_is_looked_up_for_him(network: Network) -> None:
    seen, unseen = await network.person(), await network.person()
    async with face(network, wrong_keys_per_minute=3) as http:
        assert (await http.get("/account", headers=seen.headers)).status_code == 200
        guesses = [f"ak_{number:040}" for number in range(2)] + [f"as_{0:044}", "nonsense", f"ak_{9:040}"]
        answers = [
            await http.get("/account", headers={"Authorization": f"Bearer {guess}"}) for guess in guesses
        ]
        known, unknown = [await http.get("/account", headers=one.headers) for one in (seen, unseen)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert (known.status_code, unknown.status_code) == (200, 429)


async def test_who_waits_for_a_key_of_his_own_is_no_guesser(network: Network) -> None:
    person, text = await network.person(), new_api_key()
    headers = {"Authorization": f"Bearer {text.text}"}
    async with face(network, wrong_keys_per_minute=3) as http:
        early = [(await http.get("/account", headers=headers)).status_code for _ in range(10)]
        issued = IssueApiKey(
            key_id=text.key_id,
            account_id=person.account_id,
            name="made a moment ago",
            prefix=text.prefix,
            secret_sha256=text.sha256,
            scopes=(Scope.READ,),
            now_ms=clock.now_ms(),
        )
        await network.command(API_KEY, text.key_id, issued)
        then = await http.get("/account", headers=headers)
    assert early == [401] * 10
    assert then.status_code == 200


async def test_a_further_session_ends_the_oldest(network: Network) -> None:
    person = await network.person()
    sessions = []
    for _ in range(SESSIONS_MAX):
        text = new_session_text()
        opened = OpenSession(
            session_id=text.session_id,
            account_id=person.account_id,
            name="one of many",
            secret_sha256=text.sha256,
            now_ms=clock.now_ms(),
        )
        await network.handle(SESSION, text.session_id, opened)
        sessions.append(text)
    email = f"{person.account_id}@example.org"
    await network.http.put("/account/email", json={"email": email}, headers=person.headers)
    await network.http.post("/sessions", json={"token": await network.mailbox.link_for(email)})
    await network.http.post("/sign-in", json={"email": email})
    await network.http.post("/sessions", json={"token": await network.mailbox.link_for(email)})
    oldest, second = ({"Authorization": f"Bearer {text.text}"} for text in sessions[:2])
    assert (await network.http.get("/account", headers=oldest)).status_code == 401
    assert (await network.http.get("/account", headers=second)).status_code == 200
