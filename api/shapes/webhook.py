"""A webhook and its deliveries as their owner reads them. The secret is shown once, by the route that made it."""

from typing import Any

from adapters.postgres.webhook_deliveries import Delivery
from api.shapes.present import instant, maybe_instant, present
from domain.webhook import Webhook


def webhook_shape(hook: Webhook) -> dict[str, Any]:
    shape = {
        "id": hook.webhook_id,
        "url": hook.url,
        "events": list(hook.events),
        "active": hook.paused is None,
        "paused_because": hook.paused.reason if hook.paused else None,
        "paused_at": instant(hook.paused.paused_at_ms) if hook.paused else None,
        "created_at": instant(hook.added_at_ms),
    }
    return present({**shape, "data": present(shape)})


def delivery_shape(one: Delivery) -> dict[str, Any]:
    shape = {
        "id": one.delivery_id,
        "event": one.event,
        "stream": one.stream,
        "position": one.position,
        "index": one.index,
        "state": one.state,
        "attempts": one.attempts,
        "tried_at": maybe_instant(one.tried_at_ms),
        "next_at": instant(one.next_at_ms) if one.state == "waiting" and one.attempts else None,
        "status": one.status,
        "problem": one.problem,
    }
    return present({**shape, "data": present(shape)})
