"""What a check of `archipelago audit check` is given and what it answers.

A check is an async function of `AuditSources`, one module each below `cli/audit_checks/`; `cli/audit_run.py` lists
and runs them. All checks of one run look at the same commits: those up to `AuditSources.last`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from commands.raw_commit import RawCommit
from domain.checkpoint import CheckpointSigned

FINDINGS_MAX: Final = 20
"""How many findings a check tells; there may be more, and its summary says how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """`told` is one sentence or number for a person; `findings` name what is wrong and where, at most FINDINGS_MAX."""

    name: str
    is_sound: bool
    told: str
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What whoever checks knows already: the public key that signs checkpoints, and a checkpoint that was kept."""

    key: str = ""
    kept: CheckpointSigned | None = None


class RawReader(Protocol):
    """The log, or a copy of it, as raw commits."""

    def __call__(self, *, after: int, up_to: int) -> AsyncIterator[Sequence[RawCommit]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSources:
    """`last` is the position of the newest commit that is looked at. The two databases are empty for a check of a
    file. `progress(name, position)` may be called after every batch.
    """

    read: RawReader
    last: int
    postgres_dsn: str
    archive_dsn: str
    trust: Trust
    progress: Callable[[str, int], None]

    def raw_log(self, *, after: int = 0) -> AsyncIterator[Sequence[RawCommit]]:
        """Every commit behind `after` up to `last`, in order, batch by batch."""
        return self.read(after=after, up_to=self.last)


AuditCheck = Callable[[AuditSources], Awaitable[CheckResult]]
