"""Webhooks of one account: what was asked, given what happened, and what happens then."""

import pytest

from domain.rejection import Rejected, Rejection
from domain.webhook import (
    WEBHOOK,
    WEBHOOKS_MAX,
    ChangeWebhook,
    PauseReason,
    PauseWebhook,
    RemoveWebhook,
    ReplayWebhook,
    ResumeWebhook,
    SendTestDelivery,
    WebhookCommand,
    WebhookEvent,
    WebhookReplayed,
    WebhookTested,
)
from tests.examples import CUSTOMER, at_ms
from tests.webhook_examples import HOOK, URL, add, added, changed, paused, removed, resumed


def then(given: list[WebhookEvent], when: WebhookCommand) -> list[WebhookEvent]:
    return list(WEBHOOK.decide(WEBHOOK.fold(given), when))


def refusal(given: list[WebhookEvent], when: WebhookCommand) -> Rejection:
    with pytest.raises(Rejected) as rejected:
        then(given, when)
    return rejected.value.code


def test_a_webhook_is_added_once() -> None:
    assert then([], add()) == [added()]
    assert then([added()], add()) == []


def test_an_account_has_so_many_at_most_and_a_removed_one_makes_room() -> None:
    full: list[WebhookEvent] = [added(), *(added(f"hook-{number}") for number in range(WEBHOOKS_MAX - 1))]
    assert refusal(full, add("another")) is Rejection.WEBHOOKS_EXCEEDED
    assert len(then([*full, removed()], add("another"))) == 1


def test_what_is_left_out_of_a_change_stays_and_no_change_is_none() -> None:
    assert then([added()], ChangeWebhook(webhook_id=HOOK, url=None, events=("job",), now_ms=at_ms(1))) == [
        changed(URL, ("job",))
    ]
    assert then([added()], ChangeWebhook(webhook_id=HOOK, url=URL, events=None, now_ms=at_ms(1))) == []


def test_a_webhook_is_paused_and_resumed_once() -> None:
    pause = PauseWebhook(webhook_id=HOOK, reason=PauseReason.UNDELIVERABLE, now_ms=at_ms(2))
    assert then([added()], pause) == [paused(PauseReason.UNDELIVERABLE)]
    assert then([added(), paused()], pause) == []
    resume = ResumeWebhook(webhook_id=HOOK, now_ms=at_ms(3))
    assert then([added(), paused()], resume) == [resumed()]
    assert then([added()], resume) == []


def test_only_one_that_runs_is_tested_or_replayed() -> None:
    test = SendTestDelivery(webhook_id=HOOK, now_ms=at_ms(6))
    replay = ReplayWebhook(webhook_id=HOOK, from_position=7, now_ms=at_ms(7))
    assert then([added()], test) == [
        WebhookTested(account_id=CUSTOMER, webhook_id=HOOK, tested_at_ms=at_ms(6))
    ]
    assert isinstance(then([added()], replay)[0], WebhookReplayed)
    for command in (test, replay):
        assert refusal([added(), paused()], command) is Rejection.WEBHOOK_PAUSED


def test_what_was_removed_is_not_there() -> None:
    gone: list[WebhookEvent] = [added(), removed()]
    for command in (
        RemoveWebhook(webhook_id=HOOK, now_ms=at_ms(5)),
        ResumeWebhook(webhook_id=HOOK, now_ms=at_ms(5)),
        SendTestDelivery(webhook_id=HOOK, now_ms=at_ms(5)),
    ):
        assert refusal(gone, command) is Rejection.WEBHOOK_UNKNOWN


def test_a_name_or_its_whole_category_is_wanted() -> None:
    hook = WEBHOOK.fold([added()]).hooks[HOOK]
    assert hook.wants("job.succeeded")
    assert hook.wants("account.hold_settled")
    assert not hook.wants("account.opened")
    assert not hook.wants("jobs.other")
