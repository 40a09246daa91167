"""Check "checkpoints": the log is what the network signed of it, as often as it signed.

The tree and the chain over all commits are built again here, and each signature is verified: nothing of the server is
believed but the key. Where a checkpoint does not fit, what was changed lies between it and the one before.
"""

from dataclasses import dataclass, field
from typing import Final

from adapters import codec
from adapters.nats import subjects
from adapters.nats.accounts.nkey import verify
from cli.audit_check import FINDINGS_MAX, AuditSources, CheckResult
from commands.log_tree import LogTree, proof
from commands.merkle import HASH_BYTES, Span
from commands.raw_commit import RawCommit
from domain.checkpoint import CHECKPOINT, LOG, CheckpointSigned, text_of

NAME: Final = "checkpoints"
SUBJECT: Final = subjects.fact(CHECKPOINT.stream(LOG))


@dataclass(slots=True)
class GrowingLog:
    """All of the tree, 64 bytes a commit, so that every earlier size can be looked at again."""

    tree: LogTree = field(default_factory=LogTree)
    heads: bytearray = field(default_factory=bytearray)

    def take(self, commit: RawCommit) -> None:
        self.tree.take(commit)
        self.heads += self.tree.chain_head

    def root(self, size: int) -> str:
        tiles = {**self.tree.changed, **self.tree.opened()}
        return proof([Span(0, size)], tiles)[0].hex()

    def head(self, size: int) -> str:
        return bytes(self.heads[(size - 1) * HASH_BYTES : size * HASH_BYTES]).hex()


async def log_is_as_signed(sources: AuditSources) -> CheckResult:
    """Finds signatures that are none, keys nobody named, and stretches of the log that are not what was signed."""
    log = GrowingLog()
    judge = Judge(log, sources.trust.key)
    async for commits in sources.raw_log():
        for commit in commits:
            if commit.subject == SUBJECT:
                for event in codec.decode(commit.body):
                    judge.meet(event, f"position {commit.position}")
            log.take(commit)
        sources.progress(NAME, commits[-1].position)
    if sources.trust.kept is not None:
        judge.meet(sources.trust.kept, "the checkpoint you kept")
    findings = judge.findings
    told = f"{judge.count} over {judge.covered} of {log.tree.size} commits, {len(findings)} findings"
    if judge.keys and not sources.trust.key:
        told += f"; signed by {', '.join(sorted(judge.keys))}, name the key you know with --key"
    return CheckResult(name=NAME, is_sound=not findings, told=told, findings=tuple(findings[:FINDINGS_MAX]))


class Judge:
    """Compares one checkpoint after the other. `covered` is the size of the newest one that fits."""

    def __init__(self, log: GrowingLog, trusted_key: str) -> None:
        self._log = log
        self._trusted_key = trusted_key
        self.keys: set[str] = set()
        self.findings: list[str] = []
        self.count = 0
        self.covered = 0

    def meet(self, checkpoint: CheckpointSigned, where: str) -> None:
        self.count += 1
        self.keys.add(checkpoint.key_id)
        size = checkpoint.tree_size
        if self._trusted_key and checkpoint.key_id != self._trusted_key:
            self.findings.append(f"{where}: signed by {checkpoint.key_id}, not by the key you named")
        if not is_signed(checkpoint):
            self.findings.append(f"{where}: the signature is not one under this checkpoint")
        elif not 0 < size <= self._log.tree.size:
            self.findings.append(f"{where}: {size} commits were signed; here are {self._log.tree.size}")
        elif (self._log.root(size), self._log.head(size)) != (checkpoint.root, checkpoint.chain_head):
            first = min(self.covered, size - 1) + 1
            self.findings.append(f"positions {first} to {size}: not what was signed; see {where}")
        else:
            self.covered = max(self.covered, size)


def is_signed(checkpoint: CheckpointSigned) -> bool:
    try:
        signature = bytes.fromhex(checkpoint.signature)
    except ValueError:
        return False
    return verify(checkpoint.key_id, text_of(checkpoint), signature)
