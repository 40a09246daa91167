"""The island's link against a real NATS server, as the user an island is and with no more rights."""

import asyncio
import itertools
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nats.errors
import pytest
from nats.aio.msg import Msg
from nats.js.api import PubAck

from adapters.claim_envelope import DECODER, opened
from adapters.embedded.certificates import Certificates
from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.listening import Listening
from adapters.embedded.nats_server import NatsServer
from adapters.embedded.ports import Ports
from adapters.nats import island_link, subjects
from adapters.nats.accounts.deployment import Deployment
from adapters.nats.accounts.jwt import decode64
from adapters.nats.accounts.layout import PAYLOAD_BYTES_MAX, IslandAccount
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import Role
from adapters.nats.accounts.system import SystemAccount
from adapters.nats.claim_signer import ClaimSigner
from adapters.nats.connection import encryption
from adapters.nats.island_channels import ACK_TIMEOUT_S, Channel, asyncapi
from adapters.nats.island_link import IslandLink
from adapters.nats.island_session import IslandAccess
from adapters.wire import (
    CHUNK_BYTES_MAX,
    CancelJob,
    HostHeartbeat,
    JobOutput,
    JobStatus,
    LeaseRenewal,
    PairingAnswer,
    PreloadRecommendation,
    RegisterHost,
    WireCapabilities,
    encode,
)
from tests.fabric import EXPIRES_AT_S, ISSUED_AT_S, Fabric, JoinedIsland
from tests.island.network import WAIT_S, Network
from tests.servers import nats_on

