"""What happens to the fees of the network. Fields are storage format: add with a default, never rename.

Decided in `domain.treasury`, stored under the literal names of `adapters.codec`. Every event but `RefundOwed` is one
balanced transaction of the ledger.
"""

from dataclasses import dataclass

from domain.compensation import Cause
from domain.ids import AccountId, JobId
from domain.refund import ChargePart


@dataclass(frozen=True, slots=True, kw_only=True)
class FeesCollected:
    """The fees of every settlement behind `after_position` up to `through_position` are in the treasury."""

    after_position: int
    through_position: int
    amount_micro: int
    collected_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompensationGranted:
    """`evidence` are the addresses of the attempts that ended by no fault of the account."""

    job_id: JobId
    account_id: AccountId
    cause: Cause
    amount_micro: int
    compensation_rules_version: int
    evidence: tuple[str, ...]
    granted_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundCovered:
    """The treasury pays a part of a charge back. `original` is the address of the settlement."""

    job_id: JobId
    part: ChargePart
    account_id: AccountId
    original: str
    amount_micro: int
    covered_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOwed:
    """There is not enough in the treasury now; the next fees pay it first."""

    job_id: JobId
    part: ChargePart
    account_id: AccountId
    original: str
    amount_micro: int
    owed_at_ms: int


TreasuryEvent = FeesCollected | CompensationGranted | RefundCovered | RefundOwed
