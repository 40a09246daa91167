"""Answers for operators and auditors: whom something touched, what was repaired, checkpoints and proofs."""

from typing import NotRequired

from typing_extensions import TypedDict

from api.schemas.fields import Credits, Digest, EventAddress, Instant, Position
from domain.job_state import Phase


class TouchedJob(TypedDict):
    """A job that ran an artifact or on an island: what it came to cost, and whether its output is still there."""

    job_id: str
    account_id: str
    workload: str
    workload_version: str
    artifact_digest: Digest
    state: Phase
    hosts: list[str]
    created_at: Instant
    output_digest: NotRequired[Digest]
    output_bytes: NotRequired[int]
    output_stored: NotRequired[bool]
    charged: Credits
    refunded: Credits
    settlement: NotRequired[EventAddress]
    rerun_id: NotRequired[str]
    position: Position


class TouchedJobs(TypedDict):
    """Jobs, oldest first; ask again behind `position`."""

    jobs: list[TouchedJob]
    count: int
    position: Position
    data: list[TouchedJob]


class Refund(TypedDict):
    """`new` is false where the job was refunded before."""

    job_id: str
    account_id: str
    settlement: EventAddress
    amount: Credits
    new: bool


class Rerun(TypedDict):
    """`new` is false where the job had been run again before."""

    job_id: str
    rerun_of: str
    new: bool


class Checkpoint(TypedDict):
    """A signed size and root of the log, digests in hex. `text` is what the signature stands under."""

    tree_size: int
    root: str
    chain_head: str
    ledger_position: Position
    ledger_digest: str
    signed_at_ms: int
    key_id: str
    signature: str
    text: str
    position: Position


class InclusionProof(TypedDict):
    """That a commit is in the log of a checkpoint (RFC 9162, 2.1.3)."""

    position: Position
    leaf_hash: str
    path: list[str]
    checkpoint: Checkpoint


ConsistencyProof = TypedDict("ConsistencyProof", {"from": Checkpoint, "to": Checkpoint, "path": list[str]})
"""That the log of one checkpoint is the beginning of a later one's (RFC 9162, 2.1.4)."""
