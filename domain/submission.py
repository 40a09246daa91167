"""A submission: a cargo that a publisher asks to have on the marketplace. Staff decide; approved, it is published.

One aggregate per submission. Nothing runs and nobody sees it before it is approved. What waits for staff cannot be
changed, so they approve what they read. Publishing itself is `commands.publication`, stopping a cargo is
`domain.cargo`; the API does both and records here what was decided.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Final, assert_never

from domain.cargo_spec import CargoVersion
from domain.decider import Decider
from domain.ids import AccountId
from domain.personal import PersonalOf
from domain.rejection import Rejected, Rejection


class SubmissionStatus(StrEnum):
    """How far a submission has come."""

    DRAFT = "draft"  # Its publisher still writes it.
    PENDING = "pending"  # It waits for staff.
    APPROVED = "approved"  # The cargo is published.
    REJECTED = "rejected"  # Staff said no; the publisher may change it and hand it in again.
    SUSPENDED = "suspended"  # Staff stopped the cargo; approving it again lets it run.
    WITHDRAWN = "withdrawn"  # The publisher took it back.


class ScanStatus(StrEnum):
    """What a scanner said of the program."""

    PASSED = "passed"  # Nothing stands against it.
    FAILED = "failed"  # It is not approved before another scan passes.


OPEN: Final = frozenset({SubmissionStatus.DRAFT, SubmissionStatus.PENDING, SubmissionStatus.REJECTED})
"""It may still become a cargo for the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What would be published: `cargo.spec.artifact_bytes` is 0 until then. A container has an image and no digest.

    `source_url` says where the publisher has the program from; nothing is fetched there.
    """

    cargo: CargoVersion
    container_image: str = ""
    source_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """`image_digest` names what was scanned, where the scanner says it."""

    status: ScanStatus
    vulnerabilities: int
    image_digest: str
    scanned_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionDrafted:
    """`request_sha256` tells a repeated request from another one; empty without an Idempotency-Key."""

    submission_id: str
    account_id: AccountId
    offer: Offer
    request_sha256: str
    drafted_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRevised:
    submission_id: str
    account_id: AccountId
    offer: Offer
    revised_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionHandedIn:
    submission_id: str
    account_id: AccountId
    handed_in_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionApproved:
    """The cargo of this slug and version is published, or allowed to run again."""

    submission_id: str
    account_id: AccountId
    slug: str
    version: str
    artifact_digest: str
    approved_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRejected:
    submission_id: str
    account_id: AccountId
    reason: Annotated[str, PersonalOf("account_id")]
    rejected_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionSuspended:
    submission_id: str
    account_id: AccountId
    reason: Annotated[str, PersonalOf("account_id")]
    suspended_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionWithdrawn:
    submission_id: str
    account_id: AccountId
    withdrawn_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionScanned:
    submission_id: str
    account_id: AccountId
    scan: Scan


EventAfterDraft = (
    SubmissionRevised
    | SubmissionHandedIn
    | SubmissionApproved
    | SubmissionRejected
    | SubmissionSuspended
    | SubmissionWithdrawn
    | SubmissionScanned
)
SubmissionEvent = SubmissionDrafted | EventAfterDraft


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSubmission:
    submission_id: str
    account_id: AccountId
    offer: Offer
    request_sha256: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviseSubmission:
    offer: Offer
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandInSubmission:
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveSubmission:
    """The cargo was published a moment ago."""

    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectSubmission:
    reason: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendSubmission:
    """The cargo was stopped a moment ago."""

    reason: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawSubmission:
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSubmissionScan:
    scan: Scan


SubmissionCommand = (
    DraftSubmission
    | ReviseSubmission
    | HandInSubmission
    | ApproveSubmission
    | RejectSubmission
    | SuspendSubmission
    | WithdrawSubmission
    | RecordSubmissionScan
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """`reason` is why it was last rejected or suspended. `handed_in_at_ms` is the last time; None for a draft."""

    submission_id: str
    account_id: AccountId
    offer: Offer
    request_sha256: str
    status: SubmissionStatus
    reason: Annotated[str | None, PersonalOf("account_id")] = None
    scan: Scan | None = None
    drafted_at_ms: int
    changed_at_ms: int
    handed_in_at_ms: int | None = None


def decide(submission: Submission | None, command: SubmissionCommand) -> list[SubmissionEvent]:
    if isinstance(command, DraftSubmission):
        return draft(submission, command)
    if submission is None:
        raise Rejected(Rejection.SUBMISSION_UNKNOWN, "no such submission")
    match command:
        case ReviseSubmission():
            return revise(submission, command)
        case HandInSubmission():
            return hand_in(submission, command)
        case ApproveSubmission():
            return approve(submission, command)
        case RejectSubmission():
            return reject(submission, command)
        case SuspendSubmission():
            return suspend(submission, command)
        case WithdrawSubmission():
            return withdraw(submission, command)
        case RecordSubmissionScan():
            return record_scan(submission, command)
        case _:
            assert_never(command)


def draft(submission: Submission | None, command: DraftSubmission) -> list[SubmissionEvent]:
    """The same request sent again finds its submission, however far that has come."""
    if submission is not None:
        if submission.request_sha256 != command.request_sha256:
            raise Rejected(Rejection.IDEMPOTENCY_MISMATCH, "Idempotency-Key: used for another request")
        return []
    return [
        SubmissionDrafted(
            submission_id=command.submission_id,
            account_id=command.account_id,
            offer=command.offer,
            request_sha256=command.request_sha256,
            drafted_at_ms=command.now_ms,
        )
    ]


def revise(submission: Submission, command: ReviseSubmission) -> list[SubmissionEvent]:
    """What was rejected becomes a draft again."""
    require(submission, "be changed", SubmissionStatus.DRAFT, SubmissionStatus.REJECTED)
    if submission.offer == command.offer:
        return []
    return [
        SubmissionRevised(
            submission_id=submission.submission_id,
            account_id=submission.account_id,
            offer=command.offer,
            revised_at_ms=command.now_ms,
        )
    ]


def hand_in(submission: Submission, command: HandInSubmission) -> list[SubmissionEvent]:
    if submission.status is SubmissionStatus.PENDING:
        return []
    require(submission, "be handed in", SubmissionStatus.DRAFT)
    return [
        SubmissionHandedIn(
            submission_id=submission.submission_id,
            account_id=submission.account_id,
            handed_in_at_ms=command.now_ms,
        )
    ]


def approve(submission: Submission, command: ApproveSubmission) -> list[SubmissionEvent]:
    if submission.status is SubmissionStatus.APPROVED:
        return []
    require(submission, "be approved", SubmissionStatus.PENDING, SubmissionStatus.SUSPENDED)
    if submission.scan is not None and submission.scan.status is ScanStatus.FAILED:
        raise Rejected(Rejection.SCAN_FAILED, "scan: the last one failed; record one that passes first")
    spec = submission.offer.cargo.spec
    return [
        SubmissionApproved(
            submission_id=submission.submission_id,
            account_id=submission.account_id,
            slug=spec.slug,
            version=spec.version,
            artifact_digest=spec.artifact_digest,
            approved_at_ms=command.now_ms,
        )
    ]


def reject(submission: Submission, command: RejectSubmission) -> list[SubmissionEvent]:
    if submission.status is SubmissionStatus.REJECTED:
        return []
    require(submission, "be rejected", SubmissionStatus.PENDING)
    return [
        SubmissionRejected(
            submission_id=submission.submission_id,
            account_id=submission.account_id,
            reason=command.reason,
            rejected_at_ms=command.now_ms,
        )
    ]


def suspend(submission: Submission, command: SuspendSubmission) -> list[SubmissionEvent]:
    if submission.status is SubmissionStatus.SUSPENDED:
        return []
    require(submission, "be suspended", SubmissionStatus.APPROVED)
    return [
        SubmissionSuspended(
            submission_id=submission.submission_id,
            account_id=submission.account_id,
            reason=command.reason,
            suspended_at_ms=command.now_ms,
        )
    ]


def withdraw(submission: Submission, command: WithdrawSubmission) -> list[SubmissionEvent]:
    if submission.status is SubmissionStatus.WITHDRAWN:
        return []
    require(submission, "be withdrawn", *OPEN)
    return [
        SubmissionWithdrawn(
            submission_id=submission.submission_id,
            account_id=submission.account_id,
            withdrawn_at_ms=command.now_ms,
        )
    ]


def record_scan(submission: Submission, command: RecordSubmissionScan) -> list[SubmissionEvent]:
    if submission.status is SubmissionStatus.WITHDRAWN:
        raise Rejected(Rejection.SUBMISSION_STATUS_DIFFERS, "a withdrawn submission cannot be scanned")
    if submission.scan == command.scan:
        return []
    return [
        SubmissionScanned(
            submission_id=submission.submission_id, account_id=submission.account_id, scan=command.scan
        )
    ]


def require(submission: Submission, what: str, *possible: SubmissionStatus) -> None:
    """Raises `Rejected` (submission_status_differs)."""
    if submission.status not in possible:
        wanted = " or ".join(sorted(possible))
        raise Rejected(
            Rejection.SUBMISSION_STATUS_DIFFERS,
            f"the submission is {submission.status}; it can {what} while it is {wanted}",
        )


def evolve(submission: Submission | None, event: SubmissionEvent) -> Submission | None:
    """What is said of a submission that is not there changes nothing."""
    if isinstance(event, SubmissionDrafted):
        return drafted(event)
    return submission and changed(submission, event)


def drafted(event: SubmissionDrafted) -> Submission:
    return Submission(
        submission_id=event.submission_id,
        account_id=event.account_id,
        offer=event.offer,
        request_sha256=event.request_sha256,
        status=SubmissionStatus.DRAFT,
        drafted_at_ms=event.drafted_at_ms,
        changed_at_ms=event.drafted_at_ms,
    )


def changed(submission: Submission, event: EventAfterDraft) -> Submission:
    match event:
        case SubmissionRevised():
            revised = replace(submission, offer=event.offer, scan=None)
            return moved(revised, SubmissionStatus.DRAFT, event.revised_at_ms)
        case SubmissionHandedIn():
            handed_in = replace(submission, handed_in_at_ms=event.handed_in_at_ms, reason=None)
            return moved(handed_in, SubmissionStatus.PENDING, event.handed_in_at_ms)
        case SubmissionApproved():
            allowed = replace(submission, reason=None)
            return moved(allowed, SubmissionStatus.APPROVED, event.approved_at_ms)
        case SubmissionRejected():
            refused = replace(submission, reason=event.reason)
            return moved(refused, SubmissionStatus.REJECTED, event.rejected_at_ms)
        case SubmissionSuspended():
            stopped = replace(submission, reason=event.reason)
            return moved(stopped, SubmissionStatus.SUSPENDED, event.suspended_at_ms)
        case SubmissionWithdrawn():
            return moved(submission, SubmissionStatus.WITHDRAWN, event.withdrawn_at_ms)
        case SubmissionScanned():
            return replace(submission, scan=event.scan, changed_at_ms=event.scan.scanned_at_ms)
        case _:
            assert_never(event)


def moved(submission: Submission, status: SubmissionStatus, at_ms: int) -> Submission:
    return replace(submission, status=status, changed_at_ms=at_ms)


SUBMISSION: Final[Decider[SubmissionCommand, Submission | None, SubmissionEvent]] = Decider(
    "submission", None, decide, evolve
)
