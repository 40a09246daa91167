"""The WebSocket: who gets in, what each topic tells, how one resumes, and when one is shut out."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api import log_topics, websocket
from api.api_key_text import new_api_key
from api.outbox import BYTES_MAX, FRAMES_MAX, Outbox, Stalled
from api.sockets import SOCKETS_PER_KEY_MAX
from api.subscriptions import SUBSCRIPTIONS_MAX
from api.tickets import Tickets
from domain.api_key import Scope
from tests.api.network import SEEN_S, Network, Socket

pytestmark = pytest.mark.asyncio(loop_scope="module")


def is_change(frame: dict[str, Any]) -> bool:
    return bool(frame["type"] == "change")


def is_end(frame: dict[str, Any]) -> bool:
    return bool(frame["type"] == "end")


async def closed_with(network: Network, *frames: str | bytes, **options: Any) -> int:
    """The code with which a socket is closed that sends these frames."""
    async with network.raw_socket(**options) as connection:
        with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012 - the close may come at any of the frames
            for frame in frames:
                await connection.send(frame)
            async with asyncio.timeout(SEEN_S):
                while True:
                    await connection.recv()
        assert closed.value.rcvd is not None
        return int(closed.value.rcvd.code)


async def test_a_key_in_the_first_frame_opens_the_socket(network: Network) -> None:
    person = await network.person()
    async with network.raw_socket() as connection:
        live = Socket(connection)
        await live.send(type="auth", key=person.key)
        ready = await live.next()
        assert ready["type"] == "ready"
        assert ready["position"] > 0
        await live.send(type="ping")
        assert await live.next() == {"type": "pong"}


async def test_a_ticket_opens_the_socket_once(network: Network) -> None:
    person = await network.person()
    taken = (await network.http.post("/ws-tickets", headers=person.headers)).json()
    assert taken["expires_in_seconds"] == 30
    auth = json.dumps({"type": "auth", "ticket": taken["ticket"]})
    async with network.raw_socket() as connection:
        await connection.send(auth)
        assert (await Socket(connection).next())["type"] == "ready"
    assert await closed_with(network, auth) == 4401


async def test_a_ticket_ends_after_30_seconds() -> None:
    now_ms = 0
    tickets = Tickets(lambda: now_ms)
    caller: Any = object()
    first, second = tickets.issue(caller), tickets.issue(caller)
    now_ms = 29_999
    assert tickets.redeem(first) is caller
    now_ms = 30_000
    assert tickets.redeem(second) is None


@pytest.mark.parametrize(
    "frame",
    [
        json.dumps({"type": "auth", "key": new_api_key().text}),
        json.dumps({"type": "auth", "ticket": "nothing"}),
        json.dumps({"type": "auth"}),
        json.dumps({"type": "ping"}),
    ],
)
async def test_who_shows_no_valid_key_is_shut_out(network: Network, frame: str) -> None:
    assert await closed_with(network, frame) == 4401


async def test_a_wrong_key_in_the_header_is_shut_out(network: Network) -> None:
    assert await closed_with(network, additional_headers={"Authorization": "Bearer ak_wrong"}) == 4401


async def test_who_says_nothing_is_shut_out_in_time(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "AUTHENTICATE_S", 0.05)
    assert await closed_with(network) == 4401


async def test_a_key_that_may_not_read_is_shut_out(network: Network) -> None:
    person = await network.person(scopes=(Scope.WRITE,))
    assert await closed_with(network, additional_headers=person.headers) == 4403


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        "[]",
        '{"type":"dance"}',
        '{"type":"subscribe"}',
        '{"type":"subscribe","id":7,"topic":"jobs"}',
        '{"type":"subscribe","id":"s","topic":"jobs","after":-1}',
        b"bytes",
        "x" * 70_000,
        "[" * 60_000,
        '{"type":"auth","key":""}',
    ],
)
async def test_a_frame_that_is_none_of_ours_closes_the_socket(network: Network, frame: str | bytes) -> None:
    person, _ = await network.somebody()
    assert await closed_with(network, frame, additional_headers=person.headers) == 4400


async def test_a_page_of_a_foreign_origin_is_refused_at_the_handshake(network: Network) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with network.raw_socket(origin="https://other.example"):
            pass
    assert refused.value.response.status_code == 403
    person = await network.person()
    async with network.socket(person, origin=f"http://{network.address}"):
        pass


async def test_a_revoked_key_is_shut_out_at_once(network: Network) -> None:
    person = await network.person()
    other = await network.key_for(person.account_id, scopes=(Scope.READ,))
    async with network.socket(other) as live:
        await network.http.delete(f"/api-keys/{other.key_id}", headers=person.headers)
        with pytest.raises(ConnectionClosed) as closed:
            await live.next()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403


async def test_a_key_revoked_by_another_coordinator_is_shut_out(network: Network) -> None:
    """Only the log tells of it: this process was not asked."""
    person = await network.person()
    async with network.socket(person) as live:
        await network.revoke(person)
        with pytest.raises(ConnectionClosed) as closed:
            await live.next()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403
    assert (await network.http.get("/account", headers=person.headers)).status_code == 401


async def test_a_revocation_that_was_missed_is_found(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await network.person()
    monkeypatch.setattr(websocket, "RECHECK_S", 0.02)
    async with network.socket(person) as live:
        monkeypatch.setattr(type(network.services.reads), "api_keys", no_keys)
        with pytest.raises(ConnectionClosed) as closed:
            await live.next()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403


async def no_keys(*_: Any) -> list[Any]:
    return []


async def test_one_key_may_hold_a_bounded_number_of_sockets(network: Network) -> None:
    person = await network.person()
    sockets = [network.socket(person) for _ in range(SOCKETS_PER_KEY_MAX)]
    for one in sockets:
        await one.__aenter__()
    assert await closed_with(network, additional_headers=person.headers) == 4429
    for one in sockets:
        await one.__aexit__(None, None, None)


async def subscribed(live: Socket, topic: str, **fields: Any) -> dict[str, Any]:
    """The first frame of a new subscription `s`."""
    await live.send(type="subscribe", id="s", topic=topic, **fields)
    return await live.next()


async def test_jobs_are_told_as_they_are_and_as_they_change(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    old = await network.job(person, slug)
    async with network.socket(person) as live:
        snapshot = await subscribed(live, "jobs")
        assert (snapshot["type"], snapshot["id"], snapshot["last"]) == ("snapshot", "s", True)
        assert [row["id"] for row in snapshot["rows"]] == [old]
        assert snapshot["rows"][0]["data"]["status"] == "pending"
        new = await network.job(person, slug)
        change = await live.next()
        assert (change["type"], change["op"], change["index"], change["row"]["id"]) == (
            "change",
            "put",
            0,
            new,
        )
        assert change["position"] == change["row"]["position"]
        assert change["position"] > snapshot["position"]


async def test_jobs_of_others_are_not_told(network: Network) -> None:
    person, stranger, slug = await network.person(), await network.person(), await network.cargo()
    async with network.socket(stranger) as live:
        await subscribed(live, "jobs")
        await network.job(person, slug)
        own = await network.job(stranger, slug)
        assert (await live.next())["row"]["id"] == own


async def test_who_resumes_is_told_what_changed_meanwhile_and_nothing_else(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    await network.job(person, slug)
    async with network.socket(person) as live:
        position = (await subscribed(live, "jobs"))["position"]
    missed = [await network.job(person, slug) for _ in range(3)]
    async with network.socket(person) as live:
        await live.send(type="subscribe", id="s", topic="jobs", after=position)
        frame = await live.next()
        assert (frame["type"], frame["id"]) == ("changes", "s")
        assert [row["row"]["id"] for row in frame["rows"]] == missed
        positions = [row["position"] for row in frame["rows"]]
        assert sorted(set(positions)) == positions
        assert frame["position"] == positions[-1]


@pytest.mark.parametrize("topic", ["jobs", "events"])
async def test_a_position_of_the_future_is_a_gap(network: Network, topic: str) -> None:
    person, _ = await network.somebody()
    async with network.socket(person) as live:
        assert (await subscribed(live, topic, after=99_999_999))["type"] == "gap"
        assert (await live.next())["type"] == "snapshot"


async def test_a_snapshot_comes_in_pages(network: Network) -> None:
    person, slug = await network.person(funds=10_000), await network.cargo()
    jobs = await asyncio.gather(*(network.job(person, slug) for _ in range(101)))
    async with network.socket(person) as live:
        first = await subscribed(live, "jobs")
        second = await live.next()
        assert (len(first["rows"]), first["last"], len(second["rows"]), second["last"]) == (
            100,
            False,
            1,
            True,
        )
        assert {row["id"] for row in first["rows"] + second["rows"]} == set(jobs)


async def test_one_job_is_told_until_its_end(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    island_id, job_id = await network.island(person.account_id), await network.job(person, slug)
    async with network.socket(person) as live:
        snapshot = await subscribed(live, "job", job_id=job_id)
        assert snapshot["rows"][0]["state"] == "submitted"
        await network.assign(job_id, island_id)
        assert (await live.next())["row"]["state"] == "assigned"
        await network.start(job_id, island_id)
        assert (await live.next())["row"]["state"] == "running"
        await network.say(job_id, island_id, "", seq=1, last=True)
        await network.succeed(job_id, island_id)
        assert (await live.next())["row"]["state"] == "succeeded"
        assert await live.next() == {"type": "end", "id": "s", "state": "succeeded"}


async def test_a_job_that_has_ended_is_told_and_ends(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    job_id = await network.run(person, slug, await network.island(person.account_id), "x")
    async with network.socket(person) as live:
        snapshot = await subscribed(live, "job", job_id=job_id)
        assert snapshot["rows"][0]["state"] == "succeeded"
        assert is_end(await live.next())
        await live.send(type="subscribe", id="s", topic="job", job_id=job_id, after=snapshot["position"])
        assert is_end(await live.next())


async def test_the_output_of_a_job_is_told_and_resumed_at_the_exact_chunk(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    island_id, job_id = await network.island(person.account_id), await network.job(person, slug)
    await network.assign(job_id, island_id)
    await network.start(job_id, island_id)
    first = await network.say(job_id, island_id, "one", seq=1)
    async with network.socket(person) as live:
        assert await subscribed(live, "job.output", job_id=job_id) == {
            "type": "output",
            "id": "s",
            "position": first,
            "attempt": 1,
            "kind": "token",
            "seq": 1,
            "content": "one",
        }
    second = await network.say(job_id, island_id, "two", seq=2)
    await network.progress(job_id, island_id, 1, 2)
    async with network.socket(person) as live:
        frame = await subscribed(live, "job.output", job_id=job_id, after=first)
        assert (frame["position"], frame["content"]) == (second, "two")
        step = await live.next()
        assert (step["kind"], step["step"], step["total"]) == ("progress", 1, 2)
        await network.say(job_id, island_id, "", seq=3, last=True)
        final = await live.next()
        assert (final["kind"], final["seq"]) == ("final", 3)
        await network.succeed(job_id, island_id)
        assert await live.next() == {"type": "end", "id": "s", "state": "succeeded"}


async def test_an_output_that_begins_again_says_so(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    island_id, job_id = await network.island(person.account_id), await network.job(person, slug)
    await network.assign(job_id, island_id)
    await network.start(job_id, island_id)
    await network.say(job_id, island_id, "one", seq=1)
    async with network.socket(person) as live:
        await subscribed(live, "job.output", job_id=job_id)
        await network.lose(job_id)
        other = await network.island(person.account_id)
        await network.assign(job_id, other, attempt=2)
        await network.start(job_id, other, attempt=2)
        await network.say(job_id, other, "two", seq=1, attempt=2)
        assert await live.next() == {"type": "restarted", "id": "s", "attempt": 2}
        frame = await live.next()
        assert (frame["attempt"], frame["content"]) == (2, "two")


@pytest.mark.parametrize("topic", ["job", "job.output"])
async def test_a_foreign_job_cannot_be_followed(network: Network, topic: str) -> None:
    (person, slug), stranger = await network.somebody(), await network.person()
    job_id = await network.job(person, slug)
    async with network.socket(stranger) as live:
        for wanted in (job_id, "nothing", "job.>"):
            error = await subscribed(live, topic, job_id=wanted)
            assert (error["type"], error["id"], error["code"]) == ("error", "s", "not_found")


async def test_a_foreign_host_cannot_be_followed(network: Network) -> None:
    person, stranger = await network.person(), await network.person()
    island_id = await network.island(person.account_id)
    async with network.socket(stranger) as live:
        assert (await subscribed(live, "host", host_id=island_id))["code"] == "not_found"
        assert (await subscribed(live, "hosts"))["rows"] == []


async def test_the_account_and_its_books_are_told(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    async with network.socket(person) as live:
        account = await subscribed(live, "account")
        assert account["rows"][0]["credits"] == "100.0"
        await network.job(person, slug)
        assert (await live.next())["row"]["held"] == "4.0"
        await live.send(type="subscribe", id="books", topic="ledger")
        entries = await live.changes(3)
        assert [(frame["row"]["kind"], frame["row"]["amount"]) for frame in entries] == [
            ("granted", "100.0"),
            ("held", "-4.0"),
            ("held", "4.0"),
        ]
        places = [(frame["position"], frame["index"]) for frame in entries]
        assert places == sorted(set(places))


async def test_hosts_and_the_catalogue_are_told(network: Network) -> None:
    person = await network.person()
    async with network.socket(person) as live:
        assert (await subscribed(live, "hosts"))["rows"] == []
        island_id = await network.island(person.account_id)
        frames = await live.until(lambda frame: is_change(frame) and bool(frame["row"].get("runtimes")))
        assert frames[-1]["row"]["id"] == island_id
        await live.send(type="subscribe", id="c", topic="cargos")
        await live.until(lambda frame: frame["id"] == "c")
        slug = await network.cargo()
        assert (await live.next())["row"]["slug"] == slug
        await live.send(type="subscribe", id="h", topic="host", host_id=island_id)
        assert (await live.next())["rows"][0]["id"] == island_id


async def test_own_facts_are_told_and_foreign_ones_are_not(network: Network) -> None:
    person, stranger, slug = await network.person(), await network.person(), await network.cargo()
    island_id = await network.island(person.account_id)
    async with network.socket(person) as live:
        assert await subscribed(live, "events") == {
            "type": "snapshot",
            "id": "s",
            "position": network.services.tail.position,
            "rows": [],
            "last": True,
        }
        await network.job(stranger, slug)
        job_id = await network.job(person, slug)
        await network.assign(job_id, island_id)
        await network.renew(job_id, island_id)
        frames = await live.changes(4)
        assert [frame["row"]["event"] for frame in frames] == [
            "account.credits_held",
            "job.submitted",
            "job.assigned",
            "job.lease_renewed",
        ]
        assert {frame["row"]["stream"] for frame in frames[1:]} == {f"job.{job_id}"}
        assert frames[0]["row"]["actor"] == f"api_key.{person.key_id}"
    async with network.socket(person) as live:
        await live.send(type="subscribe", id="s", topic="events", category="job", after=frames[0]["position"])
        again = await live.changes(3)
        assert [frame["row"]["event"] for frame in again] == [frame["row"]["event"] for frame in frames[1:]]


async def test_facts_show_no_secret(network: Network) -> None:
    person = await network.person()
    async with network.socket(person) as live:
        await subscribed(live, "events", category="api_key")
        await network.key_for(person.account_id, scopes=(Scope.READ,))
        fact = await live.next()
        assert fact["row"]["event"] == "api_key.issued"
        assert "secret_sha256" not in fact["row"]["data"]


async def test_an_admin_is_told_everybodys_facts(network: Network) -> None:
    admin, stranger, slug = (
        await network.person(scopes=(Scope.READ, Scope.ADMIN)),
        await network.person(),
        await network.cargo(),
    )
    async with network.socket(admin) as live:
        await subscribed(live, "events", category="job")
        job_id = await network.job(stranger, slug)
        assert (await live.next())["row"]["stream"] == f"job.{job_id}"


async def test_who_resumes_too_far_back_is_told_of_the_gap(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_topics, "RESUME_COMMITS_MAX", 2)
    person, slug = await network.person(), await network.cargo()
    async with network.socket(person) as live:
        gap = await subscribed(live, "events", after=1)
        assert (gap["type"], gap["oldest"]) == ("gap", network.services.tail.position - 2)
        assert (await live.next())["type"] == "snapshot"
        await network.job(person, slug)
        assert [frame["row"]["event"] for frame in await live.changes(2)][-1] == "job.submitted"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"topic": "nothing"}, "invalid"),
        ({"topic": "job"}, "not_found"),
        ({"topic": "events", "category": "nothing"}, "invalid"),
        ({"topic": "jobs", "id": ""}, "invalid"),
        ({"topic": "jobs", "id": "x" * 101}, "invalid"),
    ],
)
async def test_a_wrong_subscription_is_an_error_and_no_end(
    network: Network, fields: dict[str, str], code: str
) -> None:
    person, _ = await network.somebody()
    async with network.socket(person) as live:
        await live.send(**{"type": "subscribe", "id": "s", **fields})
        assert (await live.next())["code"] == code
        await live.send(type="ping")
        assert await live.next() == {"type": "pong"}


async def test_an_id_is_used_once_at_a_time(network: Network) -> None:
    person, _ = await network.somebody()
    async with network.socket(person) as live:
        await subscribed(live, "account")
        assert (await subscribed(live, "account"))["code"] == "conflict"
        await live.send(type="unsubscribe", id="s")
        assert await live.next() == {"type": "unsubscribed", "id": "s"}
        assert (await subscribed(live, "account"))["type"] == "snapshot"


async def test_nothing_follows_an_unsubscription(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    async with network.socket(person) as live:
        await subscribed(live, "jobs")
        await live.send(type="unsubscribe", id="s")
        await live.next()
        await network.job(person, slug)
        await live.send(type="ping")
        assert await live.next() == {"type": "pong"}


async def test_one_socket_holds_a_bounded_number_of_subscriptions(network: Network) -> None:
    person, _ = await network.somebody()
    async with network.socket(person) as live:
        for number in range(SUBSCRIPTIONS_MAX + 1):
            await live.send(type="subscribe", id=f"s{number}", topic="account")
        [error] = [
            frame
            for frame in [await live.next() for _ in range(SUBSCRIPTIONS_MAX + 1)]
            if frame["type"] == "error"
        ]
        assert (error["id"], error["code"]) == (f"s{SUBSCRIPTIONS_MAX}", "rate_limited")


class Reader:
    """Takes frames only when it is told to."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.may_take = asyncio.Event()

    async def take(self, text: str) -> None:
        await self.may_take.wait()
        self.taken.append(text)


