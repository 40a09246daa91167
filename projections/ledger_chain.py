"""The chain over the books: one digest that stands for every entry there ever was, in order.

`ledger.sql` moves it with each entry; this is the second, independent way to it, from the log. Two books with one
digest hold the same entries, so a digest written down elsewhere proves later that nothing was changed since.
"""

import hashlib
from collections.abc import Iterable

from projections.ledger import EntryRow

SEPARATOR = "\x1f"


def chained(digest: bytes, entries: Iterable[EntryRow]) -> bytes:
    """The digest behind these entries: SHA-256 of the one before and the entry's own text. It begins empty."""
    for entry in entries:
        digest = hashlib.sha256(digest + canonical(entry).encode()).digest()
    return digest


def canonical(entry: EntryRow) -> str:
    """Every column of an entry as one text; what is empty is empty."""
    columns = (
        entry.position,
        entry.index,
        entry.leg,
        entry.account,
        entry.amount_micro,
        entry.kind,
        entry.job_id,
        entry.island_id,
        entry.reference,
        entry.original,
        entry.price_rules_version,
        entry.effective_at_ms,
        entry.posted_at_ms,
    )
    return SEPARATOR.join("" if value is None else str(value) for value in columns)
