"""Proofs about the log for whoever asks: signed checkpoints, and how a commit or an older log lies in them.

One of the API's services; made by `api/coordinator.py`. A proof reads one commit and a few tiles, however long the log
is, and whoever gets it verifies it without trusting us.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.nats.raw_log import RawLog
from adapters.postgres.tree_store import TreeStore
from commands.merkle import consistency_spans, inclusion_spans
from commands.raw_commit import RawCommit
from projections.checkpoint_reads import CheckpointReads


@dataclass(frozen=True, slots=True)
class LogProofs:
    """Proofs raise `TreeBehind` while the tree is made again after a loss."""

    raw_log: RawLog
    tree: TreeStore
    checkpoints: CheckpointReads

    async def commit(self, position: int) -> RawCommit:
        """The commit at a position that a checkpoint covers. Raises `LogUnavailable`."""
        async for commits in self.raw_log.read(after=position - 1, up_to=position):
            return commits[0]
        raise LookupError(position)

    async def inclusion(self, position: int, tree_size: int) -> Sequence[bytes]:
        """The path from the commit at `position` to the root over `tree_size` commits."""
        return await self.tree.proof(inclusion_spans(position - 1, tree_size))

    async def consistency(self, old: int, new: int) -> Sequence[bytes]:
        """The path that shows the log of `old` commits at the beginning of that of `new`."""
        return await self.tree.proof(consistency_spans(old, new))
