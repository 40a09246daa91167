"""The mailbox of claims: what islands said is checked, taken in, or kept with the reason why not.

Run by the coordinator; several coordinators share the claims between them. A claim is acknowledged after its fact is
recorded or its rejection kept; anything unexpected leaves it to be delivered again, a bounded number of times, after
which the server's advisory makes it visible as poison. An island that sends more than it may is dropped unseen, and
whatever else it does holds up itself only (`adapters.nats.lanes`).
Described in the AsyncAPI document by `adapters.nats.asyncapi`; why not FastStream's pulls: `adapters.nats.pulling`.
"""

import asyncio
import logging
from contextlib import aclosing, suppress
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

from adapters.claim_address import address_of
from adapters.claim_check import ClaimCheck
from adapters.claim_glance import job_named
from adapters.claim_quota import ClaimQuota
from adapters.nats import subjects
from adapters.nats.floods import Floods
from adapters.nats.lanes import Lane, Lanes
from adapters.nats.pulling import pulled
from adapters.nats.rejected_claims import RejectedClaims
from adapters.nats.replies import Unanswered, stored_at_ms
from adapters.nats.streams import DELIVERIES_MAX
from commands.event_log import Conflict, LogUnavailable, Origin
from commands.intake import Intake
from commands.senders import Senders
from domain.claim import ClaimRejected, ClaimRejection, parse_wire_id
from domain.ids import IslandId, JobId
from domain.rejection import Rejected

CLAIM_STREAMS: Final = (subjects.JOB_STATUS, subjects.HEARTBEATS)
PULL_BATCH: Final = 256
IN_HAND_MAX: Final = 1_000
"""Claims of all islands in one process; each is at most 96 KiB."""
REDELIVERY_DELAY_S: Final = 1.0
RETRY_S: Final = 0.25
LAST_CLAIMS_S: Final = 5.0
"""How long the claims in hand have when the mailbox closes; the rest are delivered again to somebody else."""
NOBODY: Final = IslandId("unknown")

log = logging.getLogger(__name__)


