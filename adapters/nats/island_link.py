"""The island's side of the fabric: claims go out, jobs, cancellations and probes come in.

Keeps `island.fabric.Fabric`; made by the island's composition root, which keeps `run` going. FastStream carries
everything but the job queue: its pull subscriber makes the durable where it does not find it, which an island may not,
and pulls on whether a slot is free or not. So jobs are pulled with nats-py, one for each call of `next_job`.

What is stored is stored in the order in which each caller awaits it. A message keeps its random id over all tries; an
id that is known at the first try was stolen, and the message goes out again under a new one.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
import nats.errors

from adapters.nats import subjects
from adapters.nats.claim_signer import ClaimSigner
from adapters.nats.island_channels import ACK_TIMEOUT_S, Channel, Claims
from adapters.nats.island_session import IslandAccess, IslandSession, NotConnected
from adapters.wire import (
    CancelJob,
    HostHeartbeat,
    JobOutput,
    JobProgress,
    JobStatus,
    LeaseRenewal,
    PairingAnswer,
    PairingRequest,
    PreloadRecommendation,
    RegisterHost,
    decoder,
    encode,
)

UNACKNOWLEDGED_MAX: Final = 64
PAUSE_MIN_S: Final = 0.1
PAUSE_MAX_S: Final = 5.0
RECONNECT_PAUSE_MAX_S: Final = 1.0
REFUSED_PAUSE_MAX_S: Final = 60.0
STEADY_S: Final = 10.0
"""A connection that lasted so long counts as a good one: the next pause is a short one again."""
PULL_S: Final = 30.0
ANSWER_S: Final = 5.0

PAIRING_DECODER: Final = decoder(PairingAnswer)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDelivery:
    """One message of the job queue. Keeps `island.fabric.Delivery`; the receipt is the subject to acknowledge on."""

    body: bytes
    receipt: str


class Listener(Protocol):
    """Who is told what happens to the connection."""

    async def connected(self) -> None: ...

    def disconnected(self) -> None: ...

    def unreachable(self, reason: str) -> None:
        """A connection could not be made; it is tried again."""
        ...

    async def refused(self) -> None:
        """The server does not believe the island's document. It is tried again with what is the newest then."""
        ...

    def cancel(self, message: CancelJob) -> None: ...

    def preload(self, message: PreloadRecommendation) -> None: ...


