"""Pulling from a consumer: what a stream delivers, batch by batch, for as long as one listens.

Shared by the tails and the claim mailbox. Not the library's `fetch`: that takes every message with a header `Status`
for an answer of the server, and islands choose the headers of what they send. Here an answer is what has no receipt.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg

from adapters.nats.replies import Unanswered

PULL_EXPIRES_S: Final = 30
HEARTBEAT_S: Final = 2
SILENCE_MAX_S: Final = 2 * HEARTBEAT_S + 1
SECOND_NS: Final = 1_000_000_000
STATUS_HEARTBEAT: Final = "100"
PULL_IS_OVER: Final = frozenset({"404", "408"})
"""No more messages, or the time of the pull is up."""


class Arrivals:
    """What came since the last look."""

    def __init__(self) -> None:
        self._messages: list[Msg] = []
        self._wake = asyncio.Event()

    async def add(self, message: Msg) -> None:
        self._messages.append(message)
        self._wake.set()

    async def next(self) -> list[Msg]:
        """Raises TimeoutError after a silence that the server's heartbeats exclude."""
        if not self._messages:
            self._wake.clear()
            async with asyncio.timeout(SILENCE_MAX_S):
                await self._wake.wait()
        arrived, self._messages = self._messages, []
        return arrived


async def pulled(client: Client, stream: str, consumer: str, *, batch_max: int) -> AsyncGenerator[list[Msg]]:
    """Endless; asks for no more while the caller does not come back, so at most `batch_max` wait here.

    Raises `Unanswered` where the server ends it, TimeoutError where it goes silent, and the library's errors. Close it.
    """
    inbox = client.new_inbox()
    arrivals = Arrivals()
    subscription = await client.subscribe(inbox, cb=arrivals.add)
    outstanding = 0
    try:
        while True:
            if outstanding <= batch_max // 2:
                await pull(client, stream, consumer, inbox, batch_max - outstanding)
                outstanding = batch_max
            arrived = await arrivals.next()
            messages = [message for message in arrived if message.reply]
            outstanding -= len(messages)
            if messages:
                yield messages
            if is_over(arrived):
                outstanding = 0
    finally:
        if not client.is_closed:
            await subscription.unsubscribe()


async def pull(client: Client, stream: str, consumer: str, inbox: str, batch: int) -> None:
    request = {
        "batch": batch,
        "expires": PULL_EXPIRES_S * SECOND_NS,
        "idle_heartbeat": HEARTBEAT_S * SECOND_NS,
    }
    subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
    await client.publish(subject, json.dumps(request).encode(), reply=inbox)


def is_over(arrived: list[Msg]) -> bool:
    """Whether the server has said that a pull has come to its end. Raises `Unanswered` where it says anything worse."""
    statuses = {status_of(message) for message in arrived if not message.reply} - {STATUS_HEARTBEAT}
    if troubles := statuses - PULL_IS_OVER:
        raise Unanswered(f"pulling was answered {', '.join(sorted(troubles))}")
    return bool(statuses)


def status_of(message: Msg) -> str:
    return (message.headers or {}).get("Status", "")
