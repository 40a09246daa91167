"""What only the log on JetStream can meet: lost answers, long histories, a server that goes away or says no."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError

from adapters import codec
from adapters.embedded.nats_server import NatsServer
from adapters.nats import event_log, subjects
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import connect
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.replies import READ_BATCH_MAX, Refused
from adapters.nats.streams import create_streams
from commands.event_log import CommandReused, Conflict, LogUnavailable
from tests.commands.event_log_contract import everything
from tests.examples import assigned, lost, origin, submitted


class UnluckyClient:
    """The real client, but some publications are lost: on their way there, or only their answer on its way back.

    `fates` are used up one a publication: "lost" never arrives, "unanswered" arrives, "unheard" finds no server. Behind
    an unanswered one `then` happens before we look.
    """

    def __init__(self, client: Client, *fates: str, then: Callable[[], Any] | None = None) -> None:
        self._client = client
        self._fates = list(fates)
        self._then = then
        self.publications = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def request(self, subject: str, *args: Any, **kwargs: Any) -> Msg:
        if not subject.startswith("evt."):
            return await self._client.request(subject, *args, **kwargs)
        self.publications += 1
        fate = self._fates.pop(0) if self._fates else "answered"
        if fate == "lost":
            raise TimeoutError
        if fate == "unheard":
            raise NoRespondersError
        answer = await self._client.request(subject, *args, **kwargs)
        if fate == "unanswered":
            if self._then:
                await self._then()
            raise TimeoutError
        return answer


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "PAUSE_FIRST_S", 0.001)


def unlucky_log(client: UnluckyClient) -> JetStreamEventLog:
    return JetStreamEventLog(client)  # type: ignore[arg-type]  # all that is not overridden is the real client


async def test_an_append_whose_answer_was_lost_is_found_and_not_repeated(
    nats_client: Client, jetstream_log: JetStreamEventLog
) -> None:
    client = UnluckyClient(nats_client, "unanswered")
    assert await unlucky_log(client).append("job.a", [submitted()], expected=0, origin=origin("c1")) == 1
    assert client.publications == 1
    assert len(await everything(jetstream_log)) == 1


@pytest.mark.parametrize("fate", ["lost", "unheard"])
async def test_an_append_that_never_arrived_is_sent_again(
    nats_client: Client, jetstream_log: JetStreamEventLog, fate: str
) -> None:
    client = UnluckyClient(nats_client, fate, fate)
    assert await unlucky_log(client).append("job.a", [submitted()], expected=0, origin=origin("c1")) == 1
    assert client.publications == 3
    assert len(await everything(jetstream_log)) == 1


async def test_a_lost_answer_is_found_behind_what_others_built_upon_it(
    nats_client: Client, jetstream_log: JetStreamEventLog
) -> None:
    async def somebody_builds_upon_it() -> None:
        await jetstream_log.append("job.a", [assigned()], expected=1, origin=origin("c2"))

    client = UnluckyClient(nats_client, "unanswered", then=somebody_builds_upon_it)
    assert await unlucky_log(client).append("job.a", [submitted()], expected=0, origin=origin("c1")) == 1
    assert len(await everything(jetstream_log)) == 2


async def test_a_lost_append_that_somebody_else_overtook_is_a_conflict(
    nats_client: Client, jetstream_log: JetStreamEventLog
) -> None:
    await jetstream_log.append("job.a", [submitted()], expected=0, origin=origin("theirs"))
    for fates in (["lost"], ["unanswered"], []):
        unlucky = unlucky_log(UnluckyClient(nats_client, *fates))
        with pytest.raises(Conflict):
            await unlucky.append("job.a", [submitted()], expected=0, origin=origin("ours"))
    with pytest.raises(CommandReused):
        await unlucky_log(UnluckyClient(nats_client, "lost")).append(
            "job.a", [submitted(priority=7)], expected=0, origin=origin("theirs")
        )
    assert len(await everything(jetstream_log)) == 1


async def test_silence_ends_after_a_bounded_number_of_tries(
    nats_client: Client, jetstream_log: JetStreamEventLog
) -> None:
    client = UnluckyClient(nats_client, *["lost"] * 99)
    with pytest.raises(LogUnavailable):
        await unlucky_log(client).append("job.a", [submitted()], expected=0, origin=origin("c1"))
    assert client.publications == event_log.APPEND_TRIES_MAX
    assert await everything(jetstream_log) == []


async def test_a_long_history_is_read_in_several_batches(jetstream_log: JetStreamEventLog) -> None:
    count = READ_BATCH_MAX + 5
    version = 0
    for number in range(count):
        version = await jetstream_log.append(
            "job.a", [submitted(priority=number)], expected=version, origin=origin(f"c{number}")
        )
    past = await jetstream_log.load("job.a")
    assert past.version == version
    assert [event.priority for event in past.events] == list(range(count))
    batches = [len(batch) async for batch in jetstream_log.read(after=0)]
    assert batches == [READ_BATCH_MAX, 5]
    assert len(await everything(jetstream_log, after=2, up_to=READ_BATCH_MAX + 3)) == READ_BATCH_MAX + 1


async def test_history_cannot_be_purged_or_deleted(
    nats_client: Client, jetstream_log: JetStreamEventLog
) -> None:
    await jetstream_log.append("job.a", [submitted()], expected=0, origin=origin("c1"))
    for request, body in (("PURGE", b"{}"), ("MSG.DELETE", b'{"seq":1}')):
        answer = await nats_client.request(f"$JS.API.STREAM.{request}.{subjects.EVT}", body)
        assert "error" in json.loads(answer.data)
    assert len(await everything(jetstream_log)) == 1


async def test_an_event_that_this_program_does_not_know_stops_the_reader(
    nats_client: Client, jetstream_log: JetStreamEventLog
) -> None:
    await jetstream_log.append("job.a", [submitted()], expected=0, origin=origin("c1"))
    body = b'[{"name":"job.teleported","version":1,"data":{}}]'
    await nats_client.jetstream().publish("evt.job.a", body)
    with pytest.raises(codec.Unknown):
        await jetstream_log.load("job.a")
    with pytest.raises(codec.Unknown):
        await everything(jetstream_log)


@pytest.mark.parametrize("name", ["job", "job.", ".a", "job.a b", "job.a.b", "job.*", "job.>"])
async def test_an_id_that_is_no_single_token_never_reaches_the_server(
    jetstream_log: JetStreamEventLog, name: str
) -> None:
    with pytest.raises(AssertionError):
        await jetstream_log.append(name, [submitted()], expected=0, origin=origin("c1"))
    with pytest.raises(AssertionError):
        await jetstream_log.load(name)


async def test_a_server_without_the_stream_is_said_to_refuse(nats_client: Client) -> None:
    log = JetStreamEventLog(nats_client)
    with pytest.raises(Refused, match="stream not found"):
        await log.append("job.a", [submitted()], expected=0, origin=origin("c1"))
    with pytest.raises(Refused, match="stream not found"):
        await log.last_position()


@pytest.fixture
async def own_client(nats_server: NatsServer) -> AsyncIterator[Client]:
    client = await connect(nats_server.access(Role.DEPLOY), "test")
    yield client
    await client.close()


async def test_a_server_that_goes_away_and_comes_back_has_lost_nothing(
    nats_server: NatsServer, own_client: Client
) -> None:
    await create_streams(own_client)
    log = JetStreamEventLog(own_client, append_timeout_s=0.1)
    await log.append("job.a", [submitted(), assigned()], expected=0, origin=origin("c1"))
    await nats_server.stop()
    with pytest.raises(LogUnavailable):
        await log.append("job.a", [lost()], expected=1, origin=origin("c2"))
    await nats_server.start()
    patient = JetStreamEventLog(own_client)
    position = await patient.append("job.a", [lost()], expected=1, origin=origin("c2"))
    assert (await patient.load("job.a")).events == (submitted(), assigned(), lost())
    assert [commit.position for commit in await everything(patient)] == [1, position]
