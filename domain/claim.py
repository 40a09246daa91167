"""What an island says. A claim is kept, never trusted as it stands; the intake makes it a command or rejects it.

Decoded from the wire by `adapters.claim_codec`. The wire id of a job is its UUID for the first attempt and
`{uuid}_{n}` for attempt n, so that an island that only echoes it is fenced too (protocol page, section 3.0).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.failure import Failure, ReturnReason
from domain.ids import IslandId, JobId
from domain.island_events import Capabilities
from domain.job_events import Usage

WIRE_SEPARATOR: Final = "_"


class ClaimRejection(StrEnum):
    """Why a claim was not acted upon. Kept with the claim, shown in the job's timeline."""

    BAD_SUBJECT = "bad_subject"
    BAD_JSON = "bad_json"
    TOO_LARGE = "too_large"
    UNKNOWN_ISLAND = "unknown_island"
    ID_MISMATCH = "id_mismatch"
    UNKNOWN_JOB = "unknown_job"
    NOT_OWNER = "not_owner"
    STALE_ATTEMPT = "stale_attempt"
    JOB_CLOSED = "job_closed"
    IMPLAUSIBLE = "implausible"


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
    island_id: IslandId
    is_leaving: bool
    is_draining: bool
    asks_micro: Mapping[str, int]
    warm_slugs: tuple[str, ...]
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
    """`chunks` and `digest` are what the island says its output was; both must agree with what arrived."""

    island_id: IslandId
    job_id: JobId
    attempt: int
    chunks: int
    digest: str
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
    if not separator:
        return JobId(job_id), 1
    if not (number.isascii() and number.isdigit() and len(number) <= 2 and int(number) > 1):
        raise ClaimRejected(ClaimRejection.UNKNOWN_JOB, "job_id: must be <job> or <job>_<attempt>")
    return JobId(job_id), int(number)
