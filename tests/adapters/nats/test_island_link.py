"""The island's link against a real NATS server, as the user an island is and with no more rights."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import nats
import nats.errors
import pytest
from nats.js.api import PubAck

from adapters.embedded.nats_server import NatsServer
from adapters.nats import island_link, subjects
from adapters.nats.island_channels import asyncapi
from adapters.nats.island_link import IslandLink
from adapters.wire import (
    CancelJob,
    HostHeartbeat,
    JobOutput,
    JobStatus,
    LeaseRenewal,
    RegisterHost,
    WireCapabilities,
)
from domain.ids import IslandId
from tests.island.network import WAIT_S, Network

ISLAND_ID = IslandId("A" + 55 * "B")
STARTED = JobStatus(job_id="job-1", state="started", timestamp=1)


@pytest.fixture
async def network(nats_server: NatsServer) -> AsyncIterator[Network]:
    async def say_nothing(_: Exception) -> None:
        """That the server goes away is what some tests are about."""

    client = await nats.connect(
        nats_server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.05, error_cb=say_nothing
    )
    network = Network(client, ISLAND_ID)
    await network.deploy(slots=2)
    yield network
    await client.close()


class Heard:
    def __init__(self) -> None:
        self.cancellations: list[CancelJob] = []
        self.losses = 0
        self.reconnections = 0

    def disconnected(self) -> None:
        self.losses += 1

    async def reconnected(self) -> None:
        self.reconnections += 1


@asynccontextmanager
async def linked(url: str) -> AsyncIterator[tuple[IslandLink, Heard]]:
    link, heard = IslandLink(island_id=ISLAND_ID, url=url), Heard()
    await link.start(
        on_cancel=heard.cancellations.append,
        on_disconnected=heard.disconnected,
        on_reconnected=heard.reconnected,
    )
    try:
        yield link, heard
    finally:
        await link.close()


async def until_true(condition: Callable[[], object], wait_s: float = WAIT_S) -> None:
    async with asyncio.timeout(wait_s):
        while not condition():
            await asyncio.sleep(0.01)


async def test_every_kind_of_claim_arrives_in_its_stream(network: Network, nats_server: NatsServer) -> None:
    async with linked(nats_server.island_url) as (link, _):
        await link.announce(
            RegisterHost(host_id=ISLAND_ID, version="1", capabilities=WireCapabilities(cpu_cores=1, ram_mb=1))
        )
        await link.beat(
            HostHeartbeat(host_id=ISLAND_ID, agent_version="1", status="online", active_jobs=0, timestamp=1)
        )
        await link.store_status(STARTED)
        await link.renew(LeaseRenewal(job_id="job-1"))
        await link.store_output(JobOutput(job_id="job-1", seq=1, chunk="a"))
        await network.until(subjects.HEARTBEATS, lambda claims: len(claims) == 2)

    assert [one["kind"] for one in await network.claims(subjects.HEARTBEATS)] == ["register", "heartbeat"]
    status, lease = await network.claims(subjects.JOB_STATUS)
    assert (status["kind"], status["state"], lease["kind"]) == ("status", "started", "lease")
    (output,) = await network.claims(subjects.JOB_OUTPUT)
    assert (output["chunk"], len(output["headers"][subjects.MESSAGE_ID])) == ("a", 32)


async def test_one_job_is_taken_for_each_free_slot(network: Network, nats_server: NatsServer) -> None:
    async with linked(nats_server.island_url) as (link, _):
        await network.put(b"one")
        await network.put(b"two")
        first = await link.next_job()
        consumer = await network.client.jetstream().consumer_info(
            subjects.JOBS, subjects.jobs_consumer(ISLAND_ID)
        )
        assert (first.body, consumer.num_ack_pending, consumer.num_pending) == (b"one", 1, 1)
        await link.acknowledge(first.receipt)
        second = await link.next_job()
        await link.terminate(second.receipt)
        assert second.body == b"two"
        async with asyncio.timeout(WAIT_S):
            while await network.waiting_jobs():
                await asyncio.sleep(0.01)


async def test_an_acknowledgement_can_be_given_by_a_later_link(
    network: Network, nats_server: NatsServer
) -> None:
    await network.put(b"one")
    async with linked(nats_server.island_url) as (link, _):
        receipt = (await link.next_job()).receipt
    assert await network.waiting_jobs() == 1
    async with linked(nats_server.island_url) as (link, _):
        await link.acknowledge(receipt)
    assert await network.waiting_jobs() == 0


async def test_a_waiting_job_comes_within_milliseconds(network: Network, nats_server: NatsServer) -> None:
    async with linked(nats_server.island_url) as (link, _):
        waits_s = []
        for number in range(20):
            waiting = asyncio.create_task(link.next_job())
            await asyncio.sleep(0.005)
            sent_at_s = time.monotonic()
            await network.client.publish(subjects.jobs(ISLAND_ID), str(number).encode())
            delivery = await waiting
            waits_s.append(time.monotonic() - sent_at_s)
            await link.acknowledge(delivery.receipt)
    assert sorted(waits_s)[len(waits_s) // 2] < 0.05


async def test_cancellations_and_probes_are_heard(network: Network, nats_server: NatsServer) -> None:
    async with linked(nats_server.island_url) as (_, heard):
        pongs = await network.client.subscribe(f"host.{ISLAND_ID}.pong")
        await network.client.publish(subjects.cancel(ISLAND_ID), b"rubbish")
        await network.client.publish(subjects.cancel(ISLAND_ID), b'{"job_id":7}')
        await network.cancel("job-1_2")
        await network.client.publish(f"host.{ISLAND_ID}.probe", b"probe", reply=f"host.{ISLAND_ID}.pong")
        assert (await pongs.next_msg(timeout=WAIT_S)).data == b"pong"
        await until_true(lambda: heard.cancellations)
    assert [one.job_id for one in heard.cancellations] == ["job-1_2"]


async def test_a_claim_waits_for_a_server_that_is_away(network: Network, nats_server: NatsServer) -> None:
    async with linked(nats_server.island_url) as (link, heard):
        waiting = asyncio.create_task(link.next_job())
        await nats_server.stop()
        await until_true(lambda: heard.losses)
        claim = asyncio.create_task(link.store_status(STARTED))
        await link.beat(
            HostHeartbeat(host_id=ISLAND_ID, agent_version="1", status="online", active_jobs=0, timestamp=1)
        )
        await asyncio.sleep(0.05)
        assert not claim.done()
        await nats_server.start()
        await asyncio.wait_for(claim, WAIT_S)
        await until_true(lambda: heard.reconnections)
        await network.until(subjects.JOB_STATUS, lambda claims: len(claims) == 1)
        await network.put(b"after")
        assert (await asyncio.wait_for(waiting, WAIT_S)).body == b"after"
    assert await network.claims(subjects.HEARTBEATS) == []


async def test_a_pull_is_made_again_after_the_server_died(network: Network, nats_server: NatsServer) -> None:
    async with linked(nats_server.island_url) as (link, heard):
        waiting = asyncio.create_task(link.next_job())
        await asyncio.sleep(0.05)
        assert nats_server.pid is not None
        os.kill(nats_server.pid, signal.SIGKILL)
        await nats_server.restart()
        await until_true(lambda: heard.reconnections)
        await network.until(subjects.JOB_STATUS, lambda claims: not claims)
        await network.put(b"after")
        assert (await asyncio.wait_for(waiting, WAIT_S)).body == b"after"


async def test_a_claim_keeps_its_id_over_all_tries(
    network: Network, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: list[str] = []
    async with linked(nats_server.island_url) as (link, _):
        publish = link._claims.status.publish

        async def lose_two_answers(body: bytes, message_id: str) -> PubAck:
            ids.append(message_id)
            receipt: PubAck = await publish(body, message_id)
            if len(ids) < 3:
                raise nats.errors.TimeoutError
            return receipt

        monkeypatch.setattr(link._claims.status, "publish", lose_two_answers)
        monkeypatch.setattr(island_link, "PAUSE_MIN_S", 0.001)
        await link.store_status(STARTED)
    assert len(ids) == 3
    assert len(set(ids)) == 1


async def test_an_id_that_is_known_at_the_first_try_was_stolen(
    network: Network, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = iter(["stolen", "fresh"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(ids))
    async with linked(nats_server.island_url) as (link, _):
        await network.client.jetstream().publish(
            subjects.status(ISLAND_ID), b"{}", headers={subjects.MESSAGE_ID: "stolen"}
        )
        await link.store_status(STARTED)

    assert [one.get("state") for one in await network.claims(subjects.JOB_STATUS)] == [None, "started"]
    assert (await network.claims(subjects.JOB_STATUS))[1]["headers"][subjects.MESSAGE_ID] == "fresh"


async def test_at_most_so_many_claims_are_on_their_way(
    network: Network, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_their_way = most = 0
    async with linked(nats_server.island_url) as (link, _):
        publish = link._claims.output.publish

        async def counted(body: bytes, message_id: str) -> PubAck:
            nonlocal on_their_way, most
            on_their_way += 1
            most = max(most, on_their_way)
            receipt: PubAck = await publish(body, message_id)
            on_their_way -= 1
            return receipt

        monkeypatch.setattr(link._claims.output, "publish", counted)
        messages = [JobOutput(job_id="job-1", seq=seq, chunk="a") for seq in range(1, 201)]
        await asyncio.gather(*(link.store_output(message) for message in messages))
    assert most == island_link.UNACKNOWLEDGED_MAX
    assert [one["seq"] for one in await network.claims(subjects.JOB_OUTPUT)] == list(range(1, 201))


async def test_an_island_whose_queue_is_missing_goes_on_asking(nats_server: NatsServer) -> None:
    async with linked(nats_server.island_url) as (link, _):
        waiting = asyncio.create_task(link.next_job())
        await asyncio.sleep(0.05)
        client = await nats.connect(nats_server.url)
        network = Network(client, ISLAND_ID)
        await network.deploy()
        await network.put(b"late")
        assert (await asyncio.wait_for(waiting, WAIT_S)).body == b"late"
        await client.close()


def test_the_document_names_every_channel_and_what_is_in_it() -> None:
    document = asyncapi()
    addresses = {channel["address"] for channel in document["channels"].values()}
    own = ("heartbeat", "status", "lease", "output", "progress", "jobs", "cancel", "probe")
    assert addresses == {subjects.REGISTER, *(f"host.{{island_id}}.{kind}" for kind in own)}
    assert "lease_seconds" in json.dumps(document["components"]["schemas"]["Jobs:Message:Payload"])
    assert "reason" in document["components"]["schemas"]["Cancel:Message:Payload"]["properties"]