class ClaimMailbox:
    """`client` is connected as the coordinator. `run` once."""

    def __init__(self, client: Client, intake: Intake, senders: Senders, rejected: RejectedClaims) -> None:
        self._client = client
        self._intake = intake
        self._check = ClaimCheck(senders)
        self._rejected = rejected
        self._quotas = {stream: ClaimQuota() for stream in CLAIM_STREAMS}
        self._floods = Floods(rejected, self._penalize)
        self._lanes = Lanes()
        self._in_hand: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._has_room = asyncio.Event()

    async def run(self) -> None:
        """Takes claims until cancelled; then finishes those in hand."""
        try:
            async with asyncio.TaskGroup() as group:
                for stream in CLAIM_STREAMS:
                    group.create_task(self._run_stream(stream), name=f"claims-{stream}")
        finally:
            if self._in_hand:
                await asyncio.wait(self._in_hand.values(), timeout=LAST_CLAIMS_S)
            for task in self._in_hand.values():
                task.cancel()
            await self._floods.close()

    async def _run_stream(self, stream: str) -> None:
        while True:
            try:
                async with aclosing(
                    pulled(self._client, stream, subjects.INTAKE, batch_max=PULL_BATCH)
                ) as batches:
                    async for batch in batches:
                        for message in batch:
                            await self._accept(message)
            except (Unanswered, Error, TimeoutError) as fault:
                log.warning("claims_interrupted", extra={"stream": stream, "error": repr(fault)})
            await asyncio.sleep(RETRY_S)

    async def _accept(self, message: Msg) -> None:
        """Puts a claim into its island's lane, or drops it where the island sends too many."""
        delivery = message.metadata
        place = (delivery.stream, delivery.sequence.stream)
        if place in self._in_hand:
            return  # It waited so long that the server sent it again; the first copy will be acknowledged.
        island_id = speaker_of(message.subject)
        is_first = delivery.num_delivered == 1
        if is_first and not self._quotas[delivery.stream].take(island_id, stored_at_ms(message.reply)):
            await self._drop(island_id, message)
        elif self._lanes.is_full(island_id):
            await self._put_back(island_id, message)
        else:
            lane = self._lanes.enter(island_id)
            self._in_hand[place] = asyncio.create_task(self._work(place, lane, island_id, message))
            await self._until_room()

    async def _until_room(self) -> None:
        while len(self._in_hand) >= IN_HAND_MAX:
            self._has_room.clear()
            await self._has_room.wait()

    async def _drop(self, island_id: IslandId, message: Msg) -> None:
        delivery = message.metadata
        self._floods.count(
            island_id,
            subject=message.subject,
            stream=delivery.stream,
            position=delivery.sequence.stream,
            at_ms=stored_at_ms(message.reply),
        )
        await message.ack()

    async def _put_back(self, island_id: IslandId, message: Msg) -> None:
        """It comes again when the lane may have room; the last time it is dropped rather than lost without a word."""
        if message.metadata.num_delivered >= DELIVERIES_MAX:
            await self._drop(island_id, message)
        else:
            await message.nak(delay=REDELIVERY_DELAY_S)

    async def _work(self, place: tuple[str, int], lane: Lane, island_id: IslandId, message: Msg) -> None:
        try:
            # What an island says about itself names no job, so it keeps its order too.
            async with lane.working(job_named(message.data)):
                await self._take(island_id, message)
        except (Conflict, LogUnavailable, Unanswered, Error, TimeoutError) as fault:
            log.warning("claim_put_back", extra={"subject": message.subject, "error": repr(fault)})
            with suppress(Error):  # Without a connection nobody is told, and the claim comes again anyway.
                await message.nak(delay=REDELIVERY_DELAY_S)
        except Exception:
            # Nobody else would tell of it; the server delivers the claim again, a bounded number of times.
            log.exception("claim_broke", extra={"subject": message.subject})
        finally:
            del self._in_hand[place]
            self._lanes.leave(island_id)
            self._has_room.set()

    async def _take(self, island_id: IslandId, message: Msg) -> None:
        delivery = message.metadata
        command_id = f"claim.{delivery.stream}.{delivery.sequence.stream}"
        try:
            checked = await self._check.checked(
                address_of(message.subject),
                message.headers or {},
                message.data,
                is_redelivered=delivery.num_delivered > 1,
            )
            conflicting = await self._intake.take(
                checked.claim,
                grade=checked.grade,
                origin=Origin(command_id=command_id, actor=island_id),
                received_at_ms=stored_at_ms(message.reply),
            )
            for position in conflicting:
                await self._keep_chunk(position, island_id, message)
        except ClaimRejected as rejected:
            log.info("claim_rejected", extra={"subject": message.subject, "code": rejected.code})
            await self._keep(rejected, island_id, message)
        await message.ack()

    async def _keep(self, rejected: ClaimRejected, island_id: IslandId, message: Msg) -> None:
        delivery = message.metadata
        await self._rejected.keep(
            rejected,
            island_id=island_id,
            job_id=job_of(message.data),
            subject=message.subject,
            stream=delivery.stream,
            position=delivery.sequence.stream,
            at_ms=stored_at_ms(message.reply),
        )

    async def _keep_chunk(self, position: int, island_id: IslandId, claim: Msg) -> None:
        await self._rejected.keep(
            ClaimRejected(ClaimRejection.CONFLICTING_CHUNK, "chunk: differs from the copy that came first"),
            island_id=island_id,
            job_id=job_of(claim.data),
            subject=subjects.output(island_id),
            stream=subjects.JOB_OUTPUT,
            position=position,
            at_ms=stored_at_ms(claim.reply),
        )

    async def _penalize(self, island_id: IslandId, flood_id: str, messages_per_s: int, now_ms: int) -> None:
        try:
            await self._intake.take_flood(island_id, flood_id, messages_per_s=messages_per_s, now_ms=now_ms)
        except Rejected as rejected:
            log.info("flood_not_penalized", extra={"island_id": island_id, "answer": str(rejected)})


def speaker_of(subject: str) -> IslandId:
    """Whose lane and quota a claim takes; the check tells a bad subject."""
    try:
        return address_of(subject).island_id
    except ClaimRejected:
        return NOBODY


def job_of(body: bytes) -> JobId | None:
    """The job whose attempt a body names."""
    try:
        return parse_wire_id(job_named(body))[0]
    except ClaimRejected:
        return None