class IslandLink:
    """Admitted or barred: while it is barred, as in the beginning, claims about jobs wait and no job is taken."""

    def __init__(self, access: IslandAccess, next_number: Callable[[], int]) -> None:
        self._access = access
        self._signer = ClaimSigner(island_id=access.island_id, user=access.user, next_number=next_number)
        self._session: IslandSession | None = None
        self._is_connected = asyncio.Event()
        self._is_admitted = asyncio.Event()
        self._unacknowledged = asyncio.Semaphore(UNACKNOWLEDGED_MAX)

    async def run(self, listener: Listener) -> None:
        """Keeps the island connected until it is cancelled, and hangs up then."""
        while True:
            lost_pauses_s, refused_pauses_s = _pauses_s(RECONNECT_PAUSE_MAX_S), _pauses_s(REFUSED_PAUSE_MAX_S)
            is_steady = False
            while not is_steady:
                try:
                    is_steady = await self._live(listener)
                except NotConnected as fault:
                    log.info("not_connected", extra={"error": str(fault)})
                    if fault.was_refused:
                        await listener.refused()
                        await asyncio.sleep(next(refused_pauses_s))
                        continue
                    listener.unreachable(str(fault))
                await asyncio.sleep(next(lost_pauses_s))

    async def _live(self, listener: Listener) -> bool:
        """One connection, from beginning to end. True where it was a good one. Raises `NotConnected`."""
        session = IslandSession(self._access, self._signer, listener.cancel, listener.preload)
        await session.open()
        began_at_s = asyncio.get_running_loop().time()
        self._session = session
        self._is_connected.set()
        try:
            await listener.connected()
            await session.ended.wait()
        finally:
            self._is_connected.clear()
            await session.close()
        listener.disconnected()
        return asyncio.get_running_loop().time() - began_at_s >= STEADY_S

    def admit(self) -> None:
        self._is_admitted.set()

    def bar(self) -> None:
        self._is_admitted.clear()

    async def ask_for_pairing(self) -> PairingAnswer | None:
        session = await self._connected()
        request = encode(PairingRequest(host_id=self._access.island_id))
        try:
            answer = await session.ask(subjects.PAIRING, request, timeout_s=ANSWER_S)
            found: PairingAnswer = PAIRING_DECODER.decode(answer.data)
        except (nats.errors.Error, TimeoutError, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.info("pairing_unanswered", extra={"error": repr(error)})
            return None
        return found

    async def announce(self, message: RegisterHost) -> None:
        await self._say(lambda claims: claims.register, message)

    async def beat(self, message: HostHeartbeat) -> None:
        await self._say(lambda claims: claims.heartbeat, message)

    async def store_status(self, message: JobStatus) -> None:
        await self._store(lambda claims: claims.status, message)

    async def store_output(self, message: JobOutput) -> None:
        await self._store(lambda claims: claims.output, message)

    async def store_progress(self, message: JobProgress) -> None:
        await self._store(lambda claims: claims.progress, message)

    async def renew(self, message: LeaseRenewal) -> None:
        await self._store(lambda claims: claims.lease, message)

    async def next_job(self) -> JobDelivery:
        pauses_s = _pauses_s(PAUSE_MAX_S)
        while True:
            await self._is_admitted.wait()
            session = await self._connected()
            try:
                message = await session.fetch_job(PULL_S)
            except TimeoutError:
                continue
            except nats.errors.Error as error:
                log.warning("job_queue_unavailable", extra={"error": repr(error)})
                await asyncio.sleep(next(pauses_s))
            else:
                return JobDelivery(body=message.data, receipt=message.reply)

    async def acknowledge(self, receipt: str) -> None:
        """Waits until the server has taken note. Where it does not, the message comes again."""
        try:
            async with asyncio.timeout(ACK_TIMEOUT_S):
                session = await self._connected()
                await session.ask(receipt, b"+ACK", timeout_s=ACK_TIMEOUT_S)
        except (nats.errors.Error, TimeoutError) as error:
            log.warning("job_not_acknowledged", extra={"error": repr(error)})

    async def terminate(self, receipt: str) -> None:
        try:
            async with asyncio.timeout(ACK_TIMEOUT_S):
                session = await self._connected()
                await session.tell(receipt, b"+TERM")
        except (nats.errors.Error, TimeoutError) as error:
            log.warning("job_not_terminated", extra={"error": repr(error)})

    async def _connected(self) -> IslandSession:
        await self._is_connected.wait()
        assert self._session is not None
        return self._session

    async def _say(self, channel_of: Callable[[Claims], Channel], message: msgspec.Struct) -> None:
        """Once: what is said while nobody listens would be old when somebody does."""
        if self._session is None or not self._is_connected.is_set():
            return
        try:
            await channel_of(self._session.claims).publish(message, secrets.token_hex(16))
        except nats.errors.Error as error:
            log.info("not_said", extra={"error": repr(error)})

    async def _store(self, channel_of: Callable[[Claims], Channel], message: msgspec.Struct) -> None:
        message_id = secrets.token_hex(16)
        async with self._unacknowledged:
            for tries, pause_s in enumerate(_pauses_s(PAUSE_MAX_S)):
                await self._is_admitted.wait()
                session = await self._connected()
                channel = channel_of(session.claims)
                try:
                    async with session.while_open():
                        receipt = await channel.publish(message, message_id)
                except (nats.errors.Error, TimeoutError) as error:
                    log.warning("claim_not_stored", extra={"subject": channel.subject, "error": repr(error)})
                    await asyncio.sleep(pause_s)
                else:
                    if tries or not receipt.duplicate:
                        return
                    message_id = secrets.token_hex(16)


def _pauses_s(longest_s: float) -> Iterator[float]:
    """0.1, 0.2, 0.4 … and at most `longest_s`, without end."""
    pause_s = PAUSE_MIN_S
    while True:
        yield pause_s
        pause_s = min(longest_s, pause_s * 2)
