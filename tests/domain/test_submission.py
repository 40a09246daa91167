"""A submission: its publisher writes it and hands it in, staff decide; each does only what the status allows."""

from typing import Any, Final

import pytest

from domain.rejection import Rejection
from domain.submission import (
    SUBMISSION,
    ApproveSubmission,
    HandInSubmission,
    RecordSubmissionScan,
    RejectSubmission,
    ReviseSubmission,
    ScanStatus,
    SubmissionStatus,
    SuspendSubmission,
    WithdrawSubmission,
)
from tests.examples import at_ms
from tests.scenario import Scenario
from tests.submission_examples import (
    EVENTS,
    OFFER,
    OTHER_OFFER,
    approved,
    draft,
    drafted,
    handed_in,
    rejected,
    revised,
    scan,
    scanned,
    suspended,
    withdrawn,
)

SUBMISSIONS: Final = Scenario(SUBMISSION)
REVISE: Final = ReviseSubmission(offer=OTHER_OFFER, now_ms=at_ms(1))
HAND_IN: Final = HandInSubmission(now_ms=at_ms(2))
APPROVE: Final = ApproveSubmission(now_ms=at_ms(3))
REJECT: Final = RejectSubmission(reason="the readme is empty", now_ms=at_ms(3))
SUSPEND: Final = SuspendSubmission(reason="it leaks", now_ms=at_ms(4))
WITHDRAW: Final = WithdrawSubmission(now_ms=at_ms(5))

PAST: Final[dict[SubmissionStatus, tuple[Any, ...]]] = {
    SubmissionStatus.DRAFT: (drafted(),),
    SubmissionStatus.PENDING: (drafted(), handed_in()),
    SubmissionStatus.APPROVED: (drafted(), handed_in(), approved()),
    SubmissionStatus.REJECTED: (drafted(), handed_in(), rejected()),
    SubmissionStatus.SUSPENDED: (drafted(), handed_in(), approved(), suspended()),
    SubmissionStatus.WITHDRAWN: (drafted(), withdrawn()),
}
POSSIBLE: Final = {
    REVISE: {"draft", "rejected"},
    HAND_IN: {"draft"},
    APPROVE: {"pending", "suspended"},
    REJECT: {"pending"},
    SUSPEND: {"approved"},
    WITHDRAW: {"draft", "pending", "rejected"},
}
LEADS_TO: Final = {
    REVISE: SubmissionStatus.DRAFT,
    HAND_IN: SubmissionStatus.PENDING,
    APPROVE: SubmissionStatus.APPROVED,
    REJECT: SubmissionStatus.REJECTED,
    SUSPEND: SubmissionStatus.SUSPENDED,
    WITHDRAW: SubmissionStatus.WITHDRAWN,
}


@pytest.mark.parametrize("command", POSSIBLE)
@pytest.mark.parametrize("status", SubmissionStatus)
def test_a_command_is_possible_in_its_statuses_alone(status: SubmissionStatus, command: Any) -> None:
    asked = SUBMISSIONS.given(*PAST[status]).when(command)
    if status in POSSIBLE[command]:
        state = SUBMISSION.fold((*PAST[status], *asked.decided()))
        assert state is not None
        assert state.status is LEADS_TO[command]
    elif status is LEADS_TO[command] and command is not REVISE:
        asked.then_nothing()
    else:
        asked.then_rejected(Rejection.SUBMISSION_STATUS_DIFFERS)


def test_what_is_drafted_handed_in_and_approved() -> None:
    SUBMISSIONS.when(draft()).then(drafted())
    SUBMISSIONS.given(drafted()).when(HAND_IN).then(handed_in())
    SUBMISSIONS.given(drafted(), handed_in()).when(APPROVE).then(approved())


def test_a_repeated_request_finds_its_submission_and_another_one_does_not() -> None:
    SUBMISSIONS.given(drafted()).when(draft(now_ms=at_ms(9))).then_nothing()
    SUBMISSIONS.given(drafted(), revised(), handed_in()).when(draft()).then_nothing()
    other = draft(request_sha256="b" * 64)
    SUBMISSIONS.given(drafted()).when(other).then_rejected(Rejection.IDEMPOTENCY_MISMATCH)


@pytest.mark.parametrize("command", [*POSSIBLE, RecordSubmissionScan(scan=scan())])
def test_nothing_is_decided_about_what_was_never_drafted(command: Any) -> None:
    SUBMISSIONS.when(command).then_rejected(Rejection.SUBMISSION_UNKNOWN)


def test_the_same_words_again_are_no_change() -> None:
    SUBMISSIONS.given(drafted()).when(ReviseSubmission(offer=OFFER, now_ms=at_ms(1))).then_nothing()


def test_what_was_rejected_is_changed_and_handed_in_again() -> None:
    again = SUBMISSIONS.given(drafted(), handed_in(), rejected())
    again.when(REVISE).then(revised())
    SUBMISSIONS.given(drafted(), handed_in(), rejected(), revised()).when(HAND_IN).then(handed_in())
    state = SUBMISSION.fold((drafted(), handed_in(), rejected(), revised()))
    assert state is not None
    assert (state.reason, state.offer) == ("the readme is empty", OTHER_OFFER)
    handed = SUBMISSION.evolve(state, handed_in())
    assert handed is not None
    assert handed.reason is None


def test_a_failed_scan_stands_against_approval_until_another_one_passes() -> None:
    found = (drafted(), handed_in(), scanned(ScanStatus.FAILED, 2))
    SUBMISSIONS.given(*found).when(APPROVE).then_rejected(Rejection.SCAN_FAILED)
    SUBMISSIONS.given(*found, scanned()).when(APPROVE).then(approved())


def test_a_failed_scan_stands_against_lifting_a_suspension() -> None:
    stopped = (drafted(), handed_in(), approved(), suspended(), scanned(ScanStatus.FAILED, 1))
    SUBMISSIONS.given(*stopped).when(APPROVE).then_rejected(Rejection.SCAN_FAILED)


def test_a_scan_counts_for_what_was_scanned() -> None:
    state = SUBMISSION.fold((drafted(), scanned(ScanStatus.FAILED, 2), revised()))
    assert state is not None
    assert state.scan is None


def test_the_same_scan_again_changes_nothing() -> None:
    record = RecordSubmissionScan(scan=scan())
    SUBMISSIONS.given(drafted()).when(record).then(scanned())
    SUBMISSIONS.given(drafted(), scanned()).when(record).then_nothing()
    gone = SUBMISSIONS.given(drafted(), withdrawn())
    gone.when(record).then_rejected(Rejection.SUBMISSION_STATUS_DIFFERS)


@pytest.mark.parametrize("event", EVENTS[1:])
def test_what_is_said_of_no_submission_changes_nothing(event: Any) -> None:
    assert SUBMISSION.evolve(None, event) is None
