"""The coordinator's mailboxes: claims come in, assignments and cancellations go out.

FastStream carries both and describes them (AsyncAPI). Claims of one attempt are handled one after the other, those of
different attempts side by side. A claim is acknowledged after its fact is recorded; a rejected one is kept with its
reason and then ended, so that it never comes again; anything unexpected leaves it to be delivered again, a bounded
number of times, after which the server's advisory makes it visible as poison.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsCredentials, NatsMessage, PullSub
from nats.aio.msg import Msg
from nats.errors import Error

from adapters import wire
from adapters.claim_codec import claim_of
from adapters.nats import connection, subjects
from adapters.nats.asyncapi import ATTEMPT_CLAIMS, ISLAND_CLAIMS, describe_outgoing
from adapters.nats.rejected_claims import RejectedClaims
from commands.event_log import Conflict, EventLog, LogUnavailable, Origin
from commands.intake import Intake
from commands.process import SendAssignment, SendCancel
from domain.cargo import CargoSpec, Runtime
from domain.claim import Claim, ClaimRejected, Heartbeat, Registration, wire_id
from domain.job import LEASE_GRACE_MS, LEASE_MS
from domain.job_events import JobSubmitted
from domain.trust import SANDBOX_TIERS

CLAIMS_AT_ONCE_MAX: Final = 64
PULL_WAIT_S: Final = 5.0
PUBLISH_TIMEOUT_S: Final = 5.0
REDELIVERY_DELAY_S: Final = 1.0
JOB_TTL_S: Final = (LEASE_MS + LEASE_GRACE_MS) // 1000

log = logging.getLogger(__name__)


class Outbox:
    """What the coordinator says to islands. Keeps `commands.process.Mailbox`.

    `artifact_url` makes the address under which islands fetch a digest.
    """

    def __init__(self, broker: NatsBroker, event_log: EventLog, artifact_url: Callable[[str], str]) -> None:
        self._broker = broker
        describe_outgoing(broker)
        self._log = event_log
        self._artifact_url = artifact_url

    async def send_assignment(self, notice: SendAssignment) -> None:
        commit = await self._log.first(f"job.{notice.job_id}")
        assert commit is not None
        submitted = commit.events[0]
        assert isinstance(submitted, JobSubmitted)
        message = assignment(
            submitted,
            notice,
            self._artifact_url(submitted.cargo.artifact_digest),
            commit.origin.correlation_id,
        )
        await self._broker.publish(
            wire.encode(message),
            subjects.jobs(notice.island_id),
            headers={
                subjects.MESSAGE_ID: f"job-{notice.job_id}-{notice.attempt}",
                subjects.TTL: f"{JOB_TTL_S}s",
            },
            stream=subjects.JOBS,
            timeout=PUBLISH_TIMEOUT_S,
        )

    async def send_cancel(self, notice: SendCancel) -> None:
        message = wire.CancelJob(
            job_id=wire_id(notice.job_id, notice.attempt), attempt=notice.attempt, reason=notice.reason
        )
        await self._broker.publish(wire.encode(message), subjects.cancel(notice.island_id))


def assignment(
    submitted: JobSubmitted, notice: SendAssignment, artifact_url: str, correlation_id: str | None
) -> wire.AssignJob:
    cargo, limits = submitted.cargo, submitted.cargo.limits
    is_wasm = cargo.runtime is Runtime.WASM
    return wire.AssignJob(
        job_id=wire_id(notice.job_id, notice.attempt),
        input=msgspec.Raw(submitted.input_json.encode()),
        lease_expires=notice.lease_ends_at_ms,
        workload_id=cargo.slug,
        runtime_type=cargo.runtime,
        wasm_url=artifact_url if is_wasm else None,
        wasm_hash=cargo.artifact_digest if is_wasm else None,
        sandbox_tier=SANDBOX_TIERS[cargo.trust_level],
        job=notice.job_id,
        attempt=notice.attempt,
        cargo=wire_cargo(cargo),
        lease_seconds=LEASE_MS // 1000,
        deadline_ms=limits.wall_s * 1000,
        limits=wire.WireLimits(
            memory_mb=limits.memory_mb,
            cpus=limits.cpus,
            pids=limits.pids,
            tmpfs_mb=limits.tmpfs_mb,
            output_bytes=limits.output_bytes,
            fuel=limits.fuel,
        ),
        correlation_id=correlation_id,
    )


def wire_cargo(cargo: CargoSpec) -> wire.WireCargo:
    return wire.WireCargo(
        slug=cargo.slug, version=cargo.version, digest=cargo.artifact_digest, determinism=cargo.determinism
    )


class Turns:
    """One at a time per key, first come, first served; keys nobody waits for are forgotten."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def take(self, key: str) -> asyncio.Lock:
        lock, waiting = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, waiting + 1)
        await lock.acquire()
        return lock

    def give_back(self, key: str) -> None:
        lock, waiting = self._locks[key]
        lock.release()
        if waiting == 1:
            del self._locks[key]
        else:
            self._locks[key] = (lock, waiting - 1)


