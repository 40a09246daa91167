"""A lost event log made again from a copy: the same commits on the same positions, with the times they had.

Used by `archipelago audit restore`. Nothing else may write to the log meanwhile. A restore that was broken off goes on
where it stopped, once what is there already has been compared with the copy.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

from nats.aio.client import Client
from nats.errors import Error as NatsError

from adapters.nats import subjects
from adapters.nats.raw_log import RawLog
from commands.raw_commit import RawCommit, leaf_bytes

AT_ONCE: Final = 128
"""Commits on their way at a time. The server takes them in order, and each names the position it has to get."""
ANSWERED_S: Final = 10.0


class NotRestored(Exception):
    """The text says at which position, and why."""


async def compared(client: Client, commits: AsyncIterator[RawCommit], last: int) -> None:
    """Compares the log up to `last` with as many of the `commits`, of which there are no fewer.

    Raises `NotRestored` at the first difference.
    """
    async for batch in RawLog(client).read(after=0, up_to=last):
        for there in batch:
            if leaf_bytes(await anext(commits)) != leaf_bytes(there):
                raise NotRestored(f"position {there.position}: the log has another commit than the copy")


async def restored(client: Client, commits: AsyncIterator[RawCommit], progress: Callable[[int], None]) -> int:
    """Appends the rest of the copy and returns the last position. Raises `NotRestored`."""
    position, batch = 0, list[RawCommit]()
    async for commit in commits:
        batch.append(commit)
        if len(batch) == AT_ONCE:
            position = await append(client, batch)
            progress(position)
            batch.clear()
    return await append(client, batch) if batch else position


async def append(client: Client, batch: Sequence[RawCommit]) -> int:
    """Returns the last position."""
    requests = [
        client.request(one.subject, one.body, headers=restored_headers(one), timeout=ANSWERED_S)
        for one in batch
    ]
    answers = await asyncio.gather(*requests, return_exceptions=True)
    for commit, answer in zip(batch, answers, strict=True):
        if isinstance(answer, (NatsError, TimeoutError)):
            raise NotRestored(f"position {commit.position}: no answer; type the command again") from answer
        if isinstance(answer, BaseException):
            raise answer
        told: dict[str, Any] = json.loads(answer.data)
        if "error" in told:
            raise NotRestored(f"position {commit.position}: {told['error']['description']}")
        if told["seq"] != commit.position:
            raise NotRestored(f"position {commit.position}: it came to stand at {told['seq']}")
    return batch[-1].position


def restored_headers(commit: RawCommit) -> dict[str, str]:
    return {
        **commit.headers,
        subjects.RECORDED_AT: str(commit.recorded_at_ms),
        subjects.EXPECTED_LAST: str(commit.position - 1),
    }
