"""The island's side of the fabric: claims go out, jobs, cancellations and probes come in.

Keeps `island.fabric.Fabric`; made by the island's composition root. FastStream carries everything but the job queue:
its pull subscriber makes the durable where it does not find it, which an island may not, and pulls on whether a slot is
free or not. So jobs are pulled with nats-py, on the broker's own connection, one for each call of `next_job`.

What is stored is stored in the order in which each caller awaits it. A message keeps its random id over all tries; an
id that is known at the first try was stolen, and the message goes out again under a new one.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
import nats.errors
from faststream.nats import NatsBroker
from faststream.security import SASLPlaintext
from nats.js import JetStreamContext

from adapters.nats import connection, subjects
from adapters.nats.island_channels import ACK_TIMEOUT_S, Channel, Claims, hear, undecoded
from adapters.wire import (
    CancelJob,
    HostHeartbeat,
    JobOutput,
    JobProgress,
    JobStatus,
    LeaseRenewal,
    RegisterHost,
    encode,
)
from domain.ids import IslandId

INBOX_PREFIX: Final = "_INBOX_island"
UNACKNOWLEDGED_MAX: Final = 64
PAUSE_MIN_S: Final = 0.1
PAUSE_MAX_S: Final = 5.0
PULL_S: Final = 30.0
CLOSE_S: Final = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDelivery:
    """One message of the job queue. Keeps `island.fabric.Delivery`; the receipt is the subject to acknowledge on."""

    body: bytes
    receipt: str


class IslandLink:
    """One connection. `user` and `password` may stand in `url` instead."""

    def __init__(
        self, *, island_id: IslandId, url: str, user: str | None = None, password: str | None = None
    ) -> None:
        self._island_id = island_id
        self._is_connected = asyncio.Event()
        self._on_disconnected: Callable[[], None] | None = None
        self._on_reconnected: Callable[[], Awaitable[None]] | None = None
        self._unacknowledged = asyncio.Semaphore(UNACKNOWLEDGED_MAX)
        self._jobs: JetStreamContext.PullSubscription | None = None
        self._pull: asyncio.Timeout | None = None
        options = connection.options(f"island-{island_id[:8]}")
        options["disconnected_cb"] = self._and_then(options["disconnected_cb"], self._disconnected)
        options["reconnected_cb"] = self._and_then(options["reconnected_cb"], self._reconnected)
        self._broker = NatsBroker(
            url,
            logger=None,
            apply_types=False,
            decoder=undecoded,
            inbox_prefix=INBOX_PREFIX,
            security=SASLPlaintext(user, password or "") if user else None,
            **options,
        )
        self._claims = Claims(self._broker, island_id)

    async def start(
        self,
        *,
        on_cancel: Callable[[CancelJob], None],
        on_disconnected: Callable[[], None],
        on_reconnected: Callable[[], Awaitable[None]],
    ) -> None:
        """Connects, trying for ever. Raises `nats.errors.Error` where the server refuses the credentials."""
        self._on_disconnected, self._on_reconnected = on_disconnected, on_reconnected
        hear(self._broker, self._island_id, on_cancel)
        await self._broker.start()
        self._jobs = await self._broker.connection.jetstream().pull_subscribe_bind(
            subjects.jobs_consumer(self._island_id), stream=subjects.JOBS
        )
        # Cancellations must be heard from the first job on. One flush may overtake the subscriptions made before it.
        for _ in range(2):
            await self._broker.connection.flush()
        self._is_connected.set()

    async def close(self) -> None:
        """Sends what is on its way, for at most CLOSE_S, and hangs up."""
        client = self._broker.connection
        self._on_disconnected = None
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._broker.stop()
        except (TimeoutError, nats.errors.Error):
            await client.close()

    async def announce(self, message: RegisterHost) -> None:
        await self._say(self._claims.register, message)

    async def beat(self, message: HostHeartbeat) -> None:
        await self._say(self._claims.heartbeat, message)

    async def store_status(self, message: JobStatus) -> None:
        await self._store(self._claims.status, message)

    async def store_output(self, message: JobOutput) -> None:
        await self._store(self._claims.output, message)

    async def store_progress(self, message: JobProgress) -> None:
        await self._store(self._claims.progress, message)

    async def renew(self, message: LeaseRenewal) -> None:
        await self._store(self._claims.lease, message)

    async def next_job(self) -> JobDelivery:
        assert self._jobs is not None, "start() comes first"
        pauses_s = _pauses_s()
        while True:
            await self._is_connected.wait()
            try:
                async with asyncio.timeout(PULL_S) as self._pull:
                    messages = await self._jobs.fetch(1, timeout=PULL_S)
                return JobDelivery(body=messages[0].data, receipt=messages[0].reply)
            except TimeoutError:
                continue
            except nats.errors.Error as error:
                log.warning("job_queue_unavailable", extra={"error": repr(error)})
                await asyncio.sleep(next(pauses_s))
            finally:
                self._pull = None

    async def acknowledge(self, receipt: str) -> None:
        """Waits until the server has taken note. Where it does not, the message comes again."""
        try:
            await self._broker.connection.request(receipt, b"+ACK", timeout=ACK_TIMEOUT_S)
        except (nats.errors.Error, TimeoutError) as error:
            log.warning("job_not_acknowledged", extra={"error": repr(error)})

    async def terminate(self, receipt: str) -> None:
        try:
            await self._broker.connection.publish(receipt, b"+TERM")
        except nats.errors.Error as error:
            log.warning("job_not_terminated", extra={"error": repr(error)})

    async def _say(self, channel: Channel, message: msgspec.Struct) -> None:
        """Once: what is said while nobody listens would be old when somebody does."""
        if self._is_connected.is_set():
            await channel.publish(encode(message), secrets.token_hex(16))

    async def _store(self, channel: Channel, message: msgspec.Struct) -> None:
        body = encode(message)
        message_id = secrets.token_hex(16)
        async with self._unacknowledged:
            for tries, pause_s in enumerate(_pauses_s()):
                await self._is_connected.wait()
                try:
                    receipt = await channel.publish(body, message_id)
                except (nats.errors.Error, TimeoutError) as error:
                    log.warning("claim_not_stored", extra={"subject": channel.subject, "error": repr(error)})
                    await asyncio.sleep(pause_s)
                else:
                    if tries or not receipt.duplicate:
                        return
                    message_id = secrets.token_hex(16)

    def _and_then(
        self, first: Callable[[], Awaitable[None]], second: Callable[[], Awaitable[None]]
    ) -> Callable[[], Awaitable[None]]:
        async def both() -> None:
            await first()
            await second()

        return both

    async def _disconnected(self) -> None:
        self._is_connected.clear()
        if self._on_disconnected is not None:
            self._on_disconnected()

    async def _reconnected(self) -> None:
        self._is_connected.set()
        if self._pull is not None:
            # The request that waits died with the connection it was made on.
            self._pull.reschedule(asyncio.get_running_loop().time())
        if self._on_reconnected is not None:
            await self._on_reconnected()


def _pauses_s() -> Iterator[float]:
    """0.1, 0.2, 0.4 … and at most PAUSE_MAX_S, without end."""
    pause_s = PAUSE_MIN_S
    while True:
        yield pause_s
        pause_s = min(PAUSE_MAX_S, pause_s * 2)
