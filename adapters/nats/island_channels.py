"""The channels of an island's side of the fabric, declared on a FastStream broker, and their AsyncAPI document.

`island_link` speaks through them; `asyncapi` describes them without a connection. Nothing is created on the server:
streams and the island's durable are the coordinator's.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from faststream.specification import AsyncAPI

from adapters.nats import subjects
from adapters.nats.claim_signer import ClaimSigner
from adapters.nats.payload_schema import payload_of
from adapters.wire import (
    AssignJob,
    CancelJob,
    HostHeartbeat,
    JobOutput,
    JobProgress,
    JobStatus,
    LeaseRenewal,
    PreloadRecommendation,
    RegisterHost,
    decoder,
    encode,
)
from domain.ids import IslandId

ACK_TIMEOUT_S: Final = 5.0
PONG: Final = b"pong"

CANCEL_DECODER: Final = decoder(CancelJob)
PRELOAD_DECODER: Final = decoder(PreloadRecommendation)

log = logging.getLogger(__name__)


class Channel:
    """A publisher of messages. One with a stream returns the stream's receipt, one without returns None.

    With a signer every message is sealed.
    """

    def __init__(
        self,
        broker: NatsBroker,
        subject: str,
        message: type[msgspec.Struct],
        stream: str | None = None,
        *,
        signer: ClaimSigner | None = None,
    ) -> None:
        self.subject = subject
        self._kind = subject.rpartition(".")[2]
        self._signer = signer
        self._publisher: Any = broker.publisher(
            subject,
            stream=JStream(stream, declare=False) if stream else None,
            timeout=ACK_TIMEOUT_S,
            schema=payload_of(message),
            title=message.__name__,
        )

    async def publish(self, message: msgspec.Struct, message_id: str) -> Any:
        body = encode(message)
        headers = {subjects.MESSAGE_ID: message_id, "content-type": "application/json"}
        if self._signer is not None:
            headers |= self._signer.headers(self._kind, message, body, message_id)
        # With the subject given, FastStream does not parse its template again for every message.
        return await self._publisher.publish(body, self.subject, headers=headers, correlation_id=message_id)


class Claims:
    """Everything an island says. Chunks of output are not signed: the last claim of their attempt covers them."""

    def __init__(self, broker: NatsBroker, island_id: IslandId, signer: ClaimSigner | None = None) -> None:
        self.register = Channel(broker, subjects.REGISTER, RegisterHost, signer=signer)
        self.heartbeat = Channel(broker, subjects.heartbeat(island_id), HostHeartbeat, signer=signer)
        self.status = Channel(
            broker, subjects.status(island_id), JobStatus, subjects.JOB_STATUS, signer=signer
        )
        self.lease = Channel(
            broker, subjects.lease(island_id), LeaseRenewal, subjects.JOB_STATUS, signer=signer
        )
        self.output = Channel(broker, subjects.output(island_id), JobOutput, subjects.JOB_OUTPUT)
        self.progress = Channel(broker, subjects.progress(island_id), JobProgress, subjects.JOB_OUTPUT)


async def undecoded(message: NatsMessage) -> bytes:
    """The body as it came."""
    return message.body


def hear(
    broker: NatsBroker,
    island_id: IslandId,
    on_cancel: Callable[[CancelJob], None],
    on_preload: Callable[[PreloadRecommendation], None],
) -> None:
    """Subscribes to what is said to the island. What cannot be read is logged and dropped.

    A probe is answered by a call of its own, to the subject it names: what comes from another account has no inbox.
    """

    async def cancel(body: bytes) -> None:
        try:
            message: CancelJob = CANCEL_DECODER.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            log.warning("cancellation_unreadable", extra={"error": str(fault)})
        else:
            on_cancel(message)

    async def preload(body: bytes) -> None:
        try:
            message: PreloadRecommendation = PRELOAD_DECODER.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            log.warning("recommendation_unreadable", extra={"error": str(fault)})
        else:
            on_preload(message)

    async def probe(_body: bytes) -> bytes:
        return PONG

    _handle(
        broker.subscriber(subjects.cancel(island_id), decoder=undecoded, title="Cancel"), cancel, CancelJob
    )
    preloads = broker.subscriber(subjects.preload(island_id), decoder=undecoded, title="Preload")
    _handle(preloads, preload, PreloadRecommendation)
    broker.subscriber(subjects.probe(island_id), decoder=undecoded, title="Probe")(probe)


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document of what an island says and hears."""
    island_id = IslandId("{island_id}")
    broker = NatsBroker(logger=None, apply_types=False)
    Claims(broker, island_id)
    hear(broker, island_id, lambda _: None, lambda _: None)
    jobs = broker.subscriber(
        subjects.jobs(island_id),
        stream=JStream(subjects.JOBS, declare=False),
        durable="host-island",
        pull_sub=PullSub(),
        ack_policy=AckPolicy.MANUAL,
        title="Jobs",
        description="Attempts for this island. Acknowledged once `started` or `refused` is stored.",
    )

    async def take(body: bytes) -> None:
        """Only described here: `island_link` pulls jobs by itself."""

    _handle(jobs, take, AssignJob)
    document: dict[str, Any] = AsyncAPI(broker, title="Archipelago island").to_specification().to_jsonable()
    return document


def _handle(subscriber: Any, handler: Any, message: type[msgspec.Struct]) -> None:
    """`handler` gets bytes, and the document says what is in them."""
    handler.__annotations__["body"] = payload_of(message)
    subscriber(handler)
