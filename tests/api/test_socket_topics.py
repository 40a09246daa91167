"""What the WebSocket's topics tell beside the commonest ones, who may not see it, and that every reader is told all."""

import asyncio
import contextlib
import json
import socket
from typing import Any

import pytest
from jsonschema import ValidationError
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from adapters import clock
from api import fact_feed, websocket
from api.outbox import Outbox
from api.single_flight import SingleFlight
from domain.api_key import Scope
from domain.check import CHECK
from domain.check_commands import OpenCheck
from domain.exchange import EXCHANGE, TakeSnapshot, figures_of
from domain.ids import CargoSlug
from domain.island import ISLAND
from domain.island_commands import RemoveIsland
from domain.pricing import MICRO_PER_CREDIT
from projections.read_model import ReadModel
from tests.api.network import SEEN_S, Network, Socket, eventually
from tests.api.socket_schema import check_frame
from tests.api.test_batches import scene

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADMIN = (Scope.READ, Scope.WRITE, Scope.ADMIN)


async def subscribed(live: Socket, topic: str, **fields: Any) -> dict[str, Any]:
    """The first frame of a new subscription `s`."""
    await live.send(type="subscribe", id="s", topic=topic, **fields)
    return await live.next()


async def snapshot_rates(network: Network, slug: CargoSlug, price: int, through: int) -> None:
    command = TakeSnapshot(
        slug=slug,
        window_ends_ms=clock.now_ms() + through,
        after=through - 1,
        through=through,
        figures=figures_of([price * MICRO_PER_CREDIT], [], []),
        by_region={},
        now_ms=clock.now_ms(),
    )
    await network.command(EXCHANGE, slug, command)


async def test_a_batch_is_told_with_its_parts_until_its_end(network: Network) -> None:
    story = await scene(network)
    batch_id = await story.begin(max_parallelism=3)
    parts = [child["id"] for child in (await story.status(batch_id))["children"]]
    async with network.socket(story.person) as live:
        snapshot = await subscribed(live, "batch", job_id=batch_id)
        assert snapshot["last"]
        assert {row["id"] for row in snapshot["rows"]} == {batch_id, *parts}
        for number, part in enumerate(parts):
            await story.run(part, str(number))
        frames = await live.until(lambda frame: frame["type"] == "end")
        assert frames[-1] == {"type": "end", "id": "s", "state": "succeeded"}
        last = last_rows(frames[:-1])
        assert {last[one]["state"] for one in (batch_id, *parts)} == {"succeeded"}
        resumed = await subscribed(live, "batch", job_id=batch_id, after=frames[-2]["position"])
        assert resumed["type"] == "end"


