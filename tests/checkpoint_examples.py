"""One example of a signed checkpoint. Its signature is no real one: nothing that only folds events looks at it."""

from typing import Final

from domain.checkpoint import CheckpointSigned
from tests.examples import at_ms

SIGNED: Final = CheckpointSigned(
    tree_size=7,
    root="ab" * 32,
    chain_head="cd" * 32,
    ledger_position=5,
    ledger_digest="ef" * 32,
    signed_at_ms=at_ms(60),
    key_id="UD5CPVEUVPRM4LPOAZUAQZ6QXYCGAJBWQ5GRIXGTQNGYUFNSBOTMV6CC",
    signature="01" * 64,
)
