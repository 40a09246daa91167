"""The `eventsourcing` library on JetStream: applications written with it keep their aggregates on our fabric.

One save of one aggregate is one message on `app.<application>.<aggregate>` with an expected last sequence, so it is
whole without a batch; only a save of several aggregates is an atomic batch, of one message each. The recorders pass the
library's own contract suites (`tests/adapters/nats/test_recorder.py`). They connect as the role `application`.
Notification ids count events from 1. The stream's own order is the position, so two whole numbers a commit are kept in
memory, read at first use and extended as the stream grows.
"""

import asyncio
import base64
import json
import threading
from array import array
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    DataError,
    IntegrityError,
    Notification,
    OperationalError,
    StoredEvent,
    Subscription,
)
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription
from nats.errors import Error as NatsError

from adapters import clock
from adapters.loop_thread import LoopThread
from adapters.nats import subjects
from adapters.nats.connection import Access, connect
from adapters.nats.recorded_events import (
    LAST_VERSION,
    body_of,
    escaped,
    event_count,
    events_of,
    grouped,
    is_rising,
    last_version,
    notification_of,
)
from adapters.nats.replies import Refused, Unanswered, ask, position_of, read_batches
from adapters.nats.woken_subscription import WokenSubscription

ANSWER_S: Final = 5.0
LOOK_AGAIN_S: Final = 0.02
LOOKS_MAX: Final = 250
"""For what the leader has acknowledged and a replica may not have yet: five seconds."""
CONFLICTS: Final = frozenset(
    {10071, 10164}
)  # Wrong last sequence; another write to the subject is in flight.
NOT_FOUND: Final = 10037


class Message(msgspec.Struct, frozen=True):
    """One commit on its way to the stream."""

    subject: str
    expected: int
    last_version: int
    body: bytes


class JetStreamAggregateRecorder(AggregateRecorder):
    """Aggregates of one application, or its snapshots. Close it when done.

    Raises the library's own errors: `IntegrityError` where somebody else was first, `OperationalError` where the
    server is silent or refuses, `DataError` for a save that is larger than a message may be.
    """

    def __init__(self, access: Access, application: str) -> None:
        self._application = application
        self._thread = LoopThread(f"recorder of {application}")
        self._client = self._thread.call(connect(access, f"recorder of {application}"))

    def close(self) -> None:
        self._thread.call(self._client.close())
        self._thread.close()

    def insert_events(self, stored_events: Sequence[StoredEvent], **_kwargs: Any) -> Sequence[int] | None:
        if stored_events:
            self._thread.call(self._insert(grouped(stored_events)))
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        found = [
            event
            for event in self._thread.call(self._select(originator_id))
            if (gt is None or event.originator_version > gt)
            and (lte is None or event.originator_version <= lte)
        ]
        return (found[::-1] if desc else found)[:limit]

    async def _select(self, originator_id: UUID | str) -> list[StoredEvent]:
        subject = self._subject(originator_id)
        try:
            batches = read_batches(self._client, subjects.APPLICATIONS, subject, start=1)
            return [event async for batch in batches for message in batch for event in events_of(message)]
        except (Unanswered, Refused, NatsError) as fault:
            raise OperationalError(fault) from fault

    def _subject(self, originator_id: UUID | str) -> str:
        return subjects.application(self._application, escaped(str(originator_id)))

    async def _insert(self, groups: Sequence[Sequence[StoredEvent]]) -> int:
        """Records all or nothing. The position of the last commit; the others stand right before it."""
        try:
            messages = [await self._prepared(group) for group in groups]
            if len(messages) == 1:
                return await self._publish(messages[0], {})
            batch_id = clock.new_id()
            for number, message in enumerate(messages[:-1], 1):
                await self._publish(message, batch_headers(batch_id, number))
            return await self._publish(messages[-1], batch_headers(batch_id, len(messages), is_last=True))
        except (Unanswered, Refused, NatsError, TimeoutError) as fault:
            raise OperationalError(fault) from fault

    async def _prepared(self, group: Sequence[StoredEvent]) -> Message:
        subject, versions = (
            self._subject(group[0].originator_id),
            [event.originator_version for event in group],
        )
        last = await self._last(subject)
        position, newest = (0, None) if last is None else (position_of(last), last_version(last))
        if not is_rising(versions if newest is None else [newest, *versions]):
            raise IntegrityError(f"{subject}: versions {versions} behind {newest}")
        body = body_of(group)
        if len(body) > self._client.max_payload:
            raise DataError(
                f"{subject}: a save may have {self._client.max_payload} bytes, this one has {len(body)}"
            )
        return Message(subject, position, versions[-1], body)

    async def _last(self, subject: str) -> Msg | None:
        """The newest commit of an aggregate. A replica that is behind only makes the server refuse what follows."""
        query = f"$JS.API.DIRECT.GET.{subjects.APPLICATIONS}.{subject}"
        reply = await self._client.request(query, timeout=ANSWER_S)
        return reply if "Nats-Sequence" in (reply.headers or {}) else None

    async def _publish(self, message: Message, batch: dict[str, str]) -> int:
        """The position, or 0 inside a batch that is not committed yet."""
        headers = {subjects.EXPECTED: str(message.expected), LAST_VERSION: str(message.last_version)} | batch
        is_open = bool(batch) and "Nats-Batch-Commit" not in batch
        try:
            reply = await self._client.request(
                message.subject, message.body, headers=headers, timeout=ANSWER_S
            )
        except TimeoutError:
            if not is_open and (position := await self._own(message)):
                return position
            raise
        if is_open and not reply.data:
            return 0
        answer = json.loads(reply.data)
        if error := answer.get("error"):
            raise (IntegrityError if error.get("err_code") in CONFLICTS else OperationalError)(
                error["description"]
            )
        return int(answer["seq"])

    async def _own(self, message: Message) -> int | None:
        """Where a commit stands whose answer was lost: it can only be the first one behind what it expected."""
        query = json.dumps({"seq": message.expected + 1, "next_by_subj": message.subject}).encode()
        answer = await ask(self._client, f"$JS.API.STREAM.MSG.GET.{subjects.APPLICATIONS}", query)
        if answer.get("error", {}).get("err_code") == NOT_FOUND:
            return None
        found = answer["message"]
        return int(found["seq"]) if base64.b64decode(found.get("data", "")) == message.body else None


