"""One connection of an island, from its making to its end. It never reconnects: `island_link` makes the next one.

nats-py's own reconnecting would not do. It gives up for good when the server ends a connection with a reason (a
document that has expired or was revoked, an account that was deleted, one connection too many), and an island has an
answer to each of these: a new document, or the coordinator's word that it has to go. Read in nats-py 2.16,
`Client._process_err`.
"""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import nats.errors
from faststream.nats import NatsBroker, NatsJWT
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from adapters.nats import connection, subjects
from adapters.nats.accounts.nkey import NKey
from adapters.nats.claim_signer import ClaimSigner
from adapters.nats.island_channels import Claims, hear, undecoded
from adapters.wire import CancelJob, PreloadRecommendation
from domain.ids import IslandId

CLOSE_S: Final = 2.0
OPEN_FIRST: Final = "open() comes first"
WATCH_S: Final = 0.5
REFUSED: Final = re.compile("authorization violation|authentication (expired|revoked)", re.IGNORECASE)
"""What the server says to a document that it does not believe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandAccess:
    """How an island reaches the server, and as whom. `document` gives its newest user JWT.

    `encryption` are the options of `connection.encryption` for the URL.
    """

    url: str
    island_id: IslandId
    user: NKey
    document: Callable[[], str]
    encryption: Mapping[str, Any]


class NotConnected(Exception):
    """`was_refused`: the server does not believe the document. The text says why, for the owner."""

    def __init__(self, reason: str, *, was_refused: bool) -> None:
        super().__init__(reason)
        self.was_refused = was_refused


class IslandSession:
    """`ended` is set once the connection is gone, for whatever reason; `claims` is what the island says."""

    def __init__(
        self,
        access: IslandAccess,
        signer: ClaimSigner,
        on_cancel: Callable[[CancelJob], None],
        on_preload: Callable[[PreloadRecommendation], None],
    ) -> None:
        self.ended = asyncio.Event()
        self._island_id = access.island_id
        self._url = access.url
        self._client: Client | None = None
        self._watching: asyncio.Task[None] | None = None
        self._limits: set[asyncio.Timeout] = set()
        self._jobs: JetStreamContext.PullSubscription | None = None
        self._broker = _broker(access, self._end)
        self.claims = Claims(self._broker, access.island_id, signer)
        hear(self._broker, access.island_id, on_cancel, on_preload)

    async def open(self) -> None:
        """Raises `NotConnected`, and then nothing is left open."""
        try:
            await self._broker.start()
            self._client = client = self._broker.connection
            self._watching = asyncio.create_task(self._watch(client))
            async with self.while_open():
                # The name of JetStream's domain leads past the island's own account, which has no JetStream.
                self._jobs = await client.jetstream(domain=subjects.CORE_DOMAIN).pull_subscribe_bind(
                    subjects.jobs_consumer(self._island_id), stream=subjects.JOBS
                )
                # Cancellations must be heard from the first job on. One flush may overtake what came before it.
                for _ in range(2):
                    await client.flush()
        except (nats.errors.Error, OSError, TimeoutError) as error:
            await self.close()
            raise _not_connected(self._url, error) from error

    @asynccontextmanager
    async def while_open(self) -> AsyncIterator[None]:
        """Raises TimeoutError as soon as the connection is gone: the library would wait for an answer to the end."""
        async with asyncio.timeout(None) as limit:
            self._limits.add(limit)
            try:
                yield
            finally:
                self._limits.discard(limit)

    async def fetch_job(self, wait_s: float) -> Msg:
        """The next message of the island's queue. Raises TimeoutError, and `nats.errors.Error` where none can come."""
        assert self._jobs is not None, OPEN_FIRST
        async with self.while_open():
            (message,) = await self._jobs.fetch(1, timeout=wait_s)
        return message

    async def ask(self, subject: str, body: bytes, *, timeout_s: float) -> Msg:
        """Raises `nats.errors.Error` and TimeoutError."""
        assert self._client is not None, OPEN_FIRST
        async with self.while_open():
            return await self._client.request(subject, body, timeout=timeout_s)

    async def tell(self, subject: str, body: bytes) -> None:
        """Raises `nats.errors.Error`."""
        assert self._client is not None, OPEN_FIRST
        await self._client.publish(subject, body)

    async def close(self) -> None:
        """Sends what is on its way, for at most CLOSE_S, and hangs up."""
        if self._watching is not None:
            self._watching.cancel()
        if self._client is None or self.ended.is_set():
            return
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._broker.stop()
        except* (TimeoutError, nats.errors.Error):
            await connection.hang_up(self._client)

    async def _watch(self, client: Client) -> None:
        """The library does not tell of an end that comes while something waits to be sent: its own closing fails."""
        while not client.is_closed:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(WATCH_S)
        await self._end()

    async def _end(self) -> None:
        self.ended.set()
        now_s = asyncio.get_running_loop().time()
        for limit in self._limits:
            limit.reschedule(now_s)


class _Broker(NatsBroker):
    """FastStream's, but for leaving nothing open where a connection could not be made."""

    async def _connect(self) -> Client:
        client = Client()
        try:
            await client.connect(**self._connection_kwargs)
        except BaseException:
            await connection.hang_up(client)
            raise
        self.config.connect(client)
        return client


def _broker(access: IslandAccess, closed: Callable[[], object]) -> NatsBroker:
    security = NatsJWT(
        lambda: access.document().encode(),
        lambda nonce: base64.b64encode(access.user.sign(nonce.encode())),
        ssl_context=access.encryption.get("tls"),
        tls_handshake_first=access.encryption.get("tls_handshake_first", False),
    )
    name = f"island-{access.island_id[:8]}"
    options = connection.options(name, is_encrypted=bool(access.encryption))
    once = {"allow_reconnect": False, "max_reconnect_attempts": 1, "closed_cb": closed}
    return _Broker(
        access.url,
        logger=None,
        apply_types=False,
        decoder=undecoded,
        inbox_prefix=subjects.inbox_prefix(access.island_id),
        security=security,
        **options | once,
    )


def _not_connected(url: str, error: Exception) -> NotConnected:
    if isinstance(error, connection.HandshakeFailed):
        return NotConnected(f"{url} {error}", was_refused=False)
    if isinstance(error, nats.errors.NoServersError | OSError):
        return NotConnected(f"{url} cannot be reached", was_refused=False)
    return NotConnected(f"{url}: {error}", was_refused=REFUSED.search(str(error)) is not None)
