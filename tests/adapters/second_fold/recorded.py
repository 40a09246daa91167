"""Histories as the second fold reads them: commits as the bytes that the log would hold."""

from collections.abc import Iterator, Sequence
from typing import Final

from adapters import codec
from adapters.commit_recorder import CommitRecorder
from adapters.nats import subjects
from commands.event_log import Commit
from commands.raw_commit import RawCommit

BATCH: Final = 50


def raw(commit: Commit) -> RawCommit:
    return RawCommit(
        position=commit.position,
        subject=subjects.fact(commit.stream),
        headers={},
        body=codec.encode(commit.events),
        recorded_at_ms=commit.recorded_at_ms,
    )


def recorder_of(commits: Sequence[Commit], *, up_to: int | None = None) -> CommitRecorder:
    """A recorder of these commits, up to a position."""
    kept = [raw(commit) for commit in commits if up_to is None or commit.position <= up_to]
    return raw_recorder(kept)


def raw_recorder(kept: Sequence[RawCommit]) -> CommitRecorder:
    def read(after: int) -> Iterator[Sequence[RawCommit]]:
        rest = [commit for commit in kept if commit.position > after]
        for start in range(0, len(rest), BATCH):
            yield rest[start : start + BATCH]

    return CommitRecorder(read)
