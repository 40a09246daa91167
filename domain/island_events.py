"""What happens to an island. Fields are storage format: add with a default, never rename, never change a meaning.

Decided in `domain.island`, stored under the literal names of `adapters.codec`. Times are Unix milliseconds of the
coordinator's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.category import ANY_CATEGORY, CategoryPolicy
from domain.ids import AccountId, IslandId, JobId
from domain.karma import Penalty


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOffer:
    """A runtime that passed its self-test. `score` is the engine's measured speed in the unit of the runtime."""

    runtime: str
    engine: str
    engine_version: str
    score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the machine has, as its daemon found it at start.

    `formats` of model files are empty and `gpu_bandwidth_mb_s` is 0 where the daemon did not say.
    """

    platform: str
    cpu_cores: int
    ram_mb: int
    disk_free_mb: int
    region: str | None
    gpu_model: str | None
    gpu_vram_mb: int
    slots: int
    runtimes: tuple[RuntimeOffer, ...]
    trust_level_min: int
    gpu_bandwidth_mb_s: int = 0
    formats: tuple[str, ...] = ()
    categories: CategoryPolicy = ANY_CATEGORY


class Absence(StrEnum):
    """Why an island went offline."""

    HEARTBEATS_MISSED = "heartbeats_missed"
    GOODBYE = "goodbye"


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandEnrolled:
    """It joined, or joined again after its removal: then all but its standing starts anew.

    With an owner it is paired at once. An island of our own has a `user_key`, one with only a password a `local_id` and
    a `password_sha256`; the first islands had neither. `karma` is what it brought from before a removal.
    """

    island_id: IslandId
    owner_id: AccountId | None
    name: str
    enrolled_at_ms: int
    user_key: str | None = None
    local_id: str | None = None
    password_sha256: str | None = None
    karma: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandPaired:
    """An account vouches for an island that had joined on its own. `karma` is what the island has by then."""

    island_id: IslandId
    owner_id: AccountId
    name: str
    karma: int
    paired_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandKeyReplaced:
    """It signs and connects with another user key from now on."""

    island_id: IslandId
    user_key: str
    replaced_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandRenamed:
    island_id: IslandId
    name: str
    renamed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandRemoved:
    """It left the network: its owner took it out, or it was not paired yet and flooded."""

    island_id: IslandId
    owner_id: AccountId | None
    reason: str
    removed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandRevoked:
    """Its key or password counts no more, nor does anything signed for it before `revoked_at_ms`."""

    island_id: IslandId
    reason: str
    revoked_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandApproved:
    """It may be given jobs. Follows pairing at once; an operator's review would stand in between."""

    island_id: IslandId
    approved_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandRejected:
    """An operator looked at a new island and will not have it. It may still be approved later."""

    island_id: IslandId
    reason: str
    rejected_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilitiesVerified:
    """An operator found that the machine is what it says it is."""

    island_id: IslandId
    notes: str
    verified_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationWithdrawn:
    island_id: IslandId
    reason: str
    withdrawn_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandRegistered:
    island_id: IslandId
    agent_version: str
    protocol: int
    capabilities: Capabilities
    registered_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandCameOnline:
    island_id: IslandId
    online_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandWentOffline:
    island_id: IslandId
    reason: Absence
    offline_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainStarted:
    """Its daemon takes no more jobs: it leaves, or its opening hours are over."""

    island_id: IslandId
    drained_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainEnded:
    """Its daemon takes jobs again. `is_still_ordered`: its owner had ordered a drain too, and that goes on."""

    island_id: IslandId
    resumed_at_ms: int
    is_still_ordered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainOrdered:
    """Its owner wants it to take no more jobs, whatever its daemon says, until the order is lifted."""

    island_id: IslandId
    ordered_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainLifted:
    """The owner's order is over. `is_still_draining`: its daemon drains all the same."""

    island_id: IslandId
    is_still_draining: bool
    lifted_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AsksChanged:
    """Ask per cargo slug in micro-credits for one unit of the cargo's price; `_default` for the rest.

    `told_micro` is what its daemon told last, where the owner has set something else; None where that is all.
    """

    island_id: IslandId
    asks_micro: Mapping[str, int]
    changed_at_ms: int
    told_micro: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimesChanged:
    """It offers other runtimes than when it registered. Islands of the first dialect say so in their heartbeats.

    `gpu_bandwidth_mb_s` is 0 and `formats` are empty where it did not say.
    """

    island_id: IslandId
    runtimes: tuple[RuntimeOffer, ...]
    changed_at_ms: int
    gpu_bandwidth_mb_s: int = 0
    formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmCargosChanged:
    island_id: IslandId
    slugs: tuple[str, ...]
    changed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkCredited:
    """A successful attempt. `karma_delta` is 0 until the work adds up to a full point.

    `unchecked` is the runtime of a result that could have been compared with another and was not.
    """

    island_id: IslandId
    job_id: JobId
    attempt: int
    worked_ms: int
    multiplier_permille: int
    karma_delta: int
    karma: int
    pending_minutes: int
    pending_ms: int
    karma_rules_version: int
    credited_at_ms: int
    unchecked: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KarmaPenalized:
    island_id: IslandId
    job_id: JobId
    attempt: int
    penalty: Penalty
    karma_delta: int
    karma: int
    faults_in_row: int
    karma_rules_version: int
    penalized_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodPenalized:
    """It sent more than a network of many can bear. `messages_per_s` is what was measured on its connections."""

    island_id: IslandId
    flood_id: str
    messages_per_s: int
    karma_delta: int
    karma: int
    faults_in_row: int
    karma_rules_version: int
    penalized_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultConfirmed:
    """Islands of other owners gave the same answer. `in_row` counts this one."""

    island_id: IslandId
    runtime: str
    in_row: int
    job_id: JobId
    attempt: int
    confirmed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultContradicted:
    """Others gave another answer. The count of the runtime starts anew; `doubted` are earlier jobs to look at again."""

    island_id: IslandId
    runtime: str
    job_id: JobId
    attempt: int
    doubted: tuple[JobId, ...]
    contradicted_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutsUnlocked:
    island_id: IslandId
    owner_id: AccountId
    unlocked_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CooldownStarted:
    island_id: IslandId
    until_ms: int
    faults_in_row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandSuspended:
    island_id: IslandId
    reason: str
    suspended_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandReinstated:
    island_id: IslandId
    reinstated_at_ms: int


IslandEvent = (
    IslandEnrolled
    | IslandPaired
    | IslandApproved
    | IslandRejected
    | CapabilitiesVerified
    | VerificationWithdrawn
    | IslandKeyReplaced
    | IslandRenamed
    | IslandRemoved
    | IslandRevoked
    | IslandRegistered
    | IslandCameOnline
    | IslandWentOffline
    | DrainStarted
    | DrainEnded
    | DrainOrdered
    | DrainLifted
    | AsksChanged
    | RuntimesChanged
    | WarmCargosChanged
    | WorkCredited
    | KarmaPenalized
    | FloodPenalized
    | ResultConfirmed
    | ResultContradicted
    | PayoutsUnlocked
    | CooldownStarted
    | IslandSuspended
    | IslandReinstated
)
