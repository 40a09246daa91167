"""Check "positions": the log has every position from 1 on, once, and each body is the one its writer hashed."""

import hashlib
from typing import Final

from adapters.nats import subjects
from cli.audit_check import FINDINGS_MAX, AuditSources, CheckResult

NAME: Final = "positions"


async def positions_are_whole(sources: AuditSources) -> CheckResult:
    """Finds gaps, repetitions and bodies that differ from their `Body-Sha256` header."""
    findings: list[str] = []
    position = 0
    async for commits in sources.raw_log():
        for commit in commits:
            if commit.position != position + 1:
                findings.append(f"position {position + 1}: {commit.position} follows {position}")
            if hashlib.sha256(commit.body).hexdigest() != commit.headers.get(subjects.BODY_HASH):
                findings.append(f"position {commit.position}: the body is not what its writer hashed")
            position = commit.position
        sources.progress(NAME, position)
    if position != sources.last:
        findings.append(f"position {position + 1}: the log ends before {sources.last}")
    return CheckResult(
        name=NAME,
        is_sound=not findings,
        told=f"{position} commits, {len(findings)} findings",
        findings=tuple(findings[:FINDINGS_MAX]),
    )
