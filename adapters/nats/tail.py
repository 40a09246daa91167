"""Following a stream: every message behind a position, in order and without a gap, for as long as one listens.

A pull consumer without acknowledgements that the server forgets by itself. Whenever something is odd (a gap, a missed
heartbeat, a refused pull, a new connection) it is made again behind the last message that was handed on, so the
follower sees each message once and in order, or waits. Used by the event tail and the output tail.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

from adapters.nats.replies import Refused, Unanswered, ask, stored_at_ms

PULL_BATCH: Final = 1_000
PULL_EXPIRES_S: Final = 30
HEARTBEAT_S: Final = 2
SILENCE_MAX_S: Final = 2 * HEARTBEAT_S + 1
FORGOTTEN_AFTER_S: Final = 60
RETRY_S: Final = 0.25
STATUS_HEARTBEAT: Final = "100"
SECOND_NS: Final = 1_000_000_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tailed:
    """A message of the stream: its position and when the server stored it."""

    position: int
    stored_at_ms: int
    message: Msg


class StreamTail:
    def __init__(
        self, client: Client, stream: str, *, subject: str | None = None, last_per_subject: bool = False
    ) -> None:
        """`subject` filters (then positions have gaps by nature); `last_per_subject` starts with the newest of each."""
        self._client = client
        self._stream = stream
        self._subject = subject
        self._last_per_subject = last_per_subject
        self._is_contiguous = subject is None and not last_per_subject
        self._arrived: list[Msg] = []
        self._wake = asyncio.Event()

    async def batches(self, *, after: int) -> AsyncGenerator[list[Tailed]]:
        """Endless. Raises `Refused` where the server says that following can never work."""
        position = after
        while True:
            try:
                async for batch in self._one_consumer(position):
                    position = batch[-1].position
                    yield batch
            except (Unanswered, Error, TimeoutError) as fault:
                log.warning("tail_interrupted", extra={"stream": self._stream, "error": repr(fault)})
            await asyncio.sleep(RETRY_S)

    async def _one_consumer(self, position: int) -> AsyncIterator[list[Tailed]]:
        """Batches from one consumer, until something is odd."""
        consumer = await self._create_consumer(position)
        inbox = self._client.new_inbox()
        self._arrived.clear()
        subscription = await self._client.subscribe(inbox, cb=self._receive)
        try:
            outstanding = 0
            while True:
                if outstanding <= PULL_BATCH // 2:
                    await self._pull(consumer, inbox)
                    outstanding += PULL_BATCH
                arrived = await self._next_arrivals()
                statuses = [m for m in arrived if is_status(m)]
                fresh = [tailed(m) for m in arrived if not is_status(m)]
                outstanding -= len(fresh)
                if fresh:
                    if not self._follows(fresh, position):
                        log.warning("tail_gap", extra={"stream": self._stream, "after": position})
                        return
                    position = fresh[-1].position
                    yield fresh
                if any(is_end_of_pull(m) for m in statuses):
                    outstanding = 0
        finally:
            if not self._client.is_closed:
                await subscription.unsubscribe()

    def _follows(self, batch: list[Tailed], position: int) -> bool:
        if not self._is_contiguous:
            return True
        return all(one.position == position + n for n, one in enumerate(batch, start=1))

    async def _receive(self, message: Msg) -> None:
        self._arrived.append(message)
        self._wake.set()

    async def _next_arrivals(self) -> list[Msg]:
        """What has arrived since the last look. Raises TimeoutError after a silence that heartbeats exclude."""
        if not self._arrived:
            self._wake.clear()
            async with asyncio.timeout(SILENCE_MAX_S):
                await self._wake.wait()
        arrived, self._arrived = self._arrived, []
        return arrived

    async def _pull(self, consumer: str, inbox: str) -> None:
        request = {
            "batch": PULL_BATCH,
            "expires": PULL_EXPIRES_S * SECOND_NS,
            "idle_heartbeat": HEARTBEAT_S * SECOND_NS,
        }
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{consumer}"
        await self._client.publish(subject, json.dumps(request).encode(), reply=inbox)

    async def _create_consumer(self, position: int) -> str:
        config: dict[str, Any] = {
            "ack_policy": "none",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": FORGOTTEN_AFTER_S * SECOND_NS,
        }
        if self._last_per_subject and not position:
            config["deliver_policy"] = "last_per_subject"
            config["filter_subject"] = self._subject or ">"
        else:
            config |= {"deliver_policy": "by_start_sequence", "opt_start_seq": position + 1}
        if self._subject is not None:
            config["filter_subject"] = self._subject
        body = json.dumps({"stream_name": self._stream, "config": config}).encode()
        answer = await ask(self._client, f"$JS.API.CONSUMER.CREATE.{self._stream}", body)
        if "error" in answer:
            if answer["error"].get("code", 0) >= 500:  # Not ready yet, for example right after a restart.
                raise Unanswered(answer["error"]["description"])
            raise Refused(f"following {self._stream}: {answer['error']['description']}")
        return str(answer["name"])


def is_status(message: Msg) -> bool:
    return bool(message.headers) and "Status" in (message.headers or {}) and not message.data


def is_end_of_pull(message: Msg) -> bool:
    return (message.headers or {}).get("Status") != STATUS_HEARTBEAT


def tailed(message: Msg) -> Tailed:
    return Tailed(message.metadata.sequence.stream, stored_at_ms(message.reply), message)
