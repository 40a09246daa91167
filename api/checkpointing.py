"""Signs the log: takes every commit into the tree, and now and then records a signed checkpoint of it.

Run by the coordinator that leads. A commit waits at most `checkpoint_wait_s` for its checkpoint, less where many
commits come; a log in which nothing but checkpoints happens gets no more of them. Reading goes on where the saved tree
ends, so a restart reads only what is new.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from adapters import clock
from adapters.nats import subjects
from adapters.nats.accounts.deployment import CHECKPOINTS
from adapters.nats.accounts.key_folder import KeyFolder, KeysUnusable
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.raw_log import RawLog
from adapters.postgres.tree_store import TreeStore
from api.settings import Settings
from commands.event_log import EventLog, Origin
from commands.handle import CommandHandler
from commands.log_tree import LogTree
from commands.raw_commit import RawCommit
from domain.checkpoint import CHECKPOINT, LOG, CheckpointSigned, RecordCheckpoint, signed_text
from projections.book_reads import BookReads

LOOK_EVERY_S: Final = 1.0
COMMITS_PER_CHECKPOINT_MAX: Final = 5_000
COMMITS_PER_SAVE_MAX: Final = 2_000
OWN_SUBJECT: Final = subjects.fact(CHECKPOINT.stream(LOG))
MS_A_SECOND: Final = 1000


class LogCutShort(Exception):
    """The log is shorter than what was signed of it: it was restored from an older copy."""


class Checkpointing:
    """`key` gives the key to sign with, which may be missing."""

    def __init__(
        self,
        raw_log: RawLog,
        log: EventLog,
        store: TreeStore,
        handler: CommandHandler,
        books: BookReads,
        *,
        key: Callable[[], NKey],
        wait_s: int,
    ) -> None:
        self._raw_log = raw_log
        self._log = log
        self._store = store
        self._handler = handler
        self._books = books
        self._key = key
        self._wait_ms = wait_s * MS_A_SECOND
        self._tree = LogTree()
        self._uncovered = 0
        self._oldest_ms = 0

    async def run(self) -> None:
        """For ever. Raises `KeysUnusable`, `LogCutShort`, `Gap`, and what log and database raise."""
        await self.begin()
        while True:
            await self.extend()
            if self.is_due(clock.now_ms()):
                await self.sign()
            await asyncio.sleep(LOOK_EVERY_S)

    async def begin(self) -> None:
        """Goes on where the saved tree ends."""
        self._tree = await self._store.load()
        end = await self._log.last_position()
        if end < self._tree.size:
            raise LogCutShort(f"the log ends at {end}, though {self._tree.size} commits were counted")
        await self._count_uncovered()

    def is_due(self, now_ms: int) -> bool:
        waited_ms = now_ms - self._oldest_ms
        return self._uncovered > 0 and (
            self._uncovered >= COMMITS_PER_CHECKPOINT_MAX or waited_ms >= self._wait_ms
        )

    async def _count_uncovered(self) -> None:
        """After a restart: what lies in the tree behind the newest checkpoint."""
        self._uncovered = 0
        covered = (await self._handler.state(CHECKPOINT, LOG)).tree_size
        if covered < self._tree.size:
            async for commits in self._raw_log.read(after=covered, up_to=self._tree.size):
                self._count(commits)

    def _count(self, commits: Sequence[RawCommit]) -> None:
        for commit in commits:
            if commit.subject != OWN_SUBJECT:
                self._oldest_ms = self._oldest_ms if self._uncovered else commit.recorded_at_ms
                self._uncovered += 1

    async def extend(self) -> None:
        """Takes in what the log has behind the tree, and saves."""
        saved = self._tree.size
        async for commits in self._raw_log.read(after=self._tree.size):
            for commit in commits:
                self._tree.take(commit)
            self._count(commits)
            if self._tree.size - saved >= COMMITS_PER_SAVE_MAX:
                await self._store.save(self._tree, old_size=saved)
                saved = self._tree.size
        if self._tree.size > saved:
            await self._store.save(self._tree, old_size=saved)

    async def sign(self) -> None:
        """Records a checkpoint over everything there is now."""
        key = self._key()
        chain = await self._books.chain()  # First: the ledger is then never ahead of the tree.
        await self.extend()
        now_ms = clock.now_ms()
        size, root, head = self._tree.size, self._tree.root().hex(), self._tree.chain_head.hex()
        ledger_position, ledger_digest = (chain.position, chain.digest) if chain else (0, "")
        signature = key.sign(
            signed_text(
                tree_size=size,
                root=root,
                chain_head=head,
                ledger_position=ledger_position,
                ledger_digest=ledger_digest,
                signed_at_ms=now_ms,
            )
        )
        checkpoint = CheckpointSigned(
            tree_size=size,
            root=root,
            chain_head=head,
            ledger_position=ledger_position,
            ledger_digest=ledger_digest,
            signed_at_ms=now_ms,
            key_id=key.public,
            signature=signature.hex(),
        )
        origin = Origin(command_id=clock.new_id(), actor="checkpoints")
        await self._handler.handle(CHECKPOINT, LOG, RecordCheckpoint(checkpoint=checkpoint), origin=origin)
        self._uncovered = 0


def signing_key(settings: Settings) -> NKey:
    """Raises `KeysUnusable` where the folder is of a version that signed nothing yet."""
    folder = KeyFolder(settings.nats_keys)
    if not folder.has(f"{CHECKPOINTS}.seed"):
        raise KeysUnusable(
            f"{folder.path / CHECKPOINTS}.seed: is missing; make it with `archipelago keys refresh`"
        )
    return folder.pair(CHECKPOINTS, Kind.USER)