class JetStreamApplicationRecorder(JetStreamAggregateRecorder, ApplicationRecorder):
    """Aggregates of one application in the one order in which they were recorded."""

    def __init__(self, access: Access, application: str) -> None:
        super().__init__(access, application)
        self._positions = array("q")
        self._first_ids = array("q")  # Of each commit, the notification id of its first event.
        self._events = 0
        self._counting = asyncio.Lock()

    def insert_events(self, stored_events: Sequence[StoredEvent], **_kwargs: Any) -> Sequence[int] | None:
        return self._thread.call(self._insert_counted(stored_events)) if stored_events else None

    async def _insert_counted(self, stored_events: Sequence[StoredEvent]) -> list[int]:
        groups = grouped(stored_events)
        last = await self._insert(groups)
        await self._count(until=last)
        end = bisect_right(self._positions, last)
        ids = {
            (event.originator_id, event.originator_version): self._first_ids[end - len(groups) + number]
            + index
            for number, group in enumerate(groups)
            for index, event in enumerate(group)
        }
        return [ids[event.originator_id, event.originator_version] for event in stored_events]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        first = 1 if start is None else start + (not inclusive_of_start)
        return self._thread.call(self._notifications(max(1, first), limit, stop, frozenset(topics)))

    async def _notifications(
        self, first: int, limit: int, stop: int | None, topics: frozenset[str]
    ) -> list[Notification]:
        await self._count()
        last = self._events if stop is None else min(stop, self._events)
        found: list[Notification] = []
        if first > last:
            return found
        # A commit ends where the next begins; without topics no more than `limit` events are read.
        end = last if topics else min(last, first + limit - 1)
        begins = bisect_right(self._first_ids, first) - 1
        up_to = self._positions[bisect_right(self._first_ids, end) - 1]
        number = self._first_ids[begins]
        async for message in self._messages(self._positions[begins], up_to):
            for event in events_of(message):
                if first <= number <= last and (not topics or event.topic in topics):
                    found.append(notification_of(event, number))
                    if len(found) == limit:
                        return found
                number += 1
        return found

    async def _messages(self, start: int, up_to: int | None = None) -> AsyncIterator[Msg]:
        subject = subjects.application(self._application, "*")
        try:
            async for batch in read_batches(
                self._client, subjects.APPLICATIONS, subject, start=start, up_to=up_to
            ):
                for message in batch:
                    yield message
        except (Unanswered, Refused, NatsError) as fault:
            raise OperationalError(fault) from fault

    async def _count(self, until: int = 0) -> None:
        """Counts what was recorded since it last looked, at least up to the position `until`, which is known to exist.

        Raises `OperationalError` where a replica does not come after.
        """
        async with self._counting:
            await self._count_on()
            for _ in range(LOOKS_MAX):
                if not until or (self._positions and self._positions[-1] >= until):
                    return
                await asyncio.sleep(LOOK_AGAIN_S)
                await self._count_on()
        raise OperationalError(f"position {until} was recorded and is not to be read yet")

    async def _count_on(self) -> None:
        async for message in self._messages(1 + (self._positions[-1] if self._positions else 0)):
            self._positions.append(position_of(message))
            self._first_ids.append(self._events + 1)
            self._events += event_count(message)

    def max_notification_id(self) -> int | None:
        self._thread.call(self._count())
        return self._events or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription["JetStreamApplicationRecorder"]:
        woken = threading.Event()
        hearing = self._thread.call(self._hear(woken))
        return WokenSubscription(
            self, gt, topics, woken=woken, let_sleep=lambda: self._thread.call(hearing.unsubscribe())
        )

    async def _hear(self, woken: threading.Event) -> NatsSubscription:
        async def hear(_message: Msg) -> None:
            woken.set()

        return await self._client.subscribe(subjects.application(self._application, "*"), cb=hear)


def batch_headers(batch_id: str, number: int, *, is_last: bool = False) -> dict[str, str]:
    commit = {"Nats-Batch-Commit": "1"} if is_last else {}
    return {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number)} | commit
