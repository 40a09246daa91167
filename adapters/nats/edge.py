"""The edge service: answers islands' pings and requests for a pairing code, and hears from the registrar of floods.

Run by the coordinator as one of its workers, side by side with other coordinators' (a queue group). Who asks is the
token that the server stamped into the subject, never the body. It decides nothing: an `IslandDesk` does. It never
raises because of what it is sent, holds a bounded number of questions, and one island has one of each kind at a time;
what is more is not answered, and whoever asked asks again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from adapters.nats import subjects
from adapters.wire import PairingAnswer, encode
from domain.ids import IslandId

QUEUE: Final = "edge"
ANSWER_S: Final = 1.5  # The server lets an answer pass for two seconds.
QUESTIONS_MAX: Final = 64
WAITING_MESSAGES_MAX: Final = 4096
UNANSWERED: Final = PairingAnswer(success=False, error="the coordinator cannot say now; ask again")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """What the registrar's guard saw. `flood_id` makes hearing of it twice harmless."""

    island_id: IslandId
    flood_id: str
    messages_per_s: int


class IslandDesk(Protocol):
    """Who decides what is answered. May raise anything."""

    async def pairing(self, island_id: IslandId) -> PairingAnswer: ...

    async def penalize(self, flood: Flood) -> None: ...


class FloodReport(msgspec.Struct, kw_only=True):
    """The body of `registrar.floods.{island_id}`."""

    flood_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    messages_per_s: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]


class FloodAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    success: bool
    error: str | None = None


class EdgeService:
    def __init__(self, client: Client, desk: IslandDesk) -> None:
        """`client` is connected as `edge`."""
        self._client = client
        self._desk = desk

    async def run(self) -> None:
        """Answers until cancelled; questions in hand are then dropped."""
        async with asyncio.TaskGroup() as group:
            subscriptions = [
                await self._hear("host.*.ping", self._pong),
                await self._hear(f"{subjects.PAIRING}.*", self._each(group, self._pairing, token=3)),
                await self._hear("registrar.floods.*", self._each(group, self._flood, token=2)),
            ]
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                for subscription in subscriptions:
                    with contextlib.suppress(NatsError):
                        await subscription.unsubscribe()

    async def _hear(self, subject: str, take: Callable[[Msg], Awaitable[None]]) -> Subscription:
        return await self._client.subscribe(
            subject, queue=QUEUE, cb=take, pending_msgs_limit=WAITING_MESSAGES_MAX
        )

    async def _pong(self, message: Msg) -> None:
        await respond(message, b"pong")

    def _each(
        self,
        group: asyncio.TaskGroup,
        answer: Callable[[IslandId, bytes], Coroutine[Any, Any, bytes]],
        *,
        token: int,
    ) -> Callable[[Msg], Awaitable[None]]:
        """Takes questions of one kind and answers each in a task; `token` is the place of the island's id."""
        asked: set[IslandId] = set()

        async def work(island_id: IslandId, message: Msg) -> None:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await respond(message, await answer(island_id, message.data))
            except Exception as fault:  # noqa: BLE001 - whatever one question leads to, the next is answered
                log.warning("edge_question_failed", extra={"subject": message.subject, "error": repr(fault)})
            finally:
                asked.discard(island_id)

        async def take(message: Msg) -> None:
            island_id = IslandId(message.subject.split(".")[token])
            if island_id not in asked and len(asked) < QUESTIONS_MAX:
                asked.add(island_id)
                group.create_task(work(island_id, message))

        return take

    async def _pairing(self, island_id: IslandId, _: bytes) -> bytes:
        try:
            answer = await self._desk.pairing(island_id)
        except Exception as fault:  # noqa: BLE001 - an island that is told to ask again can do no better
            log.warning("pairing_unanswered", extra={"island_id": island_id, "error": repr(fault)})
            answer = UNANSWERED
        return encode(answer)

    async def _flood(self, island_id: IslandId, body: bytes) -> bytes:
        try:
            report = msgspec.json.decode(body, type=FloodReport)
        except (msgspec.DecodeError, RecursionError) as fault:
            return encode(FloodAnswer(success=False, error=f"body: {fault}"))
        await self._desk.penalize(
            Flood(island_id=island_id, flood_id=report.flood_id, messages_per_s=report.messages_per_s)
        )
        return encode(FloodAnswer(success=True))


async def respond(message: Msg, body: bytes) -> None:
    if message.reply:
        await message.respond(body)
