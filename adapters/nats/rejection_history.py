"""What did not count and why, as it was kept: read by the API for a job, for an island, and for the operator.

Written by `rejected_claims.py` and, for what the intake itself could not handle, by the server. Each question reads a
bounded part of the stream's end and keeps no more in memory than it answers.
"""

import json
from collections import deque
from collections.abc import Callable
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg

from adapters.nats import subjects
from adapters.nats.rejected_claims import RejectedClaim
from adapters.nats.replies import (
    TIMEOUT_S,
    Unanswered,
    is_stored,
    position_of,
    read_batches,
    recorded_at_ms,
)
from domain.ids import IslandId, JobId

LOOK_BACK_MAX: Final = 20_000
"""How many messages of the stream behind the newest one a question reads at most."""
POISON: Final = "poison"
"""Code of a claim that the intake failed to handle as often as it was delivered."""
GIVEN_UP: Final = f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.*.{subjects.INTAKE}"
REJECTED: Final = "advisory.claim_rejected"


class RejectionHistory:
    """Every method raises `Unanswered` and `Refused`."""

    def __init__(self, client: Client) -> None:
        """`client` is connected as `api`."""
        self._client = client

    async def of_job(self, job_id: JobId, *, limit: int) -> list[RejectedClaim]:
        """What was rejected about one job, oldest first; of many the newest."""
        return await self._newest(f"{REJECTED}.*.{subjects.token(job_id)}", rejected_claim, limit)

    async def of_island(self, island_id: IslandId, *, limit: int) -> list[RejectedClaim]:
        """What one island said that did not count, newest first."""
        return (await self._newest(f"{REJECTED}.{subjects.token(island_id)}.*", rejected_claim, limit))[::-1]

    async def newest(self, *, limit: int) -> list[RejectedClaim]:
        """Of all islands, newest first, together with what was given up as poison."""
        found = await self._newest(f"{REJECTED}.*.*", rejected_claim, limit)
        found += await self._newest(GIVEN_UP, given_up, limit)
        return sorted(found, key=lambda claim: claim.received_at_ms, reverse=True)[:limit]

    async def _newest(
        self, subject: str, read: Callable[[bytes], RejectedClaim], limit: int
    ) -> list[RejectedClaim]:
        last = await self._last(subject)
        if last is None:
            return []
        found: deque[RejectedClaim] = deque(maxlen=limit)
        start = max(1, position_of(last) - LOOK_BACK_MAX)
        async for batch in read_batches(self._client, subjects.ADVISORIES, subject, start=start):
            found.extend(read(message.data) for message in batch)
        return list(found)

    async def _last(self, subject: str) -> Msg | None:
        query = json.dumps({"last_by_subj": subject}).encode()
        try:
            message = await self._client.request(
                f"$JS.API.DIRECT.GET.{subjects.ADVISORIES}", query, timeout=TIMEOUT_S
            )
        except TimeoutError as silence:
            raise Unanswered(f"direct get of {subjects.ADVISORIES}") from silence
        return message if is_stored(message) else None


def rejected_claim(body: bytes) -> RejectedClaim:
    return RejectedClaim(**json.loads(body))


def given_up(body: bytes) -> RejectedClaim:
    """The server's advisory says which message it was and not who sent it."""
    told = json.loads(body)
    return RejectedClaim(
        code=POISON,
        detail=f"given up after {told['deliveries']} deliveries",
        subject="",
        claim_stream=told["stream"],
        claim_position=told["stream_seq"],
        received_at_ms=recorded_at_ms(told["timestamp"]),
    )
