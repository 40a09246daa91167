"""The coordinator's outgoing mail: assignments, cancellations and recommendations to islands.

FastStream carries it and describes it (AsyncAPI). What comes in: `adapters.nats.claim_mailbox`.
"""

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import msgspec
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.errors import Error
from nats.js.errors import APIError

from adapters import wire
from adapters.nats import subjects
from adapters.nats.asyncapi import describe_outgoing
from adapters.nats.connection import Access, connect
from adapters.recommendation import recommendation
from adapters.sealed_text import ENCRYPTED, ERASED
from commands.event_log import EventLog
from commands.process import SendAssignment, SendCancel
from domain.cargo_spec import CargoSpec, Runtime
from domain.claim import wire_id
from domain.demand import Demand
from domain.ids import IslandId
from domain.job import LEASE_GRACE_MS, LEASE_MS
from domain.job_events import JobSubmitted
from domain.trust import SANDBOX_TIERS

PUBLISH_TIMEOUT_S: Final = 5.0
SUBJECT_IS_FULL: Final = 10077
JOB_TTL_S: Final = (LEASE_MS + LEASE_GRACE_MS) // 1000

UNREADABLE: Final = frozenset(json.dumps(text).encode() for text in (ENCRYPTED, ERASED))

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
        """One that is full holds up nobody else: the island hears of the attempt now or loses it with its lease.

        An island with a password only listens, so its copies stay until they expire. An input whose key is gone is sent
        to nobody: what an island made of a stand-in would be charged.
        """
        message = await self._assignment(notice)
        if bytes(message.input) in UNREADABLE:
            log.warning("input_unreadable", extra={"job_id": notice.job_id})
            return
        try:
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
        except APIError as refused:
            if refused.err_code != SUBJECT_IS_FULL:
                raise
            log.warning("mailbox_full", extra={"island_id": notice.island_id, "job_id": notice.job_id})

    async def _assignment(self, notice: SendAssignment) -> wire.AssignJob:
        commit = await self._log.first(f"job.{notice.job_id}")
        assert commit is not None
        submitted = commit.events[0]
        assert isinstance(submitted, JobSubmitted)
        artifact_url = self._artifact_url(submitted.cargo.artifact_digest)
        return assignment(submitted, notice, artifact_url, commit.origin.correlation_id)

    async def send_cancel(self, notice: SendCancel) -> None:
        message = wire.CancelJob(
            job_id=wire_id(notice.job_id, notice.attempt), attempt=notice.attempt, reason=notice.reason
        )
        await self._broker.publish(wire.encode(message), subjects.cancel(notice.island_id))

    async def send_preload(self, island_id: IslandId, demand: Demand) -> None:
        """Said once, to whoever listens."""
        message = recommendation(demand, self._artifact_url(demand.cargo.artifact_digest))
        await self._broker.publish(wire.encode(message), subjects.preload(island_id))


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
        slug=cargo.slug,
        version=cargo.version,
        digest=cargo.artifact_digest,
        determinism=cargo.determinism,
        category=cargo.category,
    )


class Broker(NatsBroker):
    """FastStream's broker on a connection of ours.

    FastStream's own would never come back once it was not let in, and not say so.
    """

    def __init__(self, access: Access, name: str) -> None:
        # Injection of arguments costs a hop through a thread for every message.
        super().__init__(logger=None, apply_types=False)
        self._access = access
        self._name = name

    async def _connect(self) -> Client:
        client = await connect(self._access, self._name)
        self.config.connect(client)
        return client

    async def stop(self, *error: Any) -> None:
        """Also where there is no connection any more."""
        with suppress(Error, OSError, RuntimeError):
            await super().stop(*error)
