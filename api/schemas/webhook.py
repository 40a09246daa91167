"""Answers about webhooks and what they were told."""

from typing import NotRequired

from typing_extensions import TypedDict

from adapters.postgres.webhook_deliveries import DeliveryState
from adapters.safe_http import Problem
from api.schemas.fields import Instant, Position
from api.schemas.forms import Message
from domain.webhook import PauseReason


class WebhookFacts(TypedDict):
    """A webhook without its secret."""

    id: str
    url: str
    events: list[str]
    active: bool
    paused_because: NotRequired[PauseReason]
    paused_at: NotRequired[Instant]
    created_at: Instant


class Webhook(WebhookFacts):
    """A webhook. `secret` is shown where it was just made, `waiting` where one webhook is asked for."""

    secret: NotRequired[str]
    waiting: NotRequired[int]
    data: WebhookFacts


class DeliveryFacts(TypedDict):
    """What a webhook was told or is to be told. `status` is the answer's; `problem` says why none came."""

    id: str
    event: str
    stream: str
    position: Position
    index: int
    state: DeliveryState
    attempts: int
    tried_at: NotRequired[Instant]
    next_at: NotRequired[Instant]
    status: NotRequired[int]
    problem: NotRequired[Problem]


class Delivery(DeliveryFacts):
    """A delivery and its form for SDKs."""

    data: DeliveryFacts


class WebhookRemoved(Message):
    """A webhook that is told nothing more."""

    id: str


class TestDelivery(TypedDict):
    """A delivery of `webhook.tested` that is on its way."""

    id: str
    delivery_id: str


class Replay(TypedDict):
    """Everything from that position on is told once more."""

    id: str
    from_position: Position
