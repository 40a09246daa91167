"""Answers of the JetStream API: JSON for API calls, headers for direct gets.

Shared by whatever asks the server something. A batched direct get is how a past is read: no consumer to make, to
forget or to clean up (a seventh of the time of an ephemeral consumer, measured).
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError

READ_BATCH_MAX: Final = 256
NS_A_MILLISECOND: Final = 1_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
OLD_RECEIPT_TOKENS: Final = 9
"""Of a receipt without domain and account hash; one with them has its fields two tokens later."""
TIMEOUT_S: Final = 5.0
TRIES_MAX: Final = 3
OTHERS_ANSWER_S: Final = 0.1
"""How long after an answer another server may still speak; one server answers within a millisecond."""


class Refused(Exception):
    """The server answered with an error that no retry cures: storage full, bad request, no rights."""


class Unanswered(Exception):
    """No answer within the bound."""


async def ask(
    client: Client, subject: str, body: bytes = b"", *, timeout_s: float = TIMEOUT_S
) -> dict[str, Any]:
    """The answer of one JetStream API call. Raises `Unanswered`."""
    try:
        reply = await client.request(subject, body, timeout=timeout_s)
    except (TimeoutError, NoRespondersError) as silence:
        raise Unanswered(subject) from silence
    answer: dict[str, Any] = json.loads(reply.data)
    return answer


async def answers_of_all(client: Client, subject: str, body: bytes) -> AsyncIterator[bytes]:
    """What every server of a cluster answers, each as it comes. Raises `Unanswered` where there is none at all."""
    replies = await client.subscribe(client.new_inbox())
    wait_s = TIMEOUT_S
    try:
        await client.publish(subject, body, reply=replies.subject)
        while answer := (await replies.next_msg(timeout=wait_s)).data:
            yield answer
            wait_s = OTHERS_ANSWER_S
        raise Unanswered(subject)  # Empty, and sent at once: nobody listens.
    except TimeoutError as silence:
        if wait_s == TIMEOUT_S:
            raise Unanswered(subject) from silence
    finally:
        if not client.is_closed:
            await replies.unsubscribe()


def position_of(message: Msg) -> int:
    """The stream sequence of a message that came by direct get."""
    assert message.headers is not None
    return int(message.headers["Nats-Sequence"])


def is_stored(message: Msg) -> bool:
    """Whether an answer to a direct get is a message of the stream. Only those carry their sequence, which the server
    writes itself; a header `Status` says nothing, because islands choose the headers of what they send.
    """
    return "Nats-Sequence" in (message.headers or {})


def recorded_at_ms(timestamp: str) -> int:
    """Unix milliseconds of a server timestamp (RFC 3339, up to nanoseconds), rounded down."""
    return (datetime.fromisoformat(timestamp) - EPOCH) // timedelta(milliseconds=1)


def stored_at_ms(receipt: str) -> int:
    """The same of a message that a consumer delivered, from the subject to acknowledge it on.

    Whole numbers all the way: the library's `metadata.timestamp` is rounded, so a commit that was followed live would
    now and then differ by a millisecond from the same commit read again.
    """
    tokens = receipt.split(".")
    return int(tokens[7 if len(tokens) == OLD_RECEIPT_TOKENS else 9]) // NS_A_MILLISECOND


async def read_next(client: Client, stream: str, subject: str, *, start: int) -> Msg | None:
    """The first message on `subject` from sequence `start` on, or None. One question, one answer: the cheapest read.

    Raises `Unanswered` when the server goes silent and `Refused` when it refuses.
    """
    query = json.dumps({"seq": start, "next_by_subj": subject}).encode()
    try:
        message = await client.request(f"$JS.API.DIRECT.GET.{stream}", query, timeout=TIMEOUT_S)
    except (TimeoutError, NoRespondersError) as silence:
        raise Unanswered(f"direct get of {stream}") from silence
    if is_stored(message):
        return message
    status = (message.headers or {}).get("Status")
    if status == "404":
        return None
    raise Refused(f"direct get of {stream} answered {status}")


async def read_batches(
    client: Client, stream: str, subject: str, *, start: int, up_to: int | None = None
) -> AsyncIterator[list[Msg]]:
    """Messages on `subject` from sequence `start` to the present end, oldest first, batch by batch.

    Raises `Unanswered` when the server goes silent and `Refused` when it refuses. `up_to` ends the reading early.
    """
    while up_to is None or start <= up_to:
        most = READ_BATCH_MAX if up_to is None else min(READ_BATCH_MAX, up_to - start + 1)
        batch, is_end = await _read_batch(client, stream, subject, start, most)
        if up_to is not None:
            is_end = is_end or bool(batch and position_of(batch[-1]) >= up_to)
            batch = [message for message in batch if position_of(message) <= up_to]
        if batch:
            start = position_of(batch[-1]) + 1
            yield batch
        if is_end:
            return


async def _read_batch(
    client: Client, stream: str, subject: str, start: int, most: int
) -> tuple[list[Msg], bool]:
    """One batch of at most `most` messages, and whether nothing was behind it."""
    inbox = client.new_inbox()
    replies = await client.subscribe(inbox)
    query = {"seq": start, "next_by_subj": subject, "batch": most}
    batch: list[Msg] = []
    try:
        await client.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(query).encode(), reply=inbox)
        while True:
            message = await replies.next_msg(timeout=TIMEOUT_S)
            if not is_stored(message):
                break
            batch.append(message)
    except TimeoutError as silence:
        raise Unanswered(f"direct get of {stream}") from silence
    finally:
        await replies.unsubscribe()
    headers = message.headers or {}
    status = headers.get("Status")
    if status == "503":
        raise Unanswered(f"direct get of {stream}")
    if status not in {"204", "404"}:
        raise Refused(f"direct get of {stream} answered {status} {headers.get('Description', '')}")
    return batch, status == "404" or not int(headers.get("Nats-Num-Pending", "0"))
