"""One message, one time: a commit that was followed live and the same one read again are stamped alike."""

from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.replies import recorded_at_ms, stored_at_ms
from adapters.nats.tail import StreamTail
from tests.commands.event_log_contract import everything
from tests.examples import origin, submitted

OLD_RECEIPT = "$JS.ACK.EVT.tail.1.939.939.{ns}.0"
NEW_RECEIPT = "$JS.ACK.domain.hash.EVT.tail.1.939.939.{ns}.0.token"
SECOND_NS = 1_000_000_000


@pytest.mark.parametrize("receipt", [OLD_RECEIPT, NEW_RECEIPT])
@given(ns=st.integers(1_700_000_000 * SECOND_NS, 4_000_000_000 * SECOND_NS))
@example(ns=1_795_450_233_816_999_600)
def test_both_ways_to_read_a_message_give_the_same_millisecond(receipt: str, ns: int) -> None:
    seconds, nanoseconds = divmod(ns, SECOND_NS)
    day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    timestamp = f"{day:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"
    assert stored_at_ms(receipt.format(ns=ns)) == recorded_at_ms(timestamp) == ns // 1_000_000


async def test_a_followed_commit_has_the_time_of_the_one_that_is_read(
    nats_client: Client, jetstream_log: JetStreamEventLog
) -> None:
    await jetstream_log.append("job.a", [submitted()], expected=0, origin=origin("c1"))
    (read,) = await everything(jetstream_log)
    async with aclosing(StreamTail(nats_client, subjects.EVT).batches(after=0)) as batches:
        (followed,) = await anext(batches)
    assert (followed.position, followed.stored_at_ms) == (read.position, read.recorded_at_ms)
