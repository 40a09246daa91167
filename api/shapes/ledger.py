"""An entry of the books. The amount has a sign: credits that come are above zero."""

from typing import Any

from api.shapes.amounts import decimal_text, number
from api.shapes.present import instant, present
from domain.ids import AccountId
from projections.ledger import EntryRow


def entry_shape(row: EntryRow) -> dict[str, Any]:
    """`account` is the purse without its owner: free, held, escrow, fees, treasury, clearing or mint."""
    shape = {
        "position": row.position,
        "index": row.index,
        "leg": row.leg,
        "account": row.account.partition(":")[0],
        "amount": decimal_text(row.amount_micro),
        "kind": row.kind,
        "job_id": row.job_id,
        "host_id": row.island_id,
        "reference": row.reference,
        "original": row.original,
        "price_rules_version": row.price_rules_version,
        "effective_at": instant(row.effective_at_ms),
        "posted_at": instant(row.posted_at_ms),
    }
    data = {**shape, "amount": number(row.amount_micro)}
    return present({**shape, "data": present(data)})


def is_visible(row: EntryRow, account_id: AccountId) -> bool:
    """Own entries, and where a charge went to; what others earned from it is theirs to see."""
    return row.account_id in (None, account_id)
