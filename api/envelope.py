"""What surrounds every HTTP answer: the request id, the bound on the body, the headers of the rate limit and of safety.

A plain ASGI layer, because it touches every request. The id is made here and appears in answers, logs and, as the
correlation id, in the events a request causes. A body that grows beyond its bound is refused while it arrives.
"""

from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters import clock
from api.errors import ApiError, ErrorCode

REQUEST_ID: Final = "X-Request-Id"
PLAIN_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",  # No browser guesses that an answer is a page.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",  # Answers are somebody's own; what may be kept says so itself.
}
BODY_BYTES_MAX: Final = 1_000_000
ARTIFACT_BYTES_MAX: Final = 32 << 20
ARTIFACT_PATH: Final = "/api/v1/artifacts/"


def request_id_of(scope: Scope) -> str:
    found: str = state_of(scope).get("request_id", "")
    return found


def state_of(scope: Scope) -> dict[str, Any]:
    """What the layers of one request tell each other; starlette shows the same as `request.state`."""
    state: dict[str, Any] = scope.setdefault("state", {})
    return state


class Envelope:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = state_of(scope)
        state["request_id"] = clock.new_id()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = state["request_id"]
                for name, value in PLAIN_HEADERS.items():
                    headers.setdefault(name, value)
                for name, value in state.get("rate_headers", {}).items():
                    headers[name] = value
            await send(message)

        await self._app(scope, bounded(receive, scope), send_with_headers)


def bounded(receive: Receive, scope: Scope) -> Receive:
    """`receive` that raises `too_large` as soon as more bytes came than this path takes."""
    most = ARTIFACT_BYTES_MAX if scope["path"].startswith(ARTIFACT_PATH) else BODY_BYTES_MAX
    received = 0

    async def receive_bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise ApiError(ErrorCode.TOO_LARGE, f"body: at most {most} bytes")
        return message

    return receive_bounded
