"""Every promise of the event-log port, on the log in memory and on JetStream."""

import pytest

from commands.event_log import EventLog
from tests.commands.event_log_contract import CONTRACT, Promise


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
async def test_an_event_log_keeps_its_promise(log: EventLog, promise: Promise) -> None:
    await promise(log)