def last_rows(frames: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By id, the newest row that the frames told."""
    changes = [change for frame in frames for change in frame.get("rows", [frame])]
    return {change["row"]["id"]: change["row"] for change in changes}


async def test_a_batch_is_followed_as_the_one_job_it_is(network: Network) -> None:
    story = await scene(network)
    batch_id = await story.begin(max_parallelism=1)
    async with network.socket(story.person) as live:
        assert (await subscribed(live, "job", job_id=batch_id))["rows"][0]["id"] == batch_id
        await live.send(type="subscribe", id="out", topic="job.output", job_id=batch_id)
        for child in (await story.status(batch_id))["children"]:
            await story.run(child["id"], "text")
        told = [frame for frame in await frames_until_ends(live, 2) if frame["id"] == "out"]
        assert [frame.get("step") for frame in told if frame.get("kind") == "progress"][-1] == 3
        assert [frame["content"] for frame in told if frame.get("kind") == "token"] == ["text\ntext\ntext"]


async def frames_until_ends(live: Socket, ends: int) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    while sum(frame["type"] == "end" for frame in frames) < ends:
        frames.append(await live.next())
    return frames


async def test_a_plain_or_foreign_job_is_no_batch(network: Network) -> None:
    story, stranger = await scene(network), await network.person()
    batch_id = await story.begin()
    job_id = await network.job(story.person, story.slug)
    async with network.socket(story.person) as live:
        assert (await subscribed(live, "batch", job_id=job_id))["code"] == "not_found"
    async with network.socket(stranger) as live:
        assert (await subscribed(live, "batch", job_id=batch_id))["code"] == "not_found"


async def test_the_market_of_one_cargo_is_told_as_it_moves(network: Network) -> None:
    person, slug, other = await network.person(), await network.cargo(), await network.cargo()
    await snapshot_rates(network, slug, 3, through=1)
    async with network.socket(person) as live:
        [row] = (await subscribed(live, "market", workload=slug))["rows"]
        assert (row["workload_slug"], row["median_clearing_price"], row["jobs_cleared"]) == (slug, "3.0", 1)
        await snapshot_rates(network, other, 9, through=1)
        await snapshot_rates(network, slug, 4, through=2)
        [change] = await live.changes(1)
        assert (change["row"]["workload_slug"], change["row"]["median_clearing_price"]) == (slug, "4.0")
        await live.send(type="subscribe", id="all", topic="market")
        snapshot = await live.next()
        prices = {row["workload_slug"]: row["median_clearing_price"] for row in snapshot["rows"]}
        assert (prices[slug], prices[other]) == ("4.0", "9.0")


@pytest.mark.parametrize("workload", ["nothing", "No Slug", ""])
async def test_a_market_that_is_not_there_is_not_found(network: Network, workload: str) -> None:
    person, _ = await network.somebody()
    async with network.socket(person) as live:
        assert (await subscribed(live, "market", workload=workload))["code"] == "not_found"


async def test_an_island_that_left_is_deleted_and_no_longer_followed(network: Network) -> None:
    person = await network.person()
    island_id = await network.island(person.account_id)
    async with network.socket(person) as live:
        assert [row["id"] for row in (await subscribed(live, "hosts"))["rows"]] == [island_id]
        await live.send(type="subscribe", id="one", topic="host", host_id=island_id)
        assert (await live.next())["id"] == "one"
        removed = RemoveIsland(island_id=island_id, owner_id=person.account_id, now_ms=clock.now_ms())
        await network.command(ISLAND, island_id, removed)
        frames = {frame["id"]: frame for frame in [await live.next(), await live.next()]}
        assert (frames["s"]["op"], frames["s"]["row"]) == ("delete", {"id": island_id})
        assert (frames["one"]["type"], frames["one"]["code"]) == ("error", "not_found")


async def test_what_is_checked_is_told_to_operators_alone(network: Network) -> None:
    (person, slug), admin = await network.somebody(), await network.person(scopes=ADMIN)
    job_id = await network.job(person, slug)
    async with network.socket(person) as own, network.socket(admin) as operator:
        for live in (own, operator):
            assert (await subscribed(live, "events"))["type"] == "snapshot"
        command = OpenCheck(
            job_id=job_id, account_id=person.account_id, runs=2, bid_micro=1, now_ms=clock.now_ms()
        )
        await network.command(CHECK, job_id, command)
        after = await network.job(person, slug)
        told = await until_stream(operator, f"job.{after}")
        assert f"check.{job_id}" in told
        assert f"check.{job_id}" not in await until_stream(own, f"job.{after}")


async def until_stream(live: Socket, stream: str) -> list[str]:
    """The streams of the facts that came, up to `stream`."""
    told: list[str] = []
    while stream not in told:
        frame = await live.next()
        told += [change["row"]["stream"] for change in frame.get("rows", [frame])]
    return told


async def test_every_category_of_the_log_can_be_followed(network: Network) -> None:
    admin = await network.person(scopes=ADMIN)
    async with network.socket(admin) as live:
        for category in ("check", "refund", "treasury", "exchange", "publisher", "batch"):
            await live.send(type="subscribe", id=category, topic="events", category=category)
            assert (await live.next())["type"] == "snapshot"


async def test_many_facts_of_one_moment_come_in_one_frame(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fact_feed, "TICK_S", 0.5)
    person, slug = await network.person(), await network.cargo()
    async with network.socket(person) as live:
        await subscribed(live, "events")
        jobs = await asyncio.gather(*(network.job(person, slug) for _ in range(10)))
        frames: list[dict[str, Any]] = []
        while sum(len(frame.get("rows", [1])) for frame in frames) < 2 * len(jobs):
            frames.append(await live.next())
        assert len(frames) < len(jobs)
        places = [(row["position"], row["index"]) for frame in frames for row in frame.get("rows", [frame])]
        assert places == sorted(set(places))


async def test_a_long_past_is_told_in_frames_of_bounded_size(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, slug = await network.person(), await network.cargo()
    after = network.services.tail.position
    jobs = [await network.job(person, slug) for _ in range(5)]
    monkeypatch.setattr(fact_feed, "FRAME_BYTES_MAX", 1)
    async with network.socket(person) as live:
        await live.send(type="subscribe", id="s", topic="events", category="job", after=after)
        frames = [await live.next() for _ in jobs]
        assert [frame["type"] for frame in frames] == ["change"] * len(jobs)
        assert [frame["row"]["stream"] for frame in frames] == [f"job.{job_id}" for job_id in jobs]


async def test_readers_of_one_topic_share_one_question(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await network.person() for _ in range(5)]
    asked: list[int] = []
    ask = ReadModel.cargos_changed

    async def counted(self: ReadModel, after: int, limit: int) -> Any:
        asked.append(after)
        return await ask(self, after, limit)

    sockets = [network.socket(person) for person in people]
    lives = [await one.__aenter__() for one in sockets]
    for live in lives:
        frame = await subscribed(live, "cargos")
        while not frame["last"]:
            frame = await live.next()
    monkeypatch.setattr(ReadModel, "cargos_changed", counted)
    slug = await network.cargo()
    assert [(await live.changes(1))[0]["row"]["slug"] for live in lives] == [slug] * len(lives)
    assert len(asked) < len(lives)
    for one in sockets:
        await one.__aexit__(None, None, None)


async def test_shared_work_is_done_once_and_a_failure_is_not_kept() -> None:
    shared, calls = SingleFlight(), 0

    async def work() -> int:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        if calls == 1:
            raise LookupError
        return calls

    first = await asyncio.gather(*(shared.result("k", work) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in first] == [LookupError] * 3
    assert await asyncio.gather(*(shared.result("k", work) for _ in range(3))) == [2, 2, 2]
    assert await shared.result("k", work) == 2
    assert await shared.result("another", work) == 3


async def test_who_leaves_does_not_end_the_work_of_the_others() -> None:
    shared, may_end = SingleFlight(), asyncio.Event()

    async def work() -> str:
        await may_end.wait()
        return "done"

    leaver, stayer = (asyncio.create_task(shared.result("k", work)) for _ in range(2))
    await asyncio.sleep(0)
    leaver.cancel()
    may_end.set()
    assert await stayer == "done"
    assert leaver.cancelled()


async def test_a_client_that_takes_nothing_is_closed_and_resumes_where_it_stood(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real socket that nobody reads: the kernel's buffers fill, then the outbox, then the coordinator gives up."""
    monkeypatch.setattr(websocket, "CLOSE_S", 0.2)
    assert Outbox.__init__.__kwdefaults__ is not None
    monkeypatch.setitem(Outbox.__init__.__kwdefaults__, "stalled_s", 0.2)
    person, slug = await network.person(), await network.cargo()
    for _ in range(4):
        await network.job(person, slug, input={"text": "x" * 250_000})
    async with network.raw_socket(
        additional_headers=person.headers,
        max_size=None,
        max_queue=1,
        compression=None,  # Packed, so many equal letters would fit anywhere.
        sock=narrow_socket(network.address),
    ) as connection:
        for number in range(60):
            subscribe = {"type": "subscribe", "id": f"s{number}", "topic": "events", "after": 1}
            await connection.send(json.dumps(subscribe))

        async def is_given_up() -> bool:
            return not network.app.state.edge.sockets.is_open(person.key_id)

        await eventually(is_given_up)
        position = await read_to_the_end(connection)
    async with network.socket(person) as live:
        await live.send(type="subscribe", id="s", topic="events", after=position)
        job_id = await network.job(person, slug)
        assert f"job.{job_id}" in await until_stream(live, f"job.{job_id}")


def narrow_socket(address: str) -> socket.socket:
    """Connected, and the kernel keeps little for it: else it would take dozens of MiB in the reader's place."""
    host, port = address.split(":")
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    narrow.connect((host, int(port)))
    narrow.setblocking(False)
    return narrow


async def read_to_the_end(connection: ClientConnection) -> int:
    """The last position that was told before the connection was closed."""
    position = 0
    async with asyncio.timeout(SEEN_S):
        with contextlib.suppress(ConnectionClosed):
            while True:
                position = json.loads(await connection.recv())["position"]
    return position


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "ready"},
        {"type": "change", "id": "s", "position": 1, "index": 0, "op": "burn", "row": {}},
        {"type": "changes", "id": "s", "position": 1, "rows": [{"position": 1}]},
        {"type": "end", "state": "succeeded"},
    ],
)
async def test_a_frame_that_the_document_does_not_describe_is_found(frame: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check_frame(frame)


async def test_one_key_reads_while_another_person_s_key_is_revoked(network: Network) -> None:
    first, second = await network.person(), await network.person()
    async with network.socket(first) as live, network.socket(second) as other:
        await network.revoke(first)
        with pytest.raises(ConnectionClosed):
            await live.next()
        assert (await subscribed(other, "account"))["type"] == "snapshot"
