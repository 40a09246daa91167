"""The coordinator as the commands see it: requests over HTTP, and its refusals as sentences.

Opened by `connected`, which finds address and key in this order: the options, the environment, the session of whoever
signed in, the network that runs on this machine. Every failure is a `CommandFailed`; what went through may be repeated
where the docstring says so.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from adapters.tls import Distrust, TlsUnusable, client_context, distrust_of, is_encrypted, told
from cli.authority import given_authority
from cli.failure import CommandFailed, wrong_usage
from cli.network import find_network
from cli.saved_session import SavedSession

T = TypeVar("T")

BASE: Final = "/api/v1"
TIMEOUT_S: Final = 15.0
STREAM_TIMEOUT: Final = httpx.Timeout(TIMEOUT_S, read=45.0)
"""A stream says at least a comment every 15 s."""
PAGE_ROWS: Final = 100
NEXT_STEPS: Final = {
    "unauthenticated": "sign in with `archipelago sign-in ADDRESS`, or pass a key with --key or ARCHIPELAGO_KEY",
    "forbidden": "use a key with the scope that is named",
    "insufficient_credits": "lower --bid, or look at what is held with: archipelago account",
    "rate_limited": "wait a moment, then repeat",
    "unavailable": "repeat in a moment; with --idempotency-key nothing is done twice",
    "not_caught_up": "repeat in a second",
    "pairing_code_unknown": "type the code that the island shows now; it changes every ten minutes",
    "not_found": "see what there is with its `list`, as in: archipelago job list",
    "idempotency_mismatch": "use a new --idempotency-key for another request",
}
"""What to do about an error code of the API, where the message alone does not say it."""
NEXT_STEPS_OF_DISTRUST: Final = {
    Distrust.UNKNOWN_AUTHORITY: "name the file of its authority: archipelago --ca-file FILE …, or ARCHIPELAGO_CA_FILE",
    Distrust.EXPIRED: "have it renewed, and check the clock of this machine",
    Distrust.OTHER_NAME: "use the name that the certificate is for: --url",
    Distrust.NOT_ENCRYPTED: "check --url: where nothing is encrypted it begins with http://",
    Distrust.UNREADABLE: "ask whoever runs it for a certificate that holds",
}


class Coordinator:
    """One coordinator and the key we act with. Made by `connected`."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self.url = url

    async def get(self, path: str, **query: str | int) -> dict[str, Any]:
        return await self._ask("GET", path, params=query)

    async def download(self, path: str) -> bytes:
        """An answer that is a file."""
        return (await self._response("GET", path)).content

    async def find(self, path: str) -> dict[str, Any] | None:
        """The answer, or None where there is no such thing."""
        try:
            return await self.get(path)
        except Refused as refused:
            if refused.status == httpx.codes.NOT_FOUND:
                return None
            raise

    async def post(self, path: str, body: Mapping[str, Any], *, idempotency_key: str = "") -> dict[str, Any]:
        """With an idempotency key the request may be repeated: it is done once."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return await self._ask("POST", path, json=dict(body), headers=headers)

    async def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._ask("PATCH", path, json=dict(body))

    async def put(self, path: str, content: bytes) -> dict[str, Any]:
        return await self._ask("PUT", path, content=content)

    async def put_json(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._ask("PUT", path, json=dict(body))

    async def delete(self, path: str) -> dict[str, Any]:
        return await self._ask("DELETE", path)

    @asynccontextmanager
    async def lines(self, path: str, *, last_event_id: str) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of a stream as they come. Raises Unreachable where the connection breaks, at whatever moment."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        try:
            async with self._client.stream(
                "GET", BASE + path, headers=headers, timeout=STREAM_TIMEOUT
            ) as response:
                if not response.is_success:
                    await response.aread()
                    raise refusal(response)
                yield response.aiter_lines()
        except httpx.TransportError as error:
            raise Unreachable(self.url, error) from error

    async def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        return answer_of(await self._response(method, path, **request))

    async def _response(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            response = await self._client.request(method, BASE + path, **request)
        except httpx.TransportError as error:
            raise Unreachable(self.url, error) from error
        if not response.is_success:
            raise refusal(response)
        return response


class Unreachable(CommandFailed):
    """No answer came, for now. `url` is where we asked."""

    def __init__(self, url: str, error: httpx.TransportError) -> None:
        distrust = distrust_of(error)
        if distrust is not None:
            super().__init__(
                f"coordinator: {url} {told(distrust)}", next_step=NEXT_STEPS_OF_DISTRUST[distrust]
            )
            return
        super().__init__(
            f"coordinator: cannot be reached at {url} ({str(error) or type(error).__name__})",
            next_step="start one with `archipelago up`, or name another with --url",
        )


class Refused(CommandFailed):
    """The coordinator answered that it will not. `status` is HTTP's, `error` the API's stable code."""

    def __init__(self, status: int, error: str, message: str, next_step: str) -> None:
        super().__init__(message, next_step=next_step)
        self.status = status
        self.error = error


def refusal(response: httpx.Response) -> CommandFailed:
    """The answer's own sentence, which names field and rule; never trusts that the answer is ours."""
    try:
        body = answer_of(response)
    except CommandFailed:
        body = {}
    error = body.get("error")
    code = str(error.get("code", "")) if isinstance(error, dict) else ""
    message = str(body.get("message") or f"coordinator: answered {response.status_code} without a reason")
    if "required" in body and "available" in body:
        message += f" (required {body['required']}, available {body['available']})"
    if code == "internal":
        message += f" (request {body.get('request_id', 'unknown')})"
    return Refused(response.status_code, code, message, NEXT_STEPS.get(code, ""))


