"""The webhooks of one account: where facts about its things are sent, which ones, and whether they are at the moment.

One aggregate per account, so that the bound on their number holds. Written over `/webhooks`; `api.webhook_queueing`
follows the events to know whom to tell, and pauses what cannot be told any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Final, assert_never

from domain.decider import Decider
from domain.ids import AccountId
from domain.personal import SecretField
from domain.rejection import Rejected, Rejection

WEBHOOKS_MAX: Final = 10  # Of one account; each is told of every fact it wants.


class PauseReason(StrEnum):
    """Why nothing is sent at the moment."""

    OWNER = "owner"  # The owner paused it; resume it when wanted.
    UNDELIVERABLE = "undeliverable"  # One delivery failed too often; mend the receiver, then resume.
    OVERFLOWED = "overflowed"  # Too many deliveries wait; mend the receiver or want fewer facts, then resume.


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAdded:
    """`events` are names of facts or whole categories of them; the receiver checks signatures with `secret`."""

    account_id: AccountId
    webhook_id: str
    url: str
    secret: Annotated[str, SecretField()]
    events: tuple[str, ...]
    added_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookChanged:
    account_id: AccountId
    webhook_id: str
    url: str
    events: tuple[str, ...]
    changed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPaused:
    """What happens from here on is sent after it is resumed."""

    account_id: AccountId
    webhook_id: str
    reason: PauseReason
    paused_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookResumed:
    account_id: AccountId
    webhook_id: str
    resumed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRemoved:
    account_id: AccountId
    webhook_id: str
    removed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSecretRotated:
    account_id: AccountId
    webhook_id: str
    secret: Annotated[str, SecretField()]
    rotated_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTested:
    """A fact made to be delivered: the webhook is told of it, whatever it wants."""

    account_id: AccountId
    webhook_id: str
    tested_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReplayed:
    """Everything from log position `from_position` on is sent once more."""

    account_id: AccountId
    webhook_id: str
    from_position: int
    replayed_at_ms: int


WebhookEvent = (
    WebhookAdded
    | WebhookChanged
    | WebhookPaused
    | WebhookResumed
    | WebhookRemoved
    | WebhookSecretRotated
    | WebhookTested
    | WebhookReplayed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddWebhook:
    account_id: AccountId
    webhook_id: str
    url: str
    secret: str
    events: tuple[str, ...]
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWebhook:
    """None leaves the field as it is."""

    webhook_id: str
    url: str | None
    events: tuple[str, ...] | None
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseWebhook:
    webhook_id: str
    reason: PauseReason
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeWebhook:
    webhook_id: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveWebhook:
    webhook_id: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateWebhookSecret:
    webhook_id: str
    secret: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTestDelivery:
    webhook_id: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayWebhook:
    webhook_id: str
    from_position: int
    now_ms: int


WebhookCommand = (
    AddWebhook
    | ChangeWebhook
    | PauseWebhook
    | ResumeWebhook
    | RemoveWebhook
    | RotateWebhookSecret
    | SendTestDelivery
    | ReplayWebhook
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """`paused` is the event that paused it; None while facts are sent."""

    account_id: AccountId
    webhook_id: str
    url: str
    secret: Annotated[str, SecretField()]
    events: tuple[str, ...]
    added_at_ms: int
    paused: WebhookPaused | None = None

    def wants(self, event_name: str) -> bool:
        """`job.succeeded` is wanted by name or as one of the category `job`."""
        return event_name in self.events or event_name.partition(".")[0] in self.events


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """By id, those that were not removed."""

    hooks: Mapping[str, Webhook] = field(default_factory=dict)


def decide(webhooks: Webhooks, command: WebhookCommand) -> list[WebhookEvent]:
    match command:
        case AddWebhook():
            return add(webhooks, command)
        case ChangeWebhook():
            return change(known(webhooks, command.webhook_id), command)
        case PauseWebhook():
            return pause(known(webhooks, command.webhook_id), command)
        case ResumeWebhook():
            return resume(known(webhooks, command.webhook_id), command)
        case RemoveWebhook():
            return remove(webhooks, command)
        case RotateWebhookSecret():
            return rotate(known(webhooks, command.webhook_id), command)
        case SendTestDelivery():
            return test(running(webhooks, command.webhook_id), command)
        case ReplayWebhook():
            return replay(running(webhooks, command.webhook_id), command)
        case _:
            assert_never(command)


def known(webhooks: Webhooks, webhook_id: str) -> Webhook:
    """Raises `Rejected` (webhook_unknown)."""
    hook = webhooks.hooks.get(webhook_id)
    if hook is None:
        raise Rejected(Rejection.WEBHOOK_UNKNOWN, f"no webhook {webhook_id} in this account")
    return hook


def running(webhooks: Webhooks, webhook_id: str) -> Webhook:
    """Raises `Rejected` (webhook_unknown, webhook_paused)."""
    hook = known(webhooks, webhook_id)
    if hook.paused is not None:
        raise Rejected(Rejection.WEBHOOK_PAUSED, f"webhook {webhook_id} is paused: resume it first")
    return hook


def add(webhooks: Webhooks, command: AddWebhook) -> list[WebhookEvent]:
    if command.webhook_id in webhooks.hooks:
        return []
    if len(webhooks.hooks) >= WEBHOOKS_MAX:
        raise Rejected(Rejection.WEBHOOKS_EXCEEDED, f"at most {WEBHOOKS_MAX} webhooks: remove one first")
    return [
        WebhookAdded(
            account_id=command.account_id,
            webhook_id=command.webhook_id,
            url=command.url,
            secret=command.secret,
            events=command.events,
            added_at_ms=command.now_ms,
        )
    ]


def change(hook: Webhook, command: ChangeWebhook) -> list[WebhookEvent]:
    url = hook.url if command.url is None else command.url
    events = hook.events if command.events is None else command.events
    if (url, events) == (hook.url, hook.events):
        return []
    return [
        WebhookChanged(
            account_id=hook.account_id,
            webhook_id=hook.webhook_id,
            url=url,
            events=events,
            changed_at_ms=command.now_ms,
        )
    ]


def pause(hook: Webhook, command: PauseWebhook) -> list[WebhookEvent]:
    if hook.paused is not None:
        return []
    return [
        WebhookPaused(
            account_id=hook.account_id,
            webhook_id=hook.webhook_id,
            reason=command.reason,
            paused_at_ms=command.now_ms,
        )
    ]


def resume(hook: Webhook, command: ResumeWebhook) -> list[WebhookEvent]:
    if hook.paused is None:
        return []
    return [
        WebhookResumed(account_id=hook.account_id, webhook_id=hook.webhook_id, resumed_at_ms=command.now_ms)
    ]


def remove(webhooks: Webhooks, command: RemoveWebhook) -> list[WebhookEvent]:
    hook = known(webhooks, command.webhook_id)
    return [
        WebhookRemoved(account_id=hook.account_id, webhook_id=hook.webhook_id, removed_at_ms=command.now_ms)
    ]


def rotate(hook: Webhook, command: RotateWebhookSecret) -> list[WebhookEvent]:
    return [
        WebhookSecretRotated(
            account_id=hook.account_id,
            webhook_id=hook.webhook_id,
            secret=command.secret,
            rotated_at_ms=command.now_ms,
        )
    ]


def test(hook: Webhook, command: SendTestDelivery) -> list[WebhookEvent]:
    return [
        WebhookTested(account_id=hook.account_id, webhook_id=hook.webhook_id, tested_at_ms=command.now_ms)
    ]


def replay(hook: Webhook, command: ReplayWebhook) -> list[WebhookEvent]:
    return [
        WebhookReplayed(
            account_id=hook.account_id,
            webhook_id=hook.webhook_id,
            from_position=command.from_position,
            replayed_at_ms=command.now_ms,
        )
    ]


def evolve(webhooks: Webhooks, event: WebhookEvent) -> Webhooks:
    """What is said of a webhook that is not there changes nothing."""
    if isinstance(event, WebhookAdded):
        return with_hook(webhooks, added(event))
    hook = webhooks.hooks.get(event.webhook_id)
    if hook is None:
        return webhooks
    match event:
        case WebhookChanged():
            return with_hook(webhooks, replace(hook, url=event.url, events=event.events))
        case WebhookPaused():
            return with_hook(webhooks, replace(hook, paused=event))
        case WebhookResumed():
            return with_hook(webhooks, replace(hook, paused=None))
        case WebhookRemoved():
            left = {name: one for name, one in webhooks.hooks.items() if name != event.webhook_id}
            return replace(webhooks, hooks=left)
        case WebhookSecretRotated():
            return with_hook(webhooks, replace(hook, secret=event.secret))
        case WebhookTested() | WebhookReplayed():
            return webhooks
        case _:
            assert_never(event)


def added(event: WebhookAdded) -> Webhook:
    return Webhook(
        account_id=event.account_id,
        webhook_id=event.webhook_id,
        url=event.url,
        secret=event.secret,
        events=event.events,
        added_at_ms=event.added_at_ms,
    )


def with_hook(webhooks: Webhooks, hook: Webhook) -> Webhooks:
    return replace(webhooks, hooks={**webhooks.hooks, hook.webhook_id: hook})


WEBHOOK: Final[Decider[WebhookCommand, Webhooks, WebhookEvent]] = Decider(
    "webhook", Webhooks(), decide, evolve
)
