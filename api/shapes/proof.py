"""Checkpoints and proofs as the API shows them: digests in hex, as they are signed and hashed."""

from collections.abc import Sequence
from typing import Any

from domain.checkpoint import signed_text
from projections.checkpoints import CheckpointRow


def checkpoint_shape(row: CheckpointRow) -> dict[str, Any]:
    """`text` is what the signature stands under."""
    text = signed_text(
        tree_size=row.tree_size,
        root=row.root,
        chain_head=row.chain_head,
        ledger_position=row.ledger_position,
        ledger_digest=row.ledger_digest,
        signed_at_ms=row.signed_at_ms,
    )
    return {
        "tree_size": row.tree_size,
        "root": row.root,
        "chain_head": row.chain_head,
        "ledger_position": row.ledger_position,
        "ledger_digest": row.ledger_digest,
        "signed_at_ms": row.signed_at_ms,
        "key_id": row.key_id,
        "signature": row.signature,
        "text": text.decode(),
        "position": row.position,
    }


def path_shape(path: Sequence[bytes]) -> list[str]:
    return [digest.hex() for digest in path]
