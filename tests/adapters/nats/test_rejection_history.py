"""What the API reads back of claims that did not count, with the rights it has, over a real server."""

import json
from collections.abc import AsyncIterator
from typing import Final

import pytest
from nats.aio.client import Client

from adapters.nats import rejection_history, subjects
from adapters.nats.accounts.roles import Role
from adapters.nats.rejected_claims import RejectedClaims
from adapters.nats.rejection_history import POISON, RejectionHistory
from adapters.nats.streams import create_streams
from domain.claim import ClaimRejected, ClaimRejection
from domain.ids import IslandId, JobId
from tests.fabric import Fabric

ISLAND, OTHER = IslandId("island-1"), IslandId("island-2")
JOB, OTHER_JOB = JobId("job-1"), JobId("job-2")
AT_MS: Final = 1_800_000_000_000


class Kept:
    """Rejections, written as the coordinator writes them. Each is at the next second and the next position."""

    def __init__(self, client: Client, nats_client: Client) -> None:
        self._claims = RejectedClaims(client)
        self._nats = nats_client
        self._written = 0

    async def write(
        self, code: ClaimRejection, island_id: IslandId = ISLAND, job_id: JobId | None = None
    ) -> None:
        self._written += 1
        await self._claims.keep(
            ClaimRejected(code, "a reason"),
            island_id=island_id,
            job_id=job_id,
            subject=subjects.status(island_id),
            stream=subjects.JOB_STATUS,
            position=self._written,
            at_ms=AT_MS + 1000 * self._written,
        )

    async def give_up(self, position: int, timestamp: str) -> None:
        """As the server does after the last delivery."""
        told = {
            "stream": subjects.JOB_STATUS,
            "consumer": subjects.INTAKE,
            "stream_seq": position,
            "deliveries": 8,
            "timestamp": timestamp,
        }
        subject = f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{subjects.JOB_STATUS}.{subjects.INTAKE}"
        await self._nats.jetstream().publish(subject, json.dumps(told).encode())


@pytest.fixture
async def kept(fabric: Fabric, nats_client: Client) -> AsyncIterator[Kept]:
    await create_streams(nats_client)
    async with fabric.connected(Role.COORDINATOR) as client:
        yield Kept(client, nats_client)


@pytest.fixture
async def history(fabric: Fabric) -> AsyncIterator[RejectionHistory]:
    async with fabric.connected(Role.API) as client:
        yield RejectionHistory(client)


async def test_where_nothing_was_rejected_nothing_is_found(kept: Kept, history: RejectionHistory) -> None:
    assert await history.of_job(JOB, limit=10) == []
    assert await history.of_island(ISLAND, limit=10) == []
    assert await history.newest(limit=10) == []


async def test_a_job_s_rejections_come_oldest_first(kept: Kept, history: RejectionHistory) -> None:
    await kept.write(ClaimRejection.STALE_ATTEMPT, job_id=JOB)
    await kept.write(ClaimRejection.NOT_OWNER, OTHER, job_id=JOB)
    await kept.write(ClaimRejection.NOT_OWNER, job_id=OTHER_JOB)
    found = await history.of_job(JOB, limit=10)
    assert [claim.code for claim in found] == ["stale_attempt", "not_owner"]
    assert (found[0].detail, found[0].claim_position) == ("a reason", 1)


async def test_an_island_s_rejections_come_newest_first_whatever_they_are_about(
    kept: Kept, history: RejectionHistory
) -> None:
    await kept.write(ClaimRejection.BAD_JSON)
    await kept.write(ClaimRejection.BAD_JSON, OTHER)
    await kept.write(ClaimRejection.STALE_ATTEMPT, job_id=JOB)
    found = await history.of_island(ISLAND, limit=10)
    assert [claim.code for claim in found] == ["stale_attempt", "bad_json"]


async def test_of_many_the_newest_are_shown(kept: Kept, history: RejectionHistory) -> None:
    for _ in range(5):
        await kept.write(ClaimRejection.NOT_OWNER, job_id=JOB)
    assert [claim.claim_position for claim in await history.of_island(ISLAND, limit=2)] == [5, 4]
    assert [claim.claim_position for claim in await history.newest(limit=2)] == [5, 4]
    assert [claim.claim_position for claim in await history.of_job(JOB, limit=2)] == [4, 5]


async def test_a_question_reads_no_further_back_than_its_bound(
    kept: Kept, history: RejectionHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejection_history, "LOOK_BACK_MAX", 2)
    for _ in range(5):
        await kept.write(ClaimRejection.BAD_JSON)
    assert [claim.claim_position for claim in await history.of_island(ISLAND, limit=10)] == [5, 4, 3]


async def test_poison_is_listed_among_the_rest_by_its_time(kept: Kept, history: RejectionHistory) -> None:
    await kept.write(ClaimRejection.BAD_JSON)
    await kept.write(ClaimRejection.BAD_JSON, OTHER)
    await kept.give_up(77, "2027-01-15T08:00:01.5Z")  # Between the two.
    found = await history.newest(limit=10)
    assert [(claim.code, claim.claim_position) for claim in found] == [
        ("bad_json", 2),
        (POISON, 77),
        ("bad_json", 1),
    ]
    assert (found[1].claim_stream, found[1].detail) == ("JOB_STATUS", "given up after 8 deliveries")
    assert [claim.code for claim in await history.of_island(ISLAND, limit=10)] == ["bad_json"]


async def test_a_name_that_is_no_subject_token_finds_nobody_else_s(
    kept: Kept, history: RejectionHistory
) -> None:
    await kept.write(ClaimRejection.STALE_ATTEMPT, job_id=JOB)
    assert await history.of_job(JobId("*"), limit=10) == []
    assert await history.of_island(IslandId("*"), limit=10) == []
