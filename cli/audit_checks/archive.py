"""Check "archive": the second copy of the log in PostgreSQL has the same commits, byte by byte."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from adapters.postgres.archive import archived_up_to, read_archive
from cli.audit_check import FINDINGS_MAX, AuditSources, CheckResult
from commands.raw_commit import RawCommit, leaf_bytes

NAME: Final = "archive"


async def archive_agrees(sources: AuditSources) -> CheckResult:
    """Finds commits that the archive lacks, has besides, or has otherwise. What it has not copied yet is no finding."""
    archived = await archived_up_to(sources.archive_dsn)
    if archived is None:
        return CheckResult(
            name=NAME, is_sound=False, told="there is none", findings=("the database has none",)
        )
    last = min(archived, sources.last)
    findings: list[str] = []
    count = 0
    copies = one_by_one(read_archive(sources.archive_dsn, after=0, up_to=last))
    copy = await anext(copies, None)
    async for batch in sources.read(after=0, up_to=last):
        for commit in batch:
            fault = None
            if copy is None or copy.position != commit.position:
                fault = "is missing in the archive"
            else:
                if leaf_bytes(copy) != leaf_bytes(commit):
                    fault = "differs between log and archive"
                copy = await anext(copies, None)
            if fault is not None:
                count += 1
                findings.append(f"position {commit.position}: {fault}")
                del findings[FINDINGS_MAX:]
        sources.progress(NAME, batch[-1].position)
    told = f"{last} commits compared, {sources.last - last} not copied yet, {count} findings"
    return CheckResult(name=NAME, is_sound=not count, told=told, findings=tuple(findings))


async def one_by_one(batches: AsyncIterator[Sequence[RawCommit]]) -> AsyncIterator[RawCommit]:
    async for batch in batches:
        for commit in batch:
            yield commit
