"""Following a stream: every message behind a position, in order and without a gap, for as long as one listens.

A pull consumer without acknowledgements that the server forgets by itself. Whenever something is odd (a gap, a missed
heartbeat, a refused pull, a new connection) it is made again behind the last message that was handed on, so the
follower sees each message once and in order, or waits. Used by the event tail and the output tail.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

from adapters.nats.pulling import SECOND_NS, pulled
from adapters.nats.replies import Refused, Unanswered, ask, stored_at_ms

PULL_BATCH: Final = 1_000
FORGOTTEN_AFTER_S: Final = 60
RETRY_S: Final = 0.25

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
        """`subject` filters; `last_per_subject` starts with the newest message of each subject."""
        self._client = client
        self._stream = stream
        self._subject = subject
        self._last_per_subject = last_per_subject

    async def batches(self, *, after: int) -> AsyncGenerator[list[Tailed]]:
        """Endless. Raises `Refused` where the server says that following can never work."""
        position = after
        while True:
            try:
                async with aclosing(self._one_consumer(position)) as batches:
                    async for batch in batches:
                        position = batch[-1].position
                        yield batch
            except (Unanswered, Error, TimeoutError) as fault:
                log.warning("tail_interrupted", extra={"stream": self._stream, "error": repr(fault)})
            await asyncio.sleep(RETRY_S)

    async def _one_consumer(self, position: int) -> AsyncGenerator[list[Tailed]]:
        """Batches from one consumer, until something is odd."""
        consumer, delivered = await self._create_consumer(position), 0
        async with aclosing(pulled(self._client, self._stream, consumer, batch_max=PULL_BATCH)) as deliveries:
            async for messages in deliveries:
                if not follow(messages, delivered):
                    log.warning("tail_gap", extra={"stream": self._stream, "delivered": delivered})
                    return
                delivered += len(messages)
                yield [tailed(message) for message in messages]

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


def follow(messages: list[Msg], delivered: int) -> bool:
    """Whether these are the next ones the consumer has delivered. It counts what it delivers from 1, whatever gaps a
    filter or a ring has left in the positions.
    """
    return all(m.metadata.sequence.consumer == delivered + n for n, m in enumerate(messages, start=1))


def tailed(message: Msg) -> Tailed:
    return Tailed(message.metadata.sequence.stream, stored_at_ms(message.reply), message)
