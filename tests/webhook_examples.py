"""One example of everything that happens to a webhook. Shared by the tests of the codec and of the domain."""

from typing import Any, Final

from domain.webhook import (
    AddWebhook,
    PauseReason,
    WebhookAdded,
    WebhookChanged,
    WebhookPaused,
    WebhookRemoved,
    WebhookReplayed,
    WebhookResumed,
    WebhookSecretRotated,
    WebhookTested,
)
from tests.examples import CUSTOMER, T0_MS, at_ms

HOOK: Final = "hook-0000000001"
URL: Final = "https://receiver.example/facts"
SECRET: Final = "whsec_example"
EVENTS: Final = ("job", "account.hold_settled")


def add(webhook_id: str = HOOK, **fields: Any) -> AddWebhook:
    known: dict[str, Any] = {
        "account_id": CUSTOMER,
        "webhook_id": webhook_id,
        "url": URL,
        "secret": SECRET,
        "events": EVENTS,
        "now_ms": T0_MS,
    }
    return AddWebhook(**known | fields)


def added(webhook_id: str = HOOK) -> WebhookAdded:
    return WebhookAdded(
        account_id=CUSTOMER,
        webhook_id=webhook_id,
        url=URL,
        secret=SECRET,
        events=EVENTS,
        added_at_ms=T0_MS,
    )


def changed(url: str = URL, events: tuple[str, ...] = ("job",)) -> WebhookChanged:
    return WebhookChanged(
        account_id=CUSTOMER, webhook_id=HOOK, url=url, events=events, changed_at_ms=at_ms(1)
    )


def paused(reason: PauseReason = PauseReason.OWNER) -> WebhookPaused:
    return WebhookPaused(account_id=CUSTOMER, webhook_id=HOOK, reason=reason, paused_at_ms=at_ms(2))


def resumed() -> WebhookResumed:
    return WebhookResumed(account_id=CUSTOMER, webhook_id=HOOK, resumed_at_ms=at_ms(3))


def removed(webhook_id: str = HOOK) -> WebhookRemoved:
    return WebhookRemoved(account_id=CUSTOMER, webhook_id=webhook_id, removed_at_ms=at_ms(4))


WEBHOOKS: Final = (
    added(),
    changed(),
    paused(),
    resumed(),
    WebhookSecretRotated(
        account_id=CUSTOMER, webhook_id=HOOK, secret="whsec_another", rotated_at_ms=at_ms(5)
    ),
    WebhookTested(account_id=CUSTOMER, webhook_id=HOOK, tested_at_ms=at_ms(6)),
    WebhookReplayed(account_id=CUSTOMER, webhook_id=HOOK, from_position=7, replayed_at_ms=at_ms(7)),
    removed("hook-0000000002"),
)
