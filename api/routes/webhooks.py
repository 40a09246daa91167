"""Webhooks: addresses of one's own that are told of one's own facts, and what they were told."""

import secrets
from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from adapters import clock
from adapters.codec import EVENTS
from adapters.safe_http import URL_CHARACTERS_MAX, NotSent
from api.answers import answer, list_answer
from api.authorization import Reader, Writer
from api.edge import Edge, EdgeState, origin_of
from api.errors import invalid, not_found
from api.key_ring import Caller
from api.request_fields import POSITION_MAX, Limit, Offset, RequestId
from api.schemas.forms import page_of, with_data
from api.schemas.webhook import Delivery, Replay, TestDelivery, WebhookRemoved
from api.schemas.webhook import Webhook as WebhookForm
from api.shapes.webhook import delivery_shape, webhook_shape
from api.strict_json import StrictRoute
from commands.handle import Handled
from domain.ids import AccountId
from domain.webhook import (
    WEBHOOK,
    AddWebhook,
    ChangeWebhook,
    PauseReason,
    PauseWebhook,
    RemoveWebhook,
    ReplayWebhook,
    ResumeWebhook,
    RotateWebhookSecret,
    SendTestDelivery,
    Webhook,
    WebhookCommand,
    WebhookEvent,
    Webhooks,
)

router = APIRouter(prefix="/webhooks", tags=["webhooks"], route_class=StrictRoute)

SECRET_BYTES: Final = 32
CATEGORIES: Final = frozenset(name.partition(".")[0] for name in EVENTS)
WANTED_MAX: Final = 50


def known_event(name: str) -> str:
    if name not in EVENTS and name not in CATEGORIES:
        raise ValueError(
            "must be an event of docs/events.md, as job.succeeded, or a category of them, as job"
        )
    return name


Url = Annotated[str, StringConstraints(min_length=1, max_length=URL_CHARACTERS_MAX)]
Wanted = Annotated[
    list[Annotated[str, StringConstraints(max_length=64), AfterValidator(known_event)]],
    Field(min_length=1, max_length=WANTED_MAX),
]
PathWebhook = Annotated[str, Path(max_length=36)]


class WebhookRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: Url
    events: Wanted = ["job"]


class WebhookChange(BaseModel):
    """What is left out stays. `active` pauses and resumes."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    events: Wanted | None = None
    active: bool | None = None


class ReplayRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    from_position: Annotated[int, Field(ge=1, le=POSITION_MAX)]


@router.post("", status_code=201, response_model=WebhookForm)
async def add_webhook(request: WebhookRequest, caller: Writer, edge: Edge, request_id: RequestId) -> Response:
    """Add a webhook. Its secret, with which deliveries are signed, is shown now and never again."""
    await check_url(edge, request.url)
    secret = new_secret()
    webhook_id = clock.new_id()
    command = AddWebhook(
        account_id=caller.account_id,
        webhook_id=webhook_id,
        url=request.url,
        secret=secret,
        events=tuple(dict.fromkeys(request.events)),
        now_ms=clock.now_ms(),
    )
    handled = await carry_out(edge, caller, command, request_id)
    shape = {**webhook_shape(handled.state.hooks[webhook_id]), "secret": secret}
    return answer(shape, status=201, position=handled.position)


@router.get("", response_model=page_of("webhooks", WebhookForm))
async def list_webhooks(caller: Reader, edge: Edge) -> Response:
    """List the account's webhooks, oldest first."""
    rows = [webhook_shape(hook) for hook in (await webhooks_of(edge, caller)).hooks.values()]
    return list_answer("webhooks", rows, total=len(rows), limit=len(rows), offset=0)


@router.get("/{webhook_id}", response_model=WebhookForm)
async def get_webhook(webhook_id: PathWebhook, caller: Reader, edge: Edge) -> Response:
    """Get one webhook."""
    hook = await owned(edge, caller, webhook_id)
    waiting = await edge.services.deliveries.waiting(webhook_id)
    return answer({**webhook_shape(hook), "waiting": waiting})


