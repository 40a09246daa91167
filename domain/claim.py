"""What an island says. A claim is kept, never trusted as it stands; the intake makes it a command or rejects it.

Decoded from the wire by `adapters.claim_codec`. The wire id of a job is its UUID for the first attempt and
`{uuid}_{n}` for attempt n, so that an island that only echoes it is fenced too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.failure import Failure, ReturnReason
from domain.ids import IslandId, JobId
from domain.island_events import Capabilities, RuntimeOffer
from domain.job_events import Usage

WIRE_SEPARATOR: Final = "_"
JOB_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
"""What may become part of a subject; a foreign text must not."""


class ClaimRejection(StrEnum):
    """Why what an island said did not count. Kept with the claim, shown in the job's timeline."""

    BAD_SUBJECT = "bad_subject"  # Claims are made on host.{id}.{kind} and coordinator.hosts.register.{id}.
    BAD_JSON = "bad_json"  # Send one UTF-8 JSON object with the types of the AsyncAPI document.
    TOO_LARGE = "too_large"  # Split the message; the bound is named.
    UNKNOWN_ISLAND = "unknown_island"  # Enrol the island first.
    ID_MISMATCH = "id_mismatch"  # The body must name the island and the attempt the subject names.
    BAD_SIGNATURE = "bad_signature"  # Sign the claim with the island's user key, over exactly this body.
    REPLAYED = "replayed"  # The number n of the envelope was used before; count up.
    UNKNOWN_JOB = "unknown_job"  # Name the job as it was assigned.
    NOT_OWNER = "not_owner"  # Another island holds this attempt; drop it.
    STALE_ATTEMPT = "stale_attempt"  # A newer attempt has taken over; drop this one.
    JOB_CLOSED = "job_closed"  # The job has ended; drop the attempt.
    CONFLICTING_CHUNK = "conflicting_chunk"  # The first copy of a chunk counts; never send it changed.
    OVER_LIMIT = "over_limit"  # More claims than an island may make; send fewer.
    IMPLAUSIBLE = "implausible"  # The detail names the field and what it may be.


class ClaimRejected(Exception):
    """`detail` names the field and the rule."""

    def __init__(self, code: ClaimRejection, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else str(code))
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    island_id: IslandId
    agent_version: str
    protocol: int
    capabilities: Capabilities
    asks_micro: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAttempt:
    """An attempt the island believes it runs."""

    job_id: JobId
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """`runtimes` is None where the heartbeat does not name them: then those of the registration count.

    With them a daemon tells its GPU's bandwidth and the formats of model files it loads, where it knows.
    """

    island_id: IslandId
    is_leaving: bool
    is_draining: bool
    asks_micro: Mapping[str, int]
    warm_slugs: tuple[str, ...]
    runtimes: tuple[RuntimeOffer, ...] | None = None
    gpu_bandwidth_mb_s: int = 0
    formats: tuple[str, ...] = ()
    attempts: tuple[LiveAttempt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    island_id: IslandId
    job_id: JobId
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming:
    """The first line of output came. Nothing to decide; proof of life."""

    island_id: IslandId
    job_id: JobId
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """`chunks` and `digest` are what the island says its output was; both must agree with what arrived.

    An island of the first dialect says neither: then the numbering of its chunks must be complete.
    """

    island_id: IslandId
    job_id: JobId
    attempt: int
    chunks: int | None
    digest: str | None
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    island_id: IslandId
    job_id: JobId
    attempt: int
    code: Failure
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """Refused before it began, or given back; also how an island confirms a cancellation it was told of."""

    island_id: IslandId
    job_id: JobId
    attempt: int
    reason: ReturnReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The island stopped because it was told to. The cancellation is a fact already."""

    island_id: IslandId
    job_id: JobId
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    island_id: IslandId
    job_id: JobId
    attempt: int
    extend_ms: int


AttemptClaim = Started | Streaming | Succeeded | Failed | Returned | Cancelled | Renewal
Claim = Registration | Heartbeat | AttemptClaim


def wire_id(job_id: JobId, attempt: int) -> str:
    """How an attempt is named on the wire."""
    return job_id if attempt == 1 else f"{job_id}{WIRE_SEPARATOR}{attempt}"


def parse_wire_id(text: str) -> tuple[JobId, int]:
    """Job and attempt of a wire id. Raises `ClaimRejected(unknown_job)` where it is none."""
    job_id, separator, number = text.partition(WIRE_SEPARATOR)
    is_first = not separator
    is_later = number.isascii() and number.isdigit() and len(number) <= 2 and int(number) > 1
    if not JOB_ID.fullmatch(job_id) or not (is_first or is_later):
        raise ClaimRejected(ClaimRejection.UNKNOWN_JOB, "job_id: must be <job> or <job>_<attempt>")
    return JobId(job_id), 1 if is_first else int(number)
