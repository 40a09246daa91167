"""Tells webhooks what waits for them: signed, at least once, in order for each thing, again and again until it arrives.

Run by `api.coordinator` on the one that leads. A delivery that fails holds back later ones about the same job or other
thing, of the same webhook, and nothing else. What fails too often pauses the webhook; its owner sees why.
"""

import asyncio
import hashlib
import logging
from typing import Final

import msgspec

from adapters import clock
from adapters.postgres.webhook_deliveries import Delivery, DeliveryState, WebhookDeliveries
from adapters.safe_http import NotSent, SafeHttp
from adapters.webhook_signature import DELIVERY, SIGNATURE, signature_of
from api.services import Services
from api.shapes.fact import fact_shape
from api.shapes.present import instant
from commands.event_log import Origin
from domain.ids import AccountId
from domain.rejection import Rejected
from domain.webhook import WEBHOOK, PauseReason, PauseWebhook, Webhook

AT_ONCE: Final = 8
TAKEN_MAX: Final = 64
LOOK_S: Final = 0.25
PRUNE_S: Final = 60.0
ATTEMPTS_MAX: Final = 12
FIRST_PAUSE_S: Final = 15
PAUSE_S_MAX: Final = 6 * 3600
"""Twelve attempts with these pauses take about a day."""

log = logging.getLogger(__name__)


class WebhookSending:
    def __init__(self, services: Services, deliveries: WebhookDeliveries, http: SafeHttp) -> None:
        self._services = services
        self._deliveries = deliveries
        self._http = http
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Works off the queue until cancelled. Raises what log and database raise."""
        pruned_s = 0.0
        loop = asyncio.get_running_loop()
        while True:
            if not await self.send_due(clock.now_ms()):
                await asyncio.sleep(LOOK_S)
            if loop.time() - pruned_s >= PRUNE_S:
                await self._deliveries.prune()
                pruned_s = loop.time()

    async def send_due(self, now_ms: int) -> int:
        """Sends what is due at that time; how many it were."""
        due = await self._deliveries.due(now_ms, TAKEN_MAX)
        async with asyncio.TaskGroup() as group:
            for one in due:
                group.create_task(self._send(one))
        return len(due)

    async def _send(self, one: Delivery) -> None:
        async with self._at_once:
            hook = await self._hook(one)
            if hook is None:
                await self._deliveries.remove(one.webhook_id)
                return
            if hook.paused is not None:
                await self._deliveries.hold(one.webhook_id)
                return
            try:
                status = await self._post(hook, one)
            except NotSent as fault:
                await self._failed(one, status=None, problem=fault.problem)
                return
            if 200 <= status < 300:
                now_ms = clock.now_ms()
                await self._deliveries.tried(one, DeliveryState.DELIVERED, now_ms=now_ms, status=status)
            else:
                await self._failed(one, status=status, problem=None)

    async def _hook(self, one: Delivery) -> Webhook | None:
        webhooks = await self._services.handler.state(WEBHOOK, one.account_id)
        hook = webhooks.hooks.get(one.webhook_id)
        if hook is None:
            return None
        [readable] = await self._services.cipher.revealed([hook])
        return readable

    async def _post(self, hook: Webhook, one: Delivery) -> int:
        """Raises `NotSent`."""
        body = await self._body(one)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Archipelago-Webhook/1",
            DELIVERY: one.delivery_id,
            SIGNATURE: signature_of(hook.secret, body, at_s=clock.now_ms() // 1000),
        }
        return await self._http.post(hook.url, body, headers)

    async def _body(self, one: Delivery) -> bytes:
        """The fact from the log, with what may be read of it now."""
        async for commits in self._services.log.read(after=one.position - 1, up_to=one.position):
            for commit in commits:
                fact = fact_shape(commit.events[one.index])
                return msgspec.json.encode(
                    {
                        "id": one.delivery_id,
                        "type": fact["event"],
                        "stream": commit.stream,
                        "position": one.position,
                        "index": one.index,
                        "at": instant(commit.recorded_at_ms),
                        "data": fact["data"],
                    }
                )
        raise LookupError(one.position)

    async def _failed(self, one: Delivery, *, status: int | None, problem: str | None) -> None:
        now_ms = clock.now_ms()
        attempt = one.attempts + 1
        is_over = attempt >= ATTEMPTS_MAX
        await self._deliveries.tried(
            one,
            DeliveryState.GIVEN_UP if is_over else DeliveryState.WAITING,
            now_ms=now_ms,
            next_at_ms=now_ms + pause_ms(one.delivery_id, attempt),
            status=status,
            problem=problem,
        )
        log.info("webhook_failed", extra={"webhook": one.webhook_id, "attempt": attempt, "status": status})
        if is_over:
            await self._pause(one, now_ms)

    async def _pause(self, one: Delivery, now_ms: int) -> None:
        command = PauseWebhook(webhook_id=one.webhook_id, reason=PauseReason.UNDELIVERABLE, now_ms=now_ms)
        origin = Origin(command_id=clock.new_id(), actor="webhooks")
        try:
            await self._services.handler.handle(WEBHOOK, AccountId(one.account_id), command, origin=origin)
        except Rejected as rejected:
            log.info("webhook_gone", extra={"webhook": one.webhook_id, "code": rejected.code})


def pause_ms(delivery_id: str, attempt: int) -> int:
    """Twice as long each time, up to six hours, and up to a fifth more: receivers that came back are not all told at
    once. The same for the same delivery and attempt.
    """
    pause_s = min(FIRST_PAUSE_S * 2 ** (attempt - 1), PAUSE_S_MAX)
    draw = hashlib.sha256(f"{delivery_id} {attempt}".encode()).digest()[0] / 255
    return int(pause_s * 1000 * (1 + draw / 5))
