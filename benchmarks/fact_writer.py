"""Writes made-up facts to the log of a running network, as fast as it takes them. Used by `benchmarks.fan_out`."""

import asyncio
import json
import math
import time
from collections.abc import Iterator
from itertools import count, islice
from typing import Final

from nats.aio.client import Client

from adapters import clock, codec
from adapters.nats import subjects
from domain.account import ACCOUNT
from domain.account_events import AccountEvent, CreditsGranted
from domain.ids import AccountId

FACTS_OF_A_COMMIT: Final = 10
COMMITS_AT_ONCE: Final = 50
WATCHED: Final = AccountId("watched")


class FactWriter:
    """All facts are about one account. `position` is where the last one stands."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._facts = grants()
        self._stream = subjects.fact(ACCOUNT.stream(WATCHED))
        self.position = 0

    async def write(self, facts: int) -> float:
        """Returns the seconds until the last was stored."""
        started, left = time.perf_counter(), math.ceil(facts / FACTS_OF_A_COMMIT)
        while left:
            now = min(left, COMMITS_AT_ONCE)
            await asyncio.gather(*(self._append() for _ in range(now)))
            left -= now
        return time.perf_counter() - started

    async def _append(self) -> None:
        body = codec.encode(list(islice(self._facts, FACTS_OF_A_COMMIT)))
        headers = {subjects.COMMAND_ID: clock.new_id()}
        answer = await self._client.request(self._stream, body, headers=headers, timeout=30)
        self.position = max(self.position, int(json.loads(answer.data)["seq"]))


def grants() -> Iterator[AccountEvent]:
    """Nobody has anything to do about them."""
    for number in count(1):
        yield CreditsGranted(
            account_id=WATCHED, grant_id=f"g{number}", amount_micro=1, reason="benchmark", granted_at_ms=1
        )