@router.patch("/{webhook_id}", response_model=WebhookForm)
async def change_webhook(
    webhook_id: PathWebhook, request: WebhookChange, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Change where it is told and of what, pause it, resume it. What happens meanwhile is told after it is resumed."""
    await owned(edge, caller, webhook_id)
    now_ms = clock.now_ms()
    commands: list[WebhookCommand] = []
    if request.url is not None or request.events is not None:
        if request.url is not None:
            await check_url(edge, request.url)
        events = None if request.events is None else tuple(dict.fromkeys(request.events))
        commands.append(ChangeWebhook(webhook_id=webhook_id, url=request.url, events=events, now_ms=now_ms))
    if request.active is True:
        commands.append(ResumeWebhook(webhook_id=webhook_id, now_ms=now_ms))
    elif request.active is False:
        commands.append(PauseWebhook(webhook_id=webhook_id, reason=PauseReason.OWNER, now_ms=now_ms))
    position = None
    for command in commands:
        position = (await carry_out(edge, caller, command, request_id)).position
    return answer(webhook_shape(await owned(edge, caller, webhook_id)), position=position)


@router.delete("/{webhook_id}", response_model=WebhookRemoved)
async def remove_webhook(
    webhook_id: PathWebhook, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Remove a webhook; what waits for it is never sent."""
    await owned(edge, caller, webhook_id)
    command = RemoveWebhook(webhook_id=webhook_id, now_ms=clock.now_ms())
    handled = await carry_out(edge, caller, command, request_id)
    return answer({"message": "the webhook is removed", "id": webhook_id}, position=handled.position)


@router.post("/{webhook_id}/secret", response_model=WebhookForm)
async def rotate_secret(
    webhook_id: PathWebhook, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Make another secret; deliveries are signed with it from now on. It is shown this once."""
    await owned(edge, caller, webhook_id)
    secret = new_secret()
    command = RotateWebhookSecret(webhook_id=webhook_id, secret=secret, now_ms=clock.now_ms())
    handled = await carry_out(edge, caller, command, request_id)
    hook = handled.state.hooks[webhook_id]
    return answer({**webhook_shape(hook), "secret": secret}, position=handled.position)


@router.post("/{webhook_id}/test", response_model=with_data(TestDelivery))
async def test_webhook(
    webhook_id: PathWebhook, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Send a delivery of the event `webhook.tested`, whatever it wants."""
    await owned(edge, caller, webhook_id)
    command = SendTestDelivery(webhook_id=webhook_id, now_ms=clock.now_ms())
    handled = await carry_out(edge, caller, command, request_id)
    shape = {"id": webhook_id, "delivery_id": f"{webhook_id}.{handled.position}.0"}
    return answer({**shape, "data": shape}, position=handled.position)


@router.post("/{webhook_id}/replay", response_model=with_data(Replay))
async def replay_webhook(
    webhook_id: PathWebhook, request: ReplayRequest, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Send once more what it was to be told from that position of the log on, at most 10 000 facts."""
    await owned(edge, caller, webhook_id)
    command = ReplayWebhook(webhook_id=webhook_id, from_position=request.from_position, now_ms=clock.now_ms())
    handled = await carry_out(edge, caller, command, request_id)
    shape = {"id": webhook_id, "from_position": request.from_position}
    return answer({**shape, "data": shape}, position=handled.position)


@router.get("/{webhook_id}/deliveries", response_model=page_of("deliveries", Delivery))
async def list_deliveries(
    webhook_id: PathWebhook, caller: Reader, edge: Edge, limit: Limit = 20, offset: Offset = 0
) -> Response:
    """List what it was told and is still to be told, newest first; the last 1 000 that ended are kept."""
    await owned(edge, caller, webhook_id)
    rows, total = await edge.services.deliveries.page(webhook_id, limit, offset)
    shapes = [delivery_shape(one) for one in rows]
    return list_answer("deliveries", shapes, total=total, limit=limit, offset=offset)


def new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(SECRET_BYTES)}"


async def check_url(edge: EdgeState, url: str) -> None:
    """Raises `ApiError` (invalid)."""
    try:
        await edge.services.safe_http.check(url)
    except NotSent as fault:
        raise invalid("url", RULES[fault.problem]) from fault


RULES: Final[dict[str, str]] = {
    "no_url": "must be an address as https://name/path, of at most 1000 plain characters",
    "not_https": "must begin with https://",
    "port_refused": "must use port 443, or one from 1024 on",
    "name_unknown": "names nothing that can be found",
    "address_refused": "must lead to the public internet",
    "timed_out": "could not be looked up in time",
}


async def webhooks_of(edge: EdgeState, caller: Caller) -> Webhooks:
    return await edge.services.handler.state(WEBHOOK, caller.account_id)


async def owned(edge: EdgeState, caller: Caller, webhook_id: str) -> Webhook:
    """Raises `ApiError` (not_found)."""
    hook = (await webhooks_of(edge, caller)).hooks.get(webhook_id)
    if hook is None:
        raise not_found(f"webhook {webhook_id}")
    return hook


async def carry_out(
    edge: EdgeState, caller: Caller, command: WebhookCommand, request_id: str
) -> Handled[Webhooks, WebhookEvent]:
    """Raises `Rejected`."""
    account_id: AccountId = caller.account_id
    return await edge.services.handler.handle(
        WEBHOOK, account_id, command, origin=origin_of(caller, request_id)
    )
