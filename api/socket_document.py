"""The WebSocket in the AsyncAPI document: its one channel, and the schema of every frame that travels on it.

Called by `api.routes.asyncapi`, which adds it to the fabric's document. The schemas are those of `api.socket_frames`
and `api.server_frames`, which the frames are decoded and encoded with.
"""

from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec

from api.server_frames import SocketFrame, SubscriptionFrame
from api.socket_frames import CloseCode, Frame

ADDRESS: Final = "/api/v1/ws"
CHANNEL: Final = "WebSocket"
SUBSCRIPTION_ID: Final = {"type": "string", "description": "The subscription's id, as the client chose it."}
CLOSE_CODES: Final = ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in CloseCode)
DESCRIPTION: Final = (
    "JSON text frames. Authenticate with the header `Authorization: Bearer ak_...` or with the frame `auth` within "
    f"five seconds. Closed with {CLOSE_CODES}, 1012 restart; after 4408 and 1012 connect again and resume with `after`."
)


def with_socket(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the WebSocket in it."""
    said, heard = kinds(SocketFrame) + kinds(SubscriptionFrame), kinds(Frame)
    names = [kind.__name__ for kind in (*said, *heard)]
    components = document.get("components", {})
    return {
        **document,
        "channels": {**document.get("channels", {}), CHANNEL: channel(names)},
        "operations": {
            **document.get("operations", {}),
            "SocketFramesHeard": operation("receive", heard),
            "SocketFramesSaid": operation("send", said),
        },
        "components": {
            **components,
            "messages": {
                **components.get("messages", {}),
                **{message_name(name): message(name) for name in names},
            },
            "schemas": {**components.get("schemas", {}), **schemas()},
        },
    }


def kinds(union: Any) -> tuple[type[msgspec.Struct], ...]:
    return get_args(union)


def channel(names: list[str]) -> dict[str, Any]:
    messages = {message_name(name): {"$ref": f"#/components/messages/{message_name(name)}"} for name in names}
    return {
        "address": ADDRESS,
        "description": DESCRIPTION,
        "messages": messages,
        "bindings": {"ws": {"method": "GET"}},
    }


def operation(action: str, frames: tuple[type[msgspec.Struct], ...]) -> dict[str, Any]:
    names = [message_name(kind.__name__) for kind in frames]
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{CHANNEL}"},
        "messages": [{"$ref": f"#/channels/{CHANNEL}/messages/{name}"} for name in names],
    }


def message(name: str) -> dict[str, Any]:
    return {
        "title": name,
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{message_name(name)}"},
    }


def message_name(name: str) -> str:
    """The fabric has messages of its own, `Pong` for one."""
    return f"Socket{name}"


def schemas() -> dict[str, Any]:
    """Every frame's schema, by its message's name. Those of a subscription have its id, which is put in last."""
    every = (*kinds(SocketFrame), *kinds(SubscriptionFrame), *kinds(Frame))
    template = f"#/components/schemas/{message_name('{name}')}"
    _, found = msgspec.json.schema_components(every, ref_template=template)
    for kind in kinds(SubscriptionFrame):
        schema = found[kind.__name__]
        schema["properties"] = {"id": SUBSCRIPTION_ID, **schema["properties"]}
        schema["required"] = ["id", *schema["required"]]
    return {message_name(name): schema for name, schema in found.items()}
