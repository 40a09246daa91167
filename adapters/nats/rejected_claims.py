"""Rejected claims, kept with their reason for thirty days, so that a job's timeline shows what did not count.

Written by the claim mailboxes, read by the API. The claim itself stays in its own stream; a ring per job bounds what a
hostile island can add here.
"""

import json
from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.replies import position_of, read_batches
from domain.claim import ClaimRejected
from domain.ids import JobId

PUBLISH_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedClaim:
    """`claim_stream` and `claim_position` name the claim; `subject` says who sent it and of which kind it was."""

    code: str
    detail: str
    subject: str
    claim_stream: str
    claim_position: int
    received_at_ms: int


class RejectedClaims:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def keep(
        self, rejection: ClaimRejected, *, subject: str, body: bytes, stream: str, position: int, at_ms: int
    ) -> None:
        """Stores one rejection. Storing it again after a crash adds nothing within two minutes."""
        island_id = subject.split(".")[1] if subject.startswith("host.") else named(body, "host_id")
        job_id = named(body, "job_id").partition("_")[0]
        record = {
            "code": rejection.code,
            "detail": rejection.detail,
            "subject": subject,
            "claim_stream": stream,
            "claim_position": position,
            "received_at_ms": at_ms,
        }
        await self._client.request(
            subjects.rejected_claim(island_id, job_id),
            json.dumps(record).encode(),
            headers={subjects.MESSAGE_ID: f"rejected-{stream}-{position}"},
            timeout=PUBLISH_TIMEOUT_S,
        )

    async def of_job(self, job_id: JobId) -> list[RejectedClaim]:
        """What was rejected about one job, oldest first."""
        return await self._matching(f"advisory.claim_rejected.*.{subjects.token(job_id)}")

    async def all(self) -> list[RejectedClaim]:
        return await self._matching("advisory.claim_rejected.>")

    async def _matching(self, subject: str) -> list[RejectedClaim]:
        found: list[tuple[int, RejectedClaim]] = []
        async for batch in read_batches(self._client, subjects.ADVISORIES, subject, start=1):
            found.extend((position_of(m), RejectedClaim(**json.loads(m.data))) for m in batch)
        return [claim for _, claim in sorted(found, key=lambda pair: pair[0])]


def named(body: bytes, field: str) -> str:
    """A text field of a body that may be anything at all."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    value = found.get(field) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""
