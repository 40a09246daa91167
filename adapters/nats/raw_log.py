"""The event log as raw commits, for those who copy it or prove it. Nothing is decoded on the way."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg

from adapters.nats import subjects
from adapters.nats.first_time import first_recorded_at_ms
from adapters.nats.replies import Unanswered, read_batches, recorded_at_ms
from commands.event_log import LogUnavailable
from commands.raw_commit import RawCommit

SERVER_HEADERS: Final = frozenset(
    {
        "Nats-Sequence",
        "Nats-Subject",
        "Nats-Time-Stamp",
        "Nats-Stream",
        "Nats-Num-Pending",
        "Nats-Last-Sequence",
    }
)
"""Added by the server to the answer of a direct get; they are no part of the stored message."""
NOT_THE_WRITERS: Final = SERVER_HEADERS | {subjects.RECORDED_AT, subjects.EXPECTED_LAST}
"""The last two were added by a restore, and a restored commit is the commit that it was."""


class RawLog:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def read(self, *, after: int, up_to: int | None = None) -> AsyncIterator[Sequence[RawCommit]]:
        """Every commit behind position `after` up to the present end (or `up_to`), in order, batch by batch.

        Raises `LogUnavailable`.
        """
        try:
            async for batch in read_batches(
                self._client, subjects.EVT, "evt.>", start=after + 1, up_to=up_to
            ):
                yield [raw_commit_of(message) for message in batch]
        except Unanswered as silence:
            raise LogUnavailable("reading the log") from silence

    async def stream(self, stream: str) -> AsyncIterator[RawCommit]:
        """Every commit of one aggregate (`job.<id>`), in order. Raises `LogUnavailable`."""
        try:
            async for batch in read_batches(self._client, subjects.EVT, subjects.fact(stream), start=1):
                for message in batch:
                    yield raw_commit_of(message)
        except Unanswered as silence:
            raise LogUnavailable(f"reading {stream}") from silence


def raw_commit_of(message: Msg) -> RawCommit:
    """A raw commit from a message that came by direct get."""
    headers = message.headers
    assert headers is not None
    return RawCommit(
        position=int(headers["Nats-Sequence"]),
        subject=headers["Nats-Subject"],
        headers={name: value for name, value in headers.items() if name not in NOT_THE_WRITERS},
        body=message.data,
        recorded_at_ms=first_recorded_at_ms(headers, recorded_at_ms(headers["Nats-Time-Stamp"])),
    )
