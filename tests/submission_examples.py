"""One example of everything that happens to a submission, and the commands behind it.

Shared by the tests of the domain, of the storage format and of the read side.
"""

from dataclasses import replace
from typing import Any, Final

from domain.submission import (
    DraftSubmission,
    Offer,
    Scan,
    ScanStatus,
    SubmissionApproved,
    SubmissionDrafted,
    SubmissionHandedIn,
    SubmissionRejected,
    SubmissionRevised,
    SubmissionScanned,
    SubmissionSuspended,
    SubmissionWithdrawn,
)
from tests.examples import CARGO_VERSION, PUBLISHER, SLUG, T0_MS, at_ms

SUBMISSION_ID: Final = "01900000-0000-7000-8000-000000000001"
IDS: Final[dict[str, Any]] = {"submission_id": SUBMISSION_ID, "account_id": PUBLISHER}
OFFER: Final = Offer(cargo=CARGO_VERSION, source_url="https://files.example/hash.wasm")
OTHER_OFFER: Final = replace(OFFER, cargo=replace(CARGO_VERSION, name="Better hash"))
REQUEST_SHA256: Final = "a" * 64


def draft(**fields: Any) -> DraftSubmission:
    known = {"offer": OFFER, "request_sha256": REQUEST_SHA256, "now_ms": T0_MS}
    return DraftSubmission(**IDS | known | fields)


def drafted(**fields: Any) -> SubmissionDrafted:
    known = {"offer": OFFER, "request_sha256": REQUEST_SHA256, "drafted_at_ms": T0_MS}
    return SubmissionDrafted(**IDS | known | fields)


def revised() -> SubmissionRevised:
    return SubmissionRevised(**IDS, offer=OTHER_OFFER, revised_at_ms=at_ms(1))


def handed_in(at_s: int = 2) -> SubmissionHandedIn:
    return SubmissionHandedIn(**IDS, handed_in_at_ms=at_ms(at_s))


def approved(at_s: int = 3) -> SubmissionApproved:
    return SubmissionApproved(
        **IDS,
        slug=SLUG,
        version=CARGO_VERSION.spec.version,
        artifact_digest=CARGO_VERSION.spec.artifact_digest,
        approved_at_ms=at_ms(at_s),
    )


def rejected() -> SubmissionRejected:
    return SubmissionRejected(**IDS, reason="the readme is empty", rejected_at_ms=at_ms(3))


def suspended() -> SubmissionSuspended:
    return SubmissionSuspended(**IDS, reason="it leaks", suspended_at_ms=at_ms(4))


def withdrawn() -> SubmissionWithdrawn:
    return SubmissionWithdrawn(**IDS, withdrawn_at_ms=at_ms(5))


def scan(status: ScanStatus = ScanStatus.PASSED, vulnerabilities: int = 0) -> Scan:
    return Scan(
        status=status,
        vulnerabilities=vulnerabilities,
        image_digest=f"sha256:{'b' * 64}",
        scanned_at_ms=at_ms(6),
    )


def scanned(status: ScanStatus = ScanStatus.PASSED, vulnerabilities: int = 0) -> SubmissionScanned:
    return SubmissionScanned(**IDS, scan=scan(status, vulnerabilities))


EVENTS: Final = (
    drafted(),
    revised(),
    handed_in(),
    approved(),
    rejected(),
    suspended(),
    withdrawn(),
    scanned(),
)
"""One of each, every field filled."""
