"""Rejected claims, kept with their reason for thirty days, so that a job's timeline shows what did not count.

Written by the claim mailbox, read by `rejection_history.py`. The claim itself stays in its own stream. What a hostile
island can add here is bounded by rings: one for each of its jobs, and one for each code where no job was proven to
exist.
"""

import json
from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.replies import Refused
from domain.claim import ClaimRejected, ClaimRejection
from domain.ids import IslandId, JobId

PUBLISH_TIMEOUT_S: Final = 5.0
ABOUT_A_JOB: Final = frozenset(
    {
        ClaimRejection.NOT_OWNER,
        ClaimRejection.STALE_ATTEMPT,
        ClaimRejection.JOB_CLOSED,
        ClaimRejection.CONFLICTING_CHUNK,
    }
)
"""Codes that only a job that exists can bring about. With others a job's name may be anything the island made up."""


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
        self,
        rejection: ClaimRejected,
        *,
        island_id: IslandId,
        job_id: JobId | None,
        subject: str,
        stream: str,
        position: int,
        at_ms: int,
    ) -> None:
        """Stores one rejection. Storing it again after a crash adds nothing within two minutes.

        Raises `Refused` where the server cannot store it.
        """
        record = {
            "code": rejection.code,
            "detail": rejection.detail,
            "subject": subject,
            "claim_stream": stream,
            "claim_position": position,
            "received_at_ms": at_ms,
        }
        place = job_id if job_id and rejection.code in ABOUT_A_JOB else rejection.code
        answer = await self._client.request(
            subjects.rejected_claim(island_id, place),
            json.dumps(record).encode(),
            headers={subjects.MESSAGE_ID: f"rejected-{stream}-{position}"},
            timeout=PUBLISH_TIMEOUT_S,
        )
        if error := json.loads(answer.data).get("error"):
            raise Refused(f"storing a rejection: {error['description']}")