STARTED = JobStatus(job_id="job-1", state="started", timestamp=1, attempt=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server with its streams, and one paired island with a queue."""

    fabric: Fabric
    island: JoinedIsland
    network: Network

    @property
    def account(self) -> IslandAccount:
        return IslandAccount(
            island_id=self.island.island_id, user_key=self.island.user.public, is_paired=True
        )

    async def kick(self) -> None:
        async with self.fabric.connected(Role.REGISTRAR) as client:
            assert await SystemAccount(client).kick(self.island.island_id) == 1


@pytest.fixture
async def place(data_directory: DataDirectory, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with nats_on(data_directory, has_new_receipts=getattr(request, "param", False)) as server:
        fabric = Fabric(server)
        island = await fabric.island()
        async with fabric.connected(Role.DEPLOY) as client:
            network = Network(client, island.island_id)
            await network.deploy(slots=2)
            yield Place(fabric=fabric, island=island, network=network)


class Heard:
    """`refused` gives the island the document in `next_jwt`."""

    def __init__(self, jwt: str) -> None:
        self.jwt = self.next_jwt = jwt
        self.cancellations: list[CancelJob] = []
        self.connections = 0
        self.losses = 0
        self.recommendations: list[PreloadRecommendation] = []
        self.refusals = 0
        self.reasons: list[str] = []

    async def connected(self) -> None:
        self.connections += 1

    def disconnected(self) -> None:
        self.losses += 1

    def unreachable(self, reason: str) -> None:
        self.reasons.append(reason)

    async def refused(self) -> None:
        self.refusals += 1
        self.jwt = self.next_jwt

    def cancel(self, message: CancelJob) -> None:
        self.cancellations.append(message)

    def preload(self, message: PreloadRecommendation) -> None:
        self.recommendations.append(message)


@asynccontextmanager
async def linked(
    island: JoinedIsland, *, is_admitted: bool = True, is_expected: bool = True, ca_file: Path | None = None
) -> AsyncIterator[tuple[IslandLink, Heard]]:
    """Once it is connected, where that is expected."""
    heard = Heard(island.jwt)
    access = IslandAccess(
        url=island.url,
        island_id=island.island_id,
        user=island.user,
        document=lambda: heard.jwt,
        encryption=encryption(island.url, ca_file),
    )
    link = IslandLink(access, itertools.count(1).__next__)
    if is_admitted:
        link.admit()
    running = asyncio.create_task(link.run(heard))
    try:
        if is_expected:
            await until_true(lambda: heard.connections)
        yield link, heard
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def until_true(condition: Callable[[], object], wait_s: float = WAIT_S) -> None:
    async with asyncio.timeout(wait_s):
        while not condition():
            await asyncio.sleep(0.01)


def beat(island: JoinedIsland) -> HostHeartbeat:
    return HostHeartbeat(
        host_id=island.island_id, agent_version="1", status="online", active_jobs=0, timestamp=1
    )


async def test_every_kind_of_claim_arrives_in_its_stream(place: Place) -> None:
    capabilities = WireCapabilities(cpu_cores=1, ram_mb=1)
    async with linked(place.island) as (link, _):
        await link.announce(
            RegisterHost(host_id=place.island.island_id, version="1", capabilities=capabilities)
        )
        await link.beat(beat(place.island))
        await link.store_status(STARTED)
        await link.renew(LeaseRenewal(job_id="job-1", attempt=1))
        await link.store_output(JobOutput(job_id="job-1", seq=1, chunk="a"))
        await place.network.until(subjects.HEARTBEATS, lambda claims: len(claims) == 2)

    registration, heartbeat = await place.network.claims(subjects.HEARTBEATS)
    # The last token is the server's: it says who spoke.
    assert registration["kind"] == registration["host_id"] == place.island.island_id
    assert heartbeat["kind"] == "heartbeat"
    status, lease = await place.network.claims(subjects.JOB_STATUS)
    assert (status["kind"], status["state"], lease["kind"]) == ("status", "started", "lease")
    (output,) = await place.network.claims(subjects.JOB_OUTPUT)
    assert (output["chunk"], len(output["headers"][subjects.MESSAGE_ID])) == ("a", 32)


async def test_claims_are_signed_with_the_island_s_user_key(place: Place) -> None:
    renewal = LeaseRenewal(job_id="job-1_2", attempt=2)
    async with linked(place.island) as (link, _):
        await link.store_status(STARTED)
        await link.renew(renewal)
        await link.beat(beat(place.island))
        await place.network.until(subjects.HEARTBEATS, lambda claims: len(claims) == 1)

    status, lease = await place.network.claims(subjects.JOB_STATUS)
    (heartbeat,) = await place.network.claims(subjects.HEARTBEATS)
    about = [(status, STARTED), (lease, renewal), (heartbeat, beat(place.island))]
    envelopes = [
        opened(
            claim["headers"],
            island_id=place.island.island_id,
            kind=claim["kind"],
            body=encode(message),
            user_key=place.island.user.public,
        )
        for claim, message in about
    ]
    assert [(one.kind, one.job, one.attempt, one.n) for one in envelopes] == [
        ("status", "job-1", 1, 1),
        ("lease", "job-1_2", 2, 2),
        ("heartbeat", "", 0, 3),
    ]
    assert envelopes[0].id == status["headers"][subjects.MESSAGE_ID]


async def test_the_numbers_of_claims_rise_in_the_order_of_the_wire(place: Place) -> None:
    async with linked(place.island) as (link, _):
        await asyncio.gather(*(link.store_status(STARTED) for _ in range(200)))
    numbers = [
        DECODER.decode(decode64(one["headers"]["Claim"])).n
        for one in await place.network.claims(subjects.JOB_STATUS)
    ]
    assert numbers == list(range(1, 201))


async def test_a_claim_keeps_its_id_and_gets_a_new_number_at_every_try(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed: list[Mapping[str, str]] = []
    publish, headers = Channel.publish, ClaimSigner.headers

    async def lose_two_answers(channel: Channel, message: JobStatus, message_id: str) -> PubAck:
        receipt: PubAck = await publish(channel, message, message_id)
        if len(sealed) < 3:
            raise nats.errors.TimeoutError
        return receipt

    def seal(signer: ClaimSigner, *about: Any) -> Mapping[str, str]:
        sealed.append(headers(signer, *about))
        return sealed[-1]

    monkeypatch.setattr(island_link, "PAUSE_MIN_S", 0.001)
    monkeypatch.setattr(Channel, "publish", lose_two_answers)
    monkeypatch.setattr(ClaimSigner, "headers", seal)
    async with linked(place.island) as (link, _):
        await link.store_status(STARTED)

    envelopes = [DECODER.decode(decode64(one["Claim"])) for one in sealed]
    assert [one.n for one in envelopes] == [1, 2, 3]
    assert len({one.id for one in envelopes}) == 1
    assert len(await place.network.claims(subjects.JOB_STATUS)) == 1


async def test_an_id_that_is_known_at_the_first_try_was_stolen(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = iter(["stolen", "fresh"])
    async with linked(place.island) as (link, _):
        monkeypatch.setattr("secrets.token_hex", lambda _: next(ids))
        await place.network.client.jetstream().publish(
            subjects.status(place.island.island_id), b"{}", headers={subjects.MESSAGE_ID: "stolen"}
        )
        await link.store_status(STARTED)

    claims = await place.network.claims(subjects.JOB_STATUS)
    assert [one.get("state") for one in claims] == [None, "started"]
    assert claims[1]["headers"][subjects.MESSAGE_ID] == "fresh"


async def test_at_most_so_many_claims_are_on_their_way(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    on_their_way = most = 0
    publish = Channel.publish

    async def counted(channel: Channel, message: JobOutput, message_id: str) -> PubAck:
        nonlocal on_their_way, most
        on_their_way += 1
        most = max(most, on_their_way)
        receipt: PubAck = await publish(channel, message, message_id)
        on_their_way -= 1
        return receipt

    monkeypatch.setattr(Channel, "publish", counted)
    async with linked(place.island) as (link, _):
        messages = [JobOutput(job_id="job-1", seq=seq, chunk="a") for seq in range(1, 201)]
        await asyncio.gather(*(link.store_output(message) for message in messages))
    assert most == island_link.UNACKNOWLEDGED_MAX
    assert [one["seq"] for one in await place.network.claims(subjects.JOB_OUTPUT)] == list(range(1, 201))


async def test_the_largest_chunk_and_its_headers_pass(place: Place) -> None:
    largest = JobOutput(job_id="j" * 64 + "_99", seq=10**9, attempt=99, chunk="\x01" * (CHUNK_BYTES_MAX // 6))
    assert CHUNK_BYTES_MAX - 6 < len(encode(largest)) < PAYLOAD_BYTES_MAX - 2048
    async with linked(place.island) as (link, _):
        async with asyncio.timeout(WAIT_S):
            await link.store_output(largest)


with_both_layouts_of_receipts = pytest.mark.parametrize(
    "place", [False, True], indirect=True, ids=["receipts", "new-receipts"]
)


@with_both_layouts_of_receipts
async def test_one_job_is_taken_for_each_free_slot(place: Place) -> None:
    network = place.network
    async with linked(place.island) as (link, _):
        await network.put(b"one")
        await network.put(b"two")
        first = await link.next_job()
        consumer = await network.client.jetstream().consumer_info(
            subjects.JOBS, subjects.jobs_consumer(place.island.island_id)
        )
        assert (first.body, consumer.num_ack_pending, consumer.num_pending) == (b"one", 1, 1)
        await link.acknowledge(first.receipt)
        second = await link.next_job()
        await link.terminate(second.receipt)
        assert second.body == b"two"
        async with asyncio.timeout(WAIT_S):
            while await network.waiting_jobs():
                await asyncio.sleep(0.01)


@with_both_layouts_of_receipts
async def test_an_acknowledgement_can_be_given_by_a_later_link(place: Place) -> None:
    await place.network.put(b"one")
    async with linked(place.island) as (link, _):
        receipt = (await link.next_job()).receipt
    assert await place.network.waiting_jobs() == 1
    async with linked(place.island) as (link, _):
        await link.acknowledge(receipt)
    assert await place.network.waiting_jobs() == 0


async def test_a_waiting_job_comes_within_milliseconds(place: Place) -> None:
    async with linked(place.island) as (link, _):
        waits_s = []
        for number in range(20):
            waiting = asyncio.create_task(link.next_job())
            await asyncio.sleep(0.005)
            sent_at_s = time.monotonic()
            await place.network.client.publish(subjects.jobs(place.island.island_id), str(number).encode())
            delivery = await waiting
            waits_s.append(time.monotonic() - sent_at_s)
            await link.acknowledge(delivery.receipt)
    assert sorted(waits_s)[len(waits_s) // 2] < 0.05


async def test_an_island_whose_queue_is_missing_goes_on_asking(place: Place) -> None:
    island_id = place.island.island_id
    await place.network.client.jetstream().delete_consumer(subjects.JOBS, subjects.jobs_consumer(island_id))
    async with linked(place.island) as (link, _):
        waiting = asyncio.create_task(link.next_job())
        await asyncio.sleep(0.05)
        await place.fabric.give_queue(island_id)
        await place.network.put(b"late")
        assert (await asyncio.wait_for(waiting, 5)).body == b"late"


async def test_cancellations_and_probes_are_heard(place: Place) -> None:
    island_id, network = place.island.island_id, place.network
    async with linked(place.island) as (_, heard):
        pongs = await network.client.subscribe(f"host.{island_id}.pong")
        await network.client.publish(subjects.cancel(island_id), b"rubbish")
        await network.client.publish(subjects.cancel(island_id), b'{"job_id":7}')
        await network.cancel("job-1_2")
        await network.client.publish(f"host.{island_id}.probe", b"probe", reply=f"host.{island_id}.pong")
        assert (await pongs.next_msg(timeout=WAIT_S)).data == b"pong"
        await until_true(lambda: heard.cancellations)
    assert [one.job_id for one in heard.cancellations] == ["job-1_2"]


async def test_a_pending_island_waits_and_goes_on_once_it_is_paired_on_the_same_connection(
    place: Place,
) -> None:
    pending = replace(place.account, is_paired=False)
    await place.fabric.push(pending)
    async with linked(place.island, is_admitted=False) as (link, heard):
        claim = asyncio.create_task(link.store_status(STARTED))
        waiting = asyncio.create_task(link.next_job())
        await link.beat(beat(place.island))
        await place.network.until(subjects.HEARTBEATS, lambda claims: len(claims) == 1)
        await place.network.put(b"one")
        assert not claim.done()
        assert await place.network.claims(subjects.JOB_STATUS) == []

        await place.fabric.push(place.account)
        link.admit()
        async with asyncio.timeout(WAIT_S):
            await claim
            assert (await waiting).body == b"one"
        await place.network.cancel("job-1")
        await until_true(lambda: heard.cancellations)
        assert (heard.connections, heard.losses) == (1, 0)


async def test_a_barred_island_takes_no_more_jobs(place: Place) -> None:
    async with linked(place.island) as (link, _):
        await place.network.put(b"one")
        await link.acknowledge((await link.next_job()).receipt)
        link.bar()
        await place.network.put(b"two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(link.next_job(), 0.2)
        link.admit()
        assert (await asyncio.wait_for(link.next_job(), WAIT_S)).body == b"two"


async def test_the_edge_is_asked_for_pairing(place: Place) -> None:
    asked: list[tuple[str, bytes]] = []

    async def answer(message: Msg) -> None:
        asked.append((message.subject, message.data))
        await message.respond(encode(PairingAnswer(success=True, code="ABC234", expires_in_seconds=600)))

    async with linked(place.island) as (link, _), place.fabric.connected(Role.EDGE) as edge:
        assert await link.ask_for_pairing() is None
        await edge.subscribe(f"{subjects.PAIRING}.*", cb=answer)
        await edge.flush()
        found = await link.ask_for_pairing()
    assert found is not None
    assert (found.code, found.expires_in_seconds) == ("ABC234", 600)
    (subject, body), *_ = asked
    assert subject == f"{subjects.PAIRING}.{place.island.island_id}"
    assert json.loads(body) == {"host_id": place.island.island_id}


async def test_a_kicked_island_comes_back_and_goes_on(place: Place) -> None:
    async with linked(place.island) as (link, heard):
        waiting = asyncio.create_task(link.next_job())
        await asyncio.sleep(0.05)
        await place.kick()
        await until_true(lambda: heard.connections == 2, 2)
        await place.network.put(b"after")
        assert (await asyncio.wait_for(waiting, WAIT_S)).body == b"after"
        await link.store_status(STARTED)
        assert (heard.losses, heard.refusals, heard.reasons) == (1, 0, [])


async def test_a_lost_connection_is_noticed_where_the_library_does_not_tell(place: Place) -> None:
    async with linked(place.island) as (link, heard):
        assert link._session is not None
        assert link._session._client is not None
        link._session._client._closed_cb = None
        await place.kick()
        await until_true(lambda: heard.connections == 2, 3)


async def test_a_claim_without_an_answer_is_sent_again_on_the_next_connection(place: Place) -> None:
    async with linked(place.island) as (link, _):
        assert place.fabric.server.pid is not None
        os.kill(place.fabric.server.pid, signal.SIGSTOP)
        claim = asyncio.create_task(link.store_status(STARTED))
        await asyncio.sleep(0.05)
        os.kill(place.fabric.server.pid, signal.SIGKILL)
        await place.fabric.server.restart()
        # The library alone would wait for the answer until its time is up.
        await asyncio.wait_for(claim, ACK_TIMEOUT_S - 1)


async def test_a_revoked_document_is_refused_until_there_is_a_new_one(place: Place) -> None:
    revoked = replace(place.account, revoked_before_s=ISSUED_AT_S + 100)
    async with linked(place.island) as (link, heard):
        await place.fabric.push(revoked)
        await until_true(lambda: heard.refusals >= 2)
        assert heard.connections == 1
        heard.next_jwt = place.fabric.keys.user_jwt(
            revoked, issued_at_s=ISSUED_AT_S, expires_at_s=EXPIRES_AT_S
        )
        await until_true(lambda: heard.connections == 2)
        await link.store_status(STARTED)


async def test_a_document_that_expires_is_replaced_and_the_island_comes_back(place: Place) -> None:
    newest = place.island.jwt
    soon = place.fabric.keys.user_jwt(
        place.account, issued_at_s=ISSUED_AT_S, expires_at_s=int(time.time()) + 2
    )
    async with linked(replace(place.island, jwt=soon)) as (link, heard):
        heard.next_jwt = newest
        # The library alone would notice only after ten seconds.
        await until_true(lambda: heard.connections == 2, 6)
        await link.store_status(STARTED)
        assert (heard.losses, heard.refusals) == (1, 1)


async def test_an_island_whose_account_is_gone_comes_back_when_it_is_there_again(place: Place) -> None:
    async with linked(place.island) as (link, heard):
        async with place.fabric.connected(Role.REGISTRAR) as client:
            order = place.fabric.keys.deletion_jwt([place.island.island_id], issued_at_s=ISSUED_AT_S)
            await SystemAccount(client).delete(order)
        await until_true(lambda: heard.refusals)
        # The server takes no document twice in a row, not even after it has deleted the account.
        await place.fabric.push(replace(place.account, revoked_before_s=1))
        await until_true(lambda: heard.connections == 2)
        await link.store_status(STARTED)


async def test_a_server_that_is_not_there_is_named_and_tried_again(place: Place) -> None:
    await place.fabric.server.stop()
    async with linked(place.island, is_expected=False) as (_, heard):
        await until_true(lambda: len(heard.reasons) >= 2)
        await place.fabric.server.start()
        await until_true(lambda: heard.connections)
    assert set(heard.reasons) == {f"{place.island.url} cannot be reached"}


def test_a_refused_island_asks_less_and_less_often() -> None:
    pauses_s = list(itertools.islice(island_link._pauses_s(island_link.REFUSED_PAUSE_MAX_S), 12))
    assert pauses_s[:3] == pytest.approx([0.1, 0.2, 0.4])
    assert pauses_s[-2:] == [60, 60]


async def test_a_server_is_believed_only_with_a_certificate_of_the_right_authority(
    data_directory: DataDirectory, tmp_path: Path
) -> None:
    certificates, others = Certificates(tmp_path / "tls"), Certificates(tmp_path / "others")
    for one in (certificates, others):
        one.renewed((), datetime.now(UTC))
    listening = Listening(certificate=certificates.server, ca_file=certificates.ca_file)
    ports, deployment = Ports(data_directory.run / "ports.json"), Deployment.open(data_directory.fabric)
    async with NatsServer(data_directory, ports, deployment, listening=listening) as server:
        island = await Fabric(server).island()
        async with linked(island, ca_file=certificates.ca_file) as (_, heard):
            assert heard.reasons == []
        async with linked(island, ca_file=others.ca_file, is_expected=False) as (_, heard):
            await until_true(lambda: len(heard.reasons) >= 2)
        assert set(heard.reasons) == {
            f"{server.url} shows a certificate of an authority that is not known here"
        }
        assert heard.connections == 0


async def test_nobody_on_the_way_can_talk_the_island_into_plaintext() -> None:
    received: list[bytes] = []

    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","proto":1,"headers":true,"max_payload":65536,"nonce":"x"}\r\n')
        with suppress(ConnectionError):
            received.append(await reader.read(4096))
        writer.close()

    async with await asyncio.start_server(pretend, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        account, user = NKey.new(Kind.ACCOUNT), NKey.new(Kind.USER)
        island = JoinedIsland(account=account, user=user, jwt="secret", url=f"tls://127.0.0.1:{port}")
        async with linked(island, is_expected=False) as (_, heard):
            await until_true(lambda: heard.reasons and received)
    assert "TLS" in heard.reasons[0]
    assert not any(b"CONNECT" in one for one in received)


async def test_a_claim_waits_for_a_server_that_is_away(place: Place) -> None:
    async with linked(place.island) as (link, heard):
        waiting = asyncio.create_task(link.next_job())
        await place.fabric.server.stop()
        await until_true(lambda: heard.losses)
        claim = asyncio.create_task(link.store_status(STARTED))
        await link.beat(beat(place.island))
        await asyncio.sleep(0.05)
        assert not claim.done()
        await place.fabric.server.start()
        await asyncio.wait_for(claim, WAIT_S)
        await place.network.until(subjects.JOB_STATUS, lambda claims: len(claims) == 1)
        await place.network.put(b"after")
        assert (await asyncio.wait_for(waiting, WAIT_S)).body == b"after"
    assert await place.network.claims(subjects.HEARTBEATS) == []


async def test_a_pull_is_made_again_after_the_server_died(place: Place) -> None:
    async with linked(place.island) as (link, heard):
        waiting = asyncio.create_task(link.next_job())
        await asyncio.sleep(0.05)
        assert place.fabric.server.pid is not None
        os.kill(place.fabric.server.pid, signal.SIGKILL)
        await place.fabric.server.restart()
        await until_true(lambda: heard.connections == 2)
        await place.network.until(subjects.JOB_STATUS, lambda claims: not claims)
        await place.network.put(b"after")
        assert (await asyncio.wait_for(waiting, WAIT_S)).body == b"after"


def test_the_document_names_every_channel_and_what_is_in_it() -> None:
    document = asyncapi()
    addresses = {channel["address"] for channel in document["channels"].values()}
    own = ("heartbeat", "status", "lease", "output", "progress", "jobs", "cancel", "preload", "probe")
    assert addresses == {subjects.REGISTER, *(f"host.{{island_id}}.{kind}" for kind in own)}
    assert "lease_seconds" in json.dumps(document["components"]["schemas"]["Jobs:Message:Payload"])
    assert "reason" in document["components"]["schemas"]["Cancel:Message:Payload"]["properties"]
