"""A checkpoint: the network's signature under the log as it is, so that nobody can change it later unnoticed.

Recorded by the coordinator that leads. The event names the tree over all commits up to a position, the head of the
chain over the same commits, and the head of the chain over the ledger's entries; whoever keeps a copy of one proves
with it what the log was. The checkpoint is a commit itself: the next one covers it.
"""

from dataclasses import dataclass, replace
from typing import Final

from domain.decider import Decider

LOG: Final = "log"
"""The only checkpoint there is: that of the one log."""
SIGNED_AS: Final = "archipelago checkpoint 1"
"""The first line of what is signed, so that no signature made for anything else is ever one of a checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSigned:
    """Digests are SHA-256 in hex; `tree_size` is the position of the last commit that is covered.

    `ledger_digest` stands for every ledger entry up to `ledger_position`; both are empty while there is no entry.
    `signature` (hex) is the Ed25519 signature of the key `key_id` under `signed_text`.
    """

    tree_size: int
    root: str
    chain_head: str
    ledger_position: int
    ledger_digest: str
    signed_at_ms: int
    key_id: str
    signature: str


CheckpointEvent = CheckpointSigned


def signed_text(
    *, tree_size: int, root: str, chain_head: str, ledger_position: int, ledger_digest: str, signed_at_ms: int
) -> bytes:
    """What is signed: a line for each part, in this order."""
    parts = (SIGNED_AS, tree_size, root, chain_head, ledger_position, ledger_digest, signed_at_ms)
    return "".join(f"{part}\n" for part in parts).encode()


def text_of(checkpoint: CheckpointSigned) -> bytes:
    """What the signature of this checkpoint stands under."""
    return signed_text(
        tree_size=checkpoint.tree_size,
        root=checkpoint.root,
        chain_head=checkpoint.chain_head,
        ledger_position=checkpoint.ledger_position,
        ledger_digest=checkpoint.ledger_digest,
        signed_at_ms=checkpoint.signed_at_ms,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCheckpoint:
    """A checkpoint that was just signed."""

    checkpoint: CheckpointSigned


CheckpointCommand = RecordCheckpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """`tree_size` of the newest one, 0 before the first."""

    tree_size: int = 0


def decide(checkpoint: Checkpoint, command: CheckpointCommand) -> list[CheckpointEvent]:
    """Nothing where a checkpoint of this size, or of a larger one, was recorded already: two may lead for a moment."""
    if command.checkpoint.tree_size <= checkpoint.tree_size:
        return []
    return [command.checkpoint]


def evolve(checkpoint: Checkpoint, event: CheckpointEvent) -> Checkpoint:
    return replace(checkpoint, tree_size=max(checkpoint.tree_size, event.tree_size))


CHECKPOINT: Decider[CheckpointCommand, Checkpoint, CheckpointEvent] = Decider(
    "checkpoint", Checkpoint(), decide, evolve
)
