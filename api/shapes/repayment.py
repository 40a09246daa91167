"""What came back for a job after it had ended: compensation for lost or late work, and refunds."""

from typing import Any, Final

from api.shapes.amounts import decimal_text
from domain.account_events import CompensationPaid
from projections.ledger import EntryRow
from projections.postings import Kind

REPAYMENTS: Final = frozenset({Kind.COMPENSATED, Kind.REFUNDED})


def repayment_shape(entry: EntryRow, event: Any) -> dict[str, Any]:
    """`entry` is the account's leg, `event` what it books. Compensation names its evidence: addresses of the events."""
    shape: dict[str, Any] = {
        "kind": entry.kind,
        "amount": decimal_text(entry.amount_micro),
        "event": f"{entry.position}.{entry.index}",
    }
    if not isinstance(event, CompensationPaid):
        return shape | {"original": entry.original}
    return shape | {
        "reason": event.reason,
        "evidence": list(event.evidence),
        "compensation_rules_version": event.compensation_rules_version,
    }
