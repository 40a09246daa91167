"""What may be asked of an island. Every id and every instant arrives from outside; `domain.island` decides."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.ids import AccountId, IslandId, JobId
from domain.island_events import Capabilities
from domain.karma import Penalty


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolIsland:
    """By its owner. Approves it at once; a review by the operator comes with strangers' islands."""

    island_id: IslandId
    owner_id: AccountId
    name: str
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
    island_id: IslandId
    is_leaving: bool
    is_draining: bool
    asks_micro: Mapping[str, int]
    warm_slugs: tuple[str, ...]
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
    | RegisterIsland
    | RecordHeartbeat
    | MarkOffline
    | CreditWork
    | PenalizeKarma
    | ReinstateIsland
)
