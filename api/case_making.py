"""The case file of a job: gathers the commits that concern it and their proofs. Called by `GET /jobs/{job_id}/case`.

They are the job's own commits, the publication of the cargo it ran, and every commit that booked something for it.
What a commit about another account says is withheld from the job's owner; that it was recorded is not.
"""

from typing import Final

from adapters.case_file.bundle import ProvenCommit, case_file
from adapters.nats import subjects
from adapters.postgres.tree_store import TreeBehind
from api.edge import EdgeState
from api.errors import ApiError, ErrorCode
from commands.raw_commit import RawCommit
from domain.account import ACCOUNT
from domain.cargo import CARGO
from domain.cargo_events import CargoPublished
from domain.checkpoint import CheckpointSigned
from domain.job import JOB
from projections.checkpoints import CheckpointRow
from projections.jobs import JobRow

COMMITS_MAX: Final = 5_000
"""A job with its leases and bookings has some ten, one that ran for a day with a lease a minute 1 500."""
REPEAT_S: Final = 60


async def case_of(edge: EdgeState, row: JobRow, *, is_whole: bool) -> bytes:
    """The zip. `is_whole`: with everybody's bookings, for an operator. Raises `ApiError` (too_large, unavailable)."""
    commits = await commits_of(edge, row)
    if len(commits) > COMMITS_MAX:
        raise ApiError(ErrorCode.TOO_LARGE, f"more than {COMMITS_MAX} commits concern this job")
    checkpoint = await edge.services.proofs.checkpoints.first_over(commits[-1].position)
    if checkpoint is None:
        message = "no checkpoint covers the newest commit of this job yet; repeat in some minutes"
        raise ApiError(ErrorCode.UNAVAILABLE, message, retry_after_s=REPEAT_S)
    shown = shown_subjects(row)
    proven = []
    for commit in commits:
        try:
            path = await edge.services.proofs.inclusion(commit.position, checkpoint.tree_size)
        except TreeBehind as behind:
            message = "the tree over the log is being made again; repeat later"
            raise ApiError(ErrorCode.UNAVAILABLE, message, retry_after_s=REPEAT_S) from behind
        is_withheld = not is_whole and commit.subject not in shown
        proven.append(ProvenCommit(commit=commit, path=path, is_withheld=is_withheld))
    return case_file(row.job_id, proven, signed(checkpoint))


async def commits_of(edge: EdgeState, row: JobRow) -> list[RawCommit]:
    """In order, each once."""
    raw_log = edge.services.proofs.raw_log
    commits = {one.position: one async for one in raw_log.stream(JOB.stream(row.job_id))}
    booked = {entry.position for entry in await edge.services.reads.entries_of_job(row.job_id)}
    if (published := await publication_of(edge, row)) is not None:
        booked.add(published)
    for position in sorted(booked - commits.keys())[:COMMITS_MAX]:
        commits[position] = await edge.services.proofs.commit(position)
    return [commits[position] for position in sorted(commits)]


async def publication_of(edge: EdgeState, row: JobRow) -> int | None:
    """Where the version that the job ran was published."""
    for commit in await edge.services.log.history(CARGO.stream(row.cargo_slug)):
        for event in commit.events:
            if isinstance(event, CargoPublished) and event.cargo.spec.version == row.cargo_version:
                return commit.position
    return None


def shown_subjects(row: JobRow) -> frozenset[str]:
    streams = (JOB.stream(row.job_id), ACCOUNT.stream(row.account_id), CARGO.stream(row.cargo_slug))
    return frozenset(subjects.fact(stream) for stream in streams)


def signed(row: CheckpointRow) -> CheckpointSigned:
    return CheckpointSigned(
        tree_size=row.tree_size,
        root=row.root,
        chain_head=row.chain_head,
        ledger_position=row.ledger_position,
        ledger_digest=row.ledger_digest,
        signed_at_ms=row.signed_at_ms,
        key_id=row.key_id,
        signature=row.signature,
    )