class ClaimMailbox:
    """Receives the claims of all islands, shared fairly with every other coordinator on the same log."""

    def __init__(self, broker: NatsBroker, intake: Intake, rejected: RejectedClaims) -> None:
        self._intake = intake
        self._rejected = rejected
        self._turns = Turns()
        subscribe(broker, "host.*.status", subjects.JOB_STATUS, ATTEMPT_CLAIMS)(self._receive)
        subscribe(broker, "host.*.heartbeat", subjects.HEARTBEATS, ISLAND_CLAIMS)(self._receive)

    async def _receive(self, raw: Any) -> None:
        """The annotation is for FastStream, which would make a schema of the client library's message."""
        assert isinstance(raw, Msg)
        try:
            await self._take(raw)
        except (Conflict, LogUnavailable, Error, TimeoutError) as fault:
            log.warning("claim_put_back", extra={"subject": raw.subject, "error": repr(fault)})
            await raw.nak(delay=REDELIVERY_DELAY_S)
        except Exception:
            # Nobody else would tell of it; the server delivers the claim again, a bounded number of times.
            log.exception("claim_broke", extra={"subject": raw.subject})

    async def _take(self, raw: Msg) -> None:
        metadata = raw.metadata
        position, at_ms = metadata.sequence.stream, int(metadata.timestamp.timestamp() * 1000)
        try:
            claim = claim_of(raw.subject, raw.data)
            key = turn_of(claim)
            await self._turns.take(key)
            try:
                origin = Origin(command_id=f"claim.{metadata.stream}.{position}", actor=claim.island_id)
                await self._intake.take(claim, origin=origin, received_at_ms=at_ms)
            finally:
                self._turns.give_back(key)
        except ClaimRejected as rejection:
            log.info("claim_rejected", extra={"subject": raw.subject, "code": rejection.code})
            await self._rejected.keep(
                rejection,
                subject=raw.subject,
                body=raw.data,
                stream=metadata.stream,
                position=position,
                at_ms=at_ms,
            )
        await raw.ack()


def turn_of(claim: Claim) -> str:
    """Claims about one job wait for each other; so do those about one island's own state."""
    if isinstance(claim, Registration | Heartbeat):
        return claim.island_id
    return claim.job_id


def subscribe(broker: NatsBroker, subject: str, stream: str, title: str) -> Any:
    return broker.subscriber(
        subject,
        stream=JStream(stream, declare=False),
        durable=subjects.INTAKE,
        pull_sub=PullSub(batch_size=CLAIMS_AT_ONCE_MAX, timeout=PULL_WAIT_S),
        ack_policy=AckPolicy.MANUAL,
        max_workers=CLAIMS_AT_ONCE_MAX,
        decoder=undecoded,
        no_reply=True,
        title=title,
    )


async def undecoded(message: NatsMessage) -> Msg:
    """The message as it came: what it means is read by the claim codec, which keeps the reason where it cannot."""
    assert isinstance(message.raw_message, Msg)
    return message.raw_message


def new_broker(access: connection.Access, name: str) -> NatsBroker:
    """Without FastStream's injection of arguments, which costs a hop through a thread for every message."""
    options = connection.options_of(access, name)
    credentials = NatsCredentials(
        options.pop("user_credentials"),
        ssl_context=options.pop("tls", None),
        tls_handshake_first=options.pop("tls_handshake_first", False),
    )
    return NatsBroker(access.url, logger=None, apply_types=False, security=credentials, **options)
