"""Applications of the `eventsourcing` library on a real JetStream: the library's own contract suites, and ours."""

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest
from eventsourcing import cryptography
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import DataError, IntegrityError, OperationalError, StoredEvent
from nats.aio.msg import Msg

from adapters.nats.accounts.roles import Role
from adapters.nats.connection import Access
from adapters.nats.recorder import JetStreamAggregateRecorder, JetStreamApplicationRecorder
from adapters.nats.streams import deploy_streams
from tests.fabric import Fabric

# The module with the suites imports a cipher that none of these uses, from a package that we do not have.
with patch.dict(sys.modules, {"eventsourcing.cipher": cryptography}):
    from eventsourcing.tests import persistence as contract

_access: list[Access] = []


@pytest.fixture(scope="module", autouse=True)
def access(fabric: Fabric) -> Access:
    """Streams there are, and how an application reaches them. The suites take it from the module."""
    asyncio.run(deploy_streams(fabric.access(Role.DEPLOY)))
    _access[:] = [fabric.access(Role.APPLICATION)]
    return _access[0]


def new_name() -> str:
    return f"a{uuid4().hex[:10]}"


class TestAggregateContract(contract.AggregateRecorderTestCase):
    def create_recorder(self) -> JetStreamAggregateRecorder:
        recorder = JetStreamAggregateRecorder(_access[0], new_name())
        self.addCleanup(recorder.close)
        return recorder


class TestApplicationContract(contract.ApplicationRecorderTestCase[JetStreamApplicationRecorder]):
    def create_recorder(self) -> JetStreamApplicationRecorder:
        recorder = JetStreamApplicationRecorder(_access[0], new_name())
        self.addCleanup(recorder.close)
        return recorder

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNotificationIdsContract(contract.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> JetStreamApplicationRecorder:
        recorder = JetStreamApplicationRecorder(_access[0], new_name())
        self.addCleanup(recorder.close)
        return recorder


class Purse(Aggregate):
    @event("Opened")
    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.credits = 0

    @event("Filled")
    def fill(self, amount: int) -> None:
        self.credits += amount


@pytest.fixture
def recorder(access: Access) -> Iterator[JetStreamApplicationRecorder]:
    recorder = JetStreamApplicationRecorder(access, new_name())
    yield recorder
    recorder.close()


@pytest.fixture
def purses(recorder: JetStreamApplicationRecorder) -> Application[UUID]:
    class Purses(Application[UUID]):
        def construct_recorder(self) -> JetStreamApplicationRecorder:
            return recorder

    return Purses()


def test_several_aggregates_are_saved_together_in_one_order(purses: Application[UUID]) -> None:
    one, two = Purse("one"), Purse("two")
    one.fill(5)
    two.fill(7)
    recordings = purses.save(one, two)
    assert [recording.notification.id for recording in recordings] == [1, 2, 3, 4]
    found: list[Purse] = [purses.repository.get(purse.id) for purse in (one, two)]
    assert [(purse.owner, purse.credits) for purse in found] == [("one", 5), ("two", 7)]


def test_who_saves_second_is_refused_and_nothing_of_it_is_kept(purses: Application[UUID]) -> None:
    purse, other = Purse("one"), Purse("two")
    purses.save(purse)
    first: Purse = purses.repository.get(purse.id)
    second: Purse = purses.repository.get(purse.id)
    first.fill(1)
    second.fill(2)
    purses.save(first)
    with pytest.raises(IntegrityError):
        purses.save(other, second)
    kept: Purse = purses.repository.get(purse.id)
    assert kept.credits == 1
    assert len(purses.notification_log.select(1, 10)) == 2


@pytest.mark.parametrize("aggregates", [1, 2])
def test_of_many_who_record_the_same_at_once_one_does(
    recorder: JetStreamApplicationRecorder, aggregates: int
) -> None:
    ids = [uuid4() for _ in range(aggregates)]

    def attempt(number: int) -> bool:
        try:
            recorder.insert_events([StoredEvent(one, 1, "topic", str(number).encode()) for one in ids])
        except IntegrityError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(attempt, range(8))) == [False] * 7 + [True]
    states = [found.state for one in ids for found in recorder.select_events(one)]
    assert len(states) == aggregates
    assert len(set(states)) == 1


@pytest.mark.parametrize("aggregates", [1, 2])
def test_what_was_recorded_is_found_though_the_answer_was_lost(
    recorder: JetStreamApplicationRecorder, monkeypatch: pytest.MonkeyPatch, aggregates: int
) -> None:
    request = recorder._client.request

    async def deaf(subject: str, *args: Any, **kwargs: Any) -> Msg:
        answer = await request(subject, *args, **kwargs)
        if subject.startswith("app.") and answer.data:
            raise TimeoutError
        return answer

    monkeypatch.setattr(recorder._client, "request", deaf)
    stored = [StoredEvent(uuid4(), 1, "topic", b"state") for _ in range(aggregates)]
    assert recorder.insert_events(stored) == list(range(1, aggregates + 1))


def test_a_save_that_never_arrived_is_told_and_may_be_repeated(
    recorder: JetStreamApplicationRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = recorder._client.request

    async def cut(subject: str, *args: Any, **kwargs: Any) -> Msg:
        if subject.startswith("app."):
            raise TimeoutError
        return await request(subject, *args, **kwargs)

    monkeypatch.setattr(recorder._client, "request", cut)
    stored = [StoredEvent(uuid4(), 1, "topic", b"state")]
    with pytest.raises(OperationalError):
        recorder.insert_events(stored)
    monkeypatch.undo()
    assert recorder.insert_events(stored) == [1]


def test_another_recorder_of_the_application_goes_on_counting(
    recorder: JetStreamApplicationRecorder, access: Access
) -> None:
    stored = [StoredEvent(uuid4(), 1, "topic", b"state") for _ in range(3)]
    assert recorder.insert_events(stored[:2]) == [1, 2]
    other = JetStreamApplicationRecorder(access, recorder._application)
    try:
        assert other.insert_events(stored[2:]) == [3]
    finally:
        other.close()
    assert recorder.max_notification_id() == 3
    assert [one.id for one in recorder.select_notifications(2, 10)] == [2, 3]


def test_an_id_may_be_any_text_and_applications_do_not_see_each_other(
    recorder: JetStreamApplicationRecorder, access: Access
) -> None:
    odd = "order 7.*.>/ü"
    recorder.insert_events([StoredEvent(odd, 1, "topic", b"\x00\xff")])
    (found,) = recorder.select_notifications(None, 10)
    assert (found.originator_id, found.state) == (odd, b"\x00\xff")
    other = JetStreamApplicationRecorder(access, new_name())
    try:
        assert (other.max_notification_id(), list(other.select_events(odd))) == (None, [])
    finally:
        other.close()


def test_a_save_that_is_too_large_for_a_message_is_refused_before_it_is_sent(
    recorder: JetStreamApplicationRecorder,
) -> None:
    with pytest.raises(DataError, match="a save may have"):
        recorder.insert_events([StoredEvent(uuid4(), 1, "topic", bytes(recorder._client.max_payload))])
    assert recorder.max_notification_id() is None
