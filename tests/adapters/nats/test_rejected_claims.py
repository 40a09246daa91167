"""What did not count is kept once, where it belongs, and never without a bound."""

from collections import Counter

import pytest
from nats.aio.client import Client

from adapters.nats.rejected_claims import RejectedClaim, RejectedClaims
from adapters.nats.rejection_history import RejectionHistory
from adapters.nats.streams import REJECTIONS_PER_JOB_MAX, create_streams
from domain.claim import ClaimRejected, ClaimRejection
from domain.ids import IslandId, JobId

ISLAND, JOB = IslandId("island-1"), JobId("job-1")


async def keep(client: Client, code: ClaimRejection, position: int, job_id: JobId | None = JOB) -> None:
    await RejectedClaims(client).keep(
        ClaimRejected(code, "why"),
        island_id=ISLAND,
        job_id=job_id,
        subject=f"host.{ISLAND}.status",
        stream="JOB_STATUS",
        position=position,
        at_ms=5,
    )


async def of_job(client: Client, job_id: JobId = JOB) -> list[RejectedClaim]:
    return await RejectionHistory(client).of_job(job_id, limit=100)


async def of_island(client: Client) -> list[RejectedClaim]:
    return await RejectionHistory(client).of_island(ISLAND, limit=1_000)


async def test_a_rejection_that_is_stored_again_is_kept_once(nats_client: Client) -> None:
    await create_streams(nats_client)
    for _ in range(2):
        await keep(nats_client, ClaimRejection.NOT_OWNER, 7)
    assert await of_job(nats_client) == [
        RejectedClaim(
            code="not_owner",
            detail="why",
            subject=f"host.{ISLAND}.status",
            claim_stream="JOB_STATUS",
            claim_position=7,
            received_at_ms=5,
        )
    ]


@pytest.mark.parametrize("code", list(ClaimRejection))
async def test_only_what_proves_that_a_job_exists_is_shown_with_it(
    nats_client: Client, code: ClaimRejection
) -> None:
    await create_streams(nats_client)
    await keep(nats_client, code, 7)
    proves = {"not_owner", "stale_attempt", "job_closed", "conflicting_chunk"}
    assert len(await of_job(nats_client)) == (code in proves)
    assert [claim.code for claim in await of_island(nats_client)] == [code]


async def test_an_island_that_makes_up_jobs_fills_one_ring(nats_client: Client) -> None:
    await create_streams(nats_client)
    for position in range(1, REJECTIONS_PER_JOB_MAX + 10):
        await keep(nats_client, ClaimRejection.UNKNOWN_JOB, position, JobId(f"made-up-{position}"))
    await keep(nats_client, ClaimRejection.BAD_JSON, 1_000, None)
    codes = Counter(claim.code for claim in await of_island(nats_client))
    assert codes == {"unknown_job": REJECTIONS_PER_JOB_MAX, "bad_json": 1}
