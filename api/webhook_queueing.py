"""Which webhook is to be told of which fact: follows the log and puts deliveries into the queue.

Run by `api.coordinator` on the one that leads. It goes on from its own position, and what it queues twice is there
once, so a crash loses nothing. An account is told of its own facts, those that a WebSocket of it would show.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from adapters import clock
from adapters.codec import NAMES
from adapters.postgres.process_store import ProcessStore
from adapters.postgres.webhook_deliveries import Delivery, DeliveryState, WebhookDeliveries
from api.fact_feed import category_of
from api.fact_owners import FactOwners
from api.services import Services
from commands.event_log import Commit, LogUnavailable, Origin
from domain.check_events import VerdictReached
from domain.ids import AccountId
from domain.webhook import (
    WEBHOOK,
    PauseReason,
    PauseWebhook,
    Webhook,
    WebhookEvent,
    WebhookPaused,
    WebhookRemoved,
    WebhookReplayed,
    WebhookResumed,
    Webhooks,
    WebhookTested,
    evolve,
)
from projections.progress import ALL

PROCESS: Final = "webhooks"
GATHERING_S: Final = 0.1
SEEN_WITHIN_S: Final = 30.0
WAITING_MAX: Final = 10_000
"""Deliveries of one webhook that may wait; then it is paused, and its owner resumes and replays."""
REPLAYED_MAX: Final = 10_000


class WebhookQueueing:
    def __init__(self, services: Services, deliveries: WebhookDeliveries, store: ProcessStore) -> None:
        self._services = services
        self._deliveries = deliveries
        self._store = store
        self._owners = FactOwners(services.reads)
        self._webhooks: dict[AccountId, Webhooks] = {}

    async def run(self) -> None:
        """Follows the log until cancelled. Raises what log and database raise."""
        position = await self._store.position(PROCESS)
        await self._know_webhooks(position)
        async for commits in self._services.tail.follow(position, gathering_s=GATHERING_S):
            await self.take(commits)
            await self._store.save_position(PROCESS, old=position, new=commits[-1].position)
            position = commits[-1].position

    async def take(self, commits: Sequence[Commit]) -> None:
        """Queues what these commits are to be told of, and does what they say of webhooks."""
        if self._webhooks and not await self._services.progress.wait(
            ALL, commits[-1].position, timeout_s=SEEN_WITHIN_S
        ):
            raise LogUnavailable("the read side has not reached the facts to be told")
        for commit in commits:
            if category_of(commit) == WEBHOOK.category:
                await self._take_webhook(commit)
            await self._deliveries.queue([one async for one in self._wanted(commit)])

    async def _know_webhooks(self, position: int) -> None:
        past = self._services.past.read_category(WEBHOOK.category, after=0, up_to=position)
        async for commits in past:
            for commit in commits:
                for event in commit.events:
                    self._fold(event)

    def _fold(self, event: WebhookEvent) -> None:
        known = evolve(self._webhooks.get(event.account_id, Webhooks()), event)
        self._webhooks[event.account_id] = known
        if not known.hooks:
            del self._webhooks[event.account_id]

    async def _take_webhook(self, commit: Commit) -> None:
        for event in commit.events:
            self._fold(event)
            match event:
                case WebhookPaused():
                    await self._deliveries.hold(event.webhook_id)
                case WebhookResumed():
                    await self._deliveries.release(event.webhook_id)
                case WebhookRemoved():
                    await self._deliveries.remove(event.webhook_id)
                case WebhookReplayed():
                    await self._replay(event, commit.position)
                case _:
                    pass

    async def _wanted(self, commit: Commit) -> AsyncIterator[Delivery]:
        if not self._webhooks:
            return
        owner = await self._owners.of(commit)
        webhooks = None if owner is None else self._webhooks.get(owner)
        for hook in () if webhooks is None else webhooks.hooks.values():
            wanted = [
                delivery_of(hook, commit, index)
                for index, event in enumerate(commit.events)
                if is_told(hook, commit, event)
            ]
            if wanted and await self._deliveries.waiting(hook.webhook_id) + len(wanted) > WAITING_MAX:
                await self._overflow(hook)
                continue
            for one in wanted:
                yield one

    async def _replay(self, event: WebhookReplayed, position: int) -> None:
        """Queues once more what was to be told from that position on, up to the replay itself."""
        hook = self._webhooks[event.account_id].hooks[event.webhook_id]
        found: list[Delivery] = []
        async for commits in self._services.log.read(after=event.from_position - 1, up_to=position - 1):
            for commit in commits:
                if await self._owners.of(commit) == event.account_id:
                    found += [
                        delivery_of(hook, commit, index, replay=position)
                        for index, fact in enumerate(commit.events)
                        if is_told(hook, commit, fact)
                    ]
            if len(found) >= REPLAYED_MAX:
                break
        await self._deliveries.queue(found[:REPLAYED_MAX])

    async def _overflow(self, hook: Webhook) -> None:
        if hook.paused is None:
            pause = PauseWebhook(
                webhook_id=hook.webhook_id, reason=PauseReason.OVERFLOWED, now_ms=clock.now_ms()
            )
            origin = Origin(command_id=clock.new_id(), actor=PROCESS)
            await self._services.handler.handle(WEBHOOK, hook.account_id, pause, origin=origin)


def is_told(hook: Webhook, commit: Commit, event: object) -> bool:
    """A test is told to the webhook it tests, whatever that wants. Of a check nothing is told before its verdict."""
    if isinstance(event, WebhookTested):
        return event.webhook_id == hook.webhook_id
    if category_of(commit) == "check" and not isinstance(event, VerdictReached):
        return False
    return hook.wants(NAMES[type(event)])


def delivery_of(hook: Webhook, commit: Commit, index: int, *, replay: int = 0) -> Delivery:
    return Delivery(
        webhook_id=hook.webhook_id,
        position=commit.position,
        index=index,
        replay=replay,
        account_id=hook.account_id,
        event=NAMES[type(commit.events[index])],
        stream=commit.stream,
        state=DeliveryState.HELD if hook.paused else DeliveryState.WAITING,
    )
