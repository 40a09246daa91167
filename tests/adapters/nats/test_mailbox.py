"""What becomes of a claim that could not be handled: it comes again, or it is told of, and no other waits for it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable

import pytest
from nats.aio.client import Client

from adapters.nats import mailbox, subjects
from adapters.nats.mailbox import ClaimMailbox, new_broker
from adapters.nats.rejected_claims import RejectedClaims
from adapters.nats.streams import create_streams
from commands.event_log import Conflict, LogUnavailable
from domain.ids import IslandId

ISLAND = IslandId("island-1")
WITHIN_S = 10.0


class Troubled:
    """An intake that fails at each job's first claims with what was prepared for them. `taken` are those it took."""

    def __init__(self) -> None:
        self.faults: dict[str, list[Exception]] = {}
        self.taken: list[str] = []

    async def take(self, claim: object, **_: object) -> None:
        job_id: str = claim.job_id  # type: ignore[attr-defined]  # only claims about jobs are sent here
        if faults := self.faults.get(job_id):
            raise faults.pop(0)
        self.taken.append(job_id)


@pytest.fixture
async def intake(
    nats_client: Client, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Troubled]:
    monkeypatch.setattr(mailbox, "REDELIVERY_DELAY_S", 0.05)
    await create_streams(nats_client)
    broker, intake = new_broker(nats_url, "test"), Troubled()
    ClaimMailbox(broker, intake, RejectedClaims(nats_client))  # type: ignore[arg-type]  # only `take` is used
    await broker.start()
    yield intake
    await broker.stop()


async def claim(client: Client, job_id: str) -> None:
    body = {"job_id": job_id, "state": "started", "timestamp": 1}
    await client.jetstream().publish(subjects.status(ISLAND), json.dumps(body).encode())


async def comes_true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("fault", [Conflict("job.late"), LogUnavailable("loading"), TimeoutError()])
async def test_a_claim_that_could_not_be_recorded_now_comes_again(
    nats_client: Client, intake: Troubled, fault: Exception
) -> None:
    intake.faults["late"] = [fault]
    await claim(nats_client, "late")
    await comes_true(lambda: intake.taken == ["late"])


async def test_a_claim_that_breaks_the_intake_is_told_of_and_holds_up_no_other(
    nats_client: Client, intake: Troubled, caplog: pytest.LogCaptureFixture
) -> None:
    intake.faults["broken"] = [RuntimeError("a defect")]
    with caplog.at_level(logging.ERROR, logger=mailbox.__name__):
        await claim(nats_client, "broken")
        await claim(nats_client, "next")
        await comes_true(lambda: intake.taken == ["next"])
        await comes_true(lambda: bool(caplog.records))
    (told,) = caplog.records
    assert (told.message, told.levelname) == ("claim_broke", "ERROR")
    assert "a defect" in (caplog.text)
