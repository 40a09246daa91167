"""Headers that are larger than anybody needs cost nothing and hide nothing the server says; broken ones stop nobody."""

import time

import pytest
from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.bounded_client import HEADERS_BYTES_MAX, BoundedClient
from adapters.nats.replies import position_of, read_batches
from adapters.nats.streams import create_streams
from domain.ids import IslandId

CROWD = {f"h{number:05}": "" for number in range(6_000)}
SLOWEST_S = 0.1
"""Twenty times the aim of 5 ms: the machine may be busy. Eight megabytes read whole take nearly four seconds."""


async def test_a_message_with_a_crowd_of_headers_still_has_its_place_in_the_stream(
    nats_client: Client,
) -> None:
    await create_streams(nats_client)
    subject = subjects.output(IslandId("island-1"))
    for headers in (CROWD, {"Plain": "yes"}):
        await nats_client.jetstream().publish(subject, b"x", headers=headers)
    read = [m async for b in read_batches(nats_client, subjects.JOB_OUTPUT, subject, start=1) for m in b]
    assert [position_of(message) for message in read] == [1, 2]
    assert [len(message.headers or {}) < len(CROWD) // 10 for message in read] == [True, True]
    assert (read[1].headers or {})["Plain"] == "yes"


@pytest.mark.parametrize(
    "lines", [8 << 20, HEADERS_BYTES_MAX, HEADERS_BYTES_MAX + 1, 5], ids=lambda size: f"{size} bytes"
)
async def test_no_block_of_headers_takes_long(lines: int) -> None:
    block = b"NATS/1.0\r\n" + b"a:\r\n" * (lines // 4) + b"Last: one\r\n\r\n"
    started_s = time.thread_time()
    found = await BoundedClient()._process_headers(block)
    assert time.thread_time() - started_s < SLOWEST_S
    assert (found or {})["Last"] == "one"


async def test_a_block_that_is_one_long_line_is_no_header(nats_client: Client) -> None:
    assert isinstance(nats_client, BoundedClient)
    block = b"NATS/1.0\r\nLong: " + b"x" * 100_000 + b"\r\n\r\n"
    assert await nats_client._process_headers(block) is None


@pytest.mark.parametrize(
    "block", [b"NATS/1.0 \xff\r\n\r\n", b"NATS/1.0 404 \xff\r\nA: b\r\n\r\n", b"NATS/1.0", b"X"], ids=repr
)
async def test_a_block_that_cannot_be_read_is_no_header(block: bytes) -> None:
    assert await BoundedClient()._process_headers(block) is None