async def with_outbox(stalled_s: float, work: Callable[[Outbox, Reader], Awaitable[None]]) -> None:
    reader = Reader()
    outbox = Outbox(reader.take, stalled_s=stalled_s)
    sending = asyncio.create_task(outbox.run())
    try:
        await work(outbox, reader)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


@pytest.mark.parametrize(("characters", "held"), [(1, FRAMES_MAX + 1), (100_000, BYTES_MAX // 100_000)])
async def test_an_outbox_holds_a_bounded_number_of_frames_and_bytes(characters: int, held: int) -> None:
    """One frame more than `FRAMES_MAX`, because one is in the reader's hands."""
    content = "x" * characters

    async def work(outbox: Outbox, reader: Reader) -> None:
        for number in range(held):
            await outbox.put(json.dumps({"n": number, "content": content}))
            await asyncio.sleep(0)
        with pytest.raises(Stalled):
            await outbox.put(json.dumps({"n": held, "content": content}))
        reader.may_take.set()
        await outbox.put(json.dumps({"n": held, "content": content}))
        async with asyncio.timeout(SEEN_S):
            while len(reader.taken) <= held:
                await asyncio.sleep(0)
        assert [json.loads(text)["n"] for text in reader.taken] == list(range(held + 1))

    await with_outbox(0.01, work)


async def test_a_reader_that_takes_nothing_is_cut_off(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stall(*_: Any) -> None:
        raise Stalled

    person = await network.person()
    async with network.socket(person) as live:
        monkeypatch.setattr(Outbox, "put", stall)
        await live.send(type="subscribe", id="s", topic="account")
        with pytest.raises(ConnectionClosed) as closed:
            await live.next()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4408


async def test_many_changes_of_one_job_cost_a_slow_reader_one_frame(network: Network) -> None:
    """The topic keeps a position and no rows: what was overtaken is not told."""
    person, slug = await network.person(), await network.cargo()
    async with network.socket(person) as live:
        position = (await subscribed(live, "jobs"))["position"]
    job_id = await network.run(person, slug, await network.island(person.account_id), "x")
    async with network.socket(person) as live:
        change = await subscribed(live, "jobs", after=position)
        assert (change["row"]["id"], change["row"]["state"]) == (job_id, "succeeded")
