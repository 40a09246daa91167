"""The head of the ledger's chain as the network signed it in its checkpoints, beside that of the second fold.

Fed by `adapters.second_fold.refold`. Whoever holds the key could sign a ledger that no log comes to; this finds it.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from adapters.second_fold.findings import Findings

HEADS_KEPT_MAX: Final = 100_000
"""Positions. A checkpoint is signed within 5 000 commits, over books that are a moment behind."""


class SignedHeads:
    """Heads are kept from the last signed one on: no checkpoint goes back behind another."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._heads: OrderedDict[int, bytes] = OrderedDict()

    def move(self, position: int, digest: bytes) -> None:
        """Behind the entries of `position`, or some of them."""
        self._heads[position] = digest
        if len(self._heads) > HEADS_KEPT_MAX:
            self._heads.popitem(last=False)

    def meet(self, checkpoint: Mapping[str, Any], position: int) -> None:
        """A signed checkpoint, recorded at `position`."""
        signed_at, signed = checkpoint["ledger_position"], checkpoint["ledger_digest"]
        folded = self._heads.get(signed_at, b"").hex()
        if signed != folded:
            fault = f"the ledger's head at position {signed_at} was signed as {signed or 'none'}"
            self._findings.add(
                "checkpoint", f"{fault}, and is {folded or 'none'} by the second fold", position
            )
        while self._heads and next(iter(self._heads)) < signed_at:
            self._heads.popitem(last=False)