def answer_of(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise CommandFailed(
            f"coordinator: {response.url.host}:{response.url.port} does not answer as an Archipelago coordinator",
            next_step="check --url",
        )
    return body


@asynccontextmanager
async def connected(url: str, key: str, data_dir: Path | None) -> AsyncIterator[Coordinator]:
    """Address and key as given; what is missing comes from the network on this machine. Raises CommandFailed."""
    ca_file = given_authority()
    is_complete = url and key and (ca_file or not is_encrypted(url))
    network = None if is_complete else find_network(data_dir)
    if network is None and not url:
        raise wrong_usage(
            "--url",
            "no network runs on this machine and no other is named",
            next_step="start one with `archipelago up`, or pass --url and --key",
        )
    if network is not None:
        if url in {"", network.url}:
            # A key is only for the coordinator that issued it: it is never sent to another address.
            key = key or SavedSession(network.url).read() or Path(network.key_file).read_text()
            ca_file = ca_file or network.authority
        url = url or network.url
    key = key or SavedSession(url).read()
    async with opened(url, key, ca_file) as coordinator:
        yield coordinator


@asynccontextmanager
async def opened(url: str, key: str, ca_file: Path | None = None) -> AsyncIterator[Coordinator]:
    """A coordinator at exactly that address. An empty key asks as anybody."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if not is_address(url):
        raise wrong_usage("--url", "must be https://host:port or http://host:port")
    if not key.isascii() or not key.isprintable():
        raise wrong_usage("--key", "must be a key as it was shown: ak_ and 40 letters or digits")
    try:
        believing = client_context(ca_file)
    except TlsUnusable as fault:
        raise wrong_usage("--ca-file", str(fault)) from fault
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=TIMEOUT_S, trust_env=False, verify=believing
    ) as client:
        yield Coordinator(client, url)


def is_address(url: str) -> bool:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.host)


def ask(url: str, key: str, data_dir: Path | None, work: Callable[[Coordinator], Awaitable[T]]) -> T:
    """For a command: connects, does `work`, and disconnects. Raises CommandFailed."""

    async def run() -> T:
        async with connected(url, key, data_dir) as coordinator:
            return await work(coordinator)

    return asyncio.run(run())
