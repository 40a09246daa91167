"""What may be asked of an island. Every id and every instant arrives from outside; `domain.island` decides."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.ids import AccountId, IslandId, JobId
from domain.island_events import Capabilities, RuntimeOffer
from domain.karma import Penalty


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolIsland:
    """By an island that proved to hold both its keys. With an owner it is vouched for, and paired at once.

    `needs_review`: an operator approves it before it gets jobs.
    """

    island_id: IslandId
    owner_id: AccountId | None
    name: str
    user_key: str
    now_ms: int
    needs_review: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolPasswordIsland:
    """By its owner, for a daemon that has no keys. It calls itself `local_id` and shows a password."""

    island_id: IslandId
    owner_id: AccountId
    name: str
    local_id: str
    password_sha256: str
    now_ms: int
    needs_review: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PairIsland:
    """By the person who typed in the code that the island showed."""

    island_id: IslandId
    owner_id: AccountId
    now_ms: int
    needs_review: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameIsland:
    island_id: IslandId
    owner_id: AccountId
    name: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveIsland:
    island_id: IslandId
    owner_id: AccountId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveIsland:
    """By an operator: a new island may be given jobs."""

    island_id: IslandId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectIsland:
    """By an operator: a new island is not wanted."""

    island_id: IslandId
    reason: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyCapabilities:
    """By an operator who looked at what the machine says of itself."""

    island_id: IslandId
    notes: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawVerification:
    island_id: IslandId
    reason: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainIsland:
    """By its owner. No new jobs until it is resumed; what runs there goes on."""

    island_id: IslandId
    owner_id: AccountId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeIsland:
    """By its owner: the drain ends."""

    island_id: IslandId
    owner_id: AccountId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendIsland:
    """By an operator. No jobs until it is reinstated; it stays connected."""

    island_id: IslandId
    reason: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeIsland:
    """By an operator. Its key never counts again; with a new one its owner may pair it again."""

    island_id: IslandId
    reason: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PenalizeFlood:
    """By the guard of the connections, once per flood."""

    island_id: IslandId
    flood_id: str
    messages_per_s: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterIsland:
    island_id: IslandId
    agent_version: str
    protocol: int
    capabilities: Capabilities
    asks_micro: Mapping[str, int]
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHeartbeat:
    """`runtimes` is None where the heartbeat does not name them; what else a daemon told counts only with them."""

    island_id: IslandId
    is_leaving: bool
    is_draining: bool
    asks_micro: Mapping[str, int]
    warm_slugs: tuple[str, ...]
    runtimes: tuple[RuntimeOffer, ...] | None = None
    gpu_bandwidth_mb_s: int = 0
    formats: tuple[str, ...] = ()
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAsk:
    """By its owner, for a unit of one cargo or, as `_default`, of all that have no ask of their own."""

    island_id: IslandId
    owner_id: AccountId
    slug: str
    ask_micro: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkOffline:
    island_id: IslandId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditWork:
    island_id: IslandId
    job_id: JobId
    attempt: int
    worked_ms: int
    now_ms: int
    unchecked: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmResult:
    """Its answer agreed with that of other owners' islands."""

    island_id: IslandId
    runtime: str
    job_id: JobId
    attempt: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContradictResult:
    """Its answer was not that of the majority, or not the one that was known."""

    island_id: IslandId
    runtime: str
    job_id: JobId
    attempt: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PenalizeKarma:
    island_id: IslandId
    job_id: JobId
    attempt: int
    penalty: Penalty
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinstateIsland:
    island_id: IslandId
    now_ms: int


IslandCommand = (
    EnrolIsland
    | EnrolPasswordIsland
    | PairIsland
    | RenameIsland
    | RemoveIsland
    | ApproveIsland
    | RejectIsland
    | VerifyCapabilities
    | WithdrawVerification
    | DrainIsland
    | ResumeIsland
    | SuspendIsland
    | ReinstateIsland
    | RevokeIsland
    | RegisterIsland
    | RecordHeartbeat
    | SetAsk
    | MarkOffline
    | CreditWork
    | ConfirmResult
    | ContradictResult
    | PenalizeKarma
    | PenalizeFlood
)
