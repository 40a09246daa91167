"""Why a command was not carried out: a closed set of codes that people and programs may rely on.

Raised by the deciders, turned into HTTP once in `api/errors.py`. A rejection is never retried and leaves no event.
"""

from enum import StrEnum


class Rejection(StrEnum):
    """Answers of the rules to a command: one code per rule."""

    ACCOUNT_UNKNOWN = "account_unknown"  # Open the account first.
    CREDITS_SHORT = "credits_short"  # Lower the bid or add credits.
    OPEN_JOBS_EXCEEDED = "open_jobs_exceeded"  # Wait until some jobs have ended.
    HOLD_UNKNOWN = "hold_unknown"  # There is nothing to settle or release.
    SPLIT_OUTSIDE_HOLD = "split_outside_hold"  # A part of a hold is at most the hold.
    CHARGE_OUTSIDE_HOLD = "charge_outside_hold"  # A charge is between 1 micro-credit and the hold.
    CORRECTION_ABOVE_FREE = "correction_above_free"  # Take back no more than is free.
    CORRECTION_REUSED = "correction_reused"  # This correction was made with another amount.
    COMPENSATION_CAPPED = "compensation_capped"  # The account had the most of this day.
    TREASURY_SHORT = "treasury_short"  # The fees that were collected do not suffice.
    SAVED_BIDS_EXCEEDED = "saved_bids_exceeded"  # Forget a saved bid first.
    GRANT_REUSED = "grant_reused"  # This grant was made with another amount.

    KEY_UNKNOWN = "key_unknown"  # List the keys to see which exist.
    SESSION_UNKNOWN = "session_unknown"  # List the sessions to see which are open.
    SIGN_IN_LINK_UNKNOWN = "sign_in_link_unknown"  # Ask for a new link.
    EXPIRY_PAST = "expiry_past"  # Name a moment in the future.
    SCOPES_EMPTY = "scopes_empty"  # Name at least one scope.

    VERSION_TAKEN = "version_taken"  # Publish under a new version.
    PUBLISHER_DIFFERS = "publisher_differs"  # This name belongs to another publisher.
    LIMIT_ABOVE_TRUST_LEVEL = "limit_above_trust_level"  # Lower the limit the message names.
    CARGO_UNKNOWN = "cargo_unknown"  # See `archipelago cargo list`.
    CARGOS_EXCEEDED = "cargos_exceeded"  # The operator grants a higher publisher tier.
    CARGO_NOT_RUN = "cargo_not_run"  # Run the cargo first; publishers do not judge their own.
    ARTIFACT_UNKNOWN = "artifact_unknown"  # Name the artifact of a published version.
    SIGNATURE_MISSING = "signature_missing"  # Name the signature that the review saw.

    REVIEW_UNKNOWN = "review_unknown"  # It was never written, or it was taken back.
    REVIEW_OWN = "review_own"  # Others say whether a review helps or breaks the rules.
    REVIEW_REMOVED = "review_removed"  # Staff took it down; its author writes no other one of this cargo.

    SUBMISSION_UNKNOWN = "submission_unknown"  # List your submissions to see which there are.
    SUBMISSION_STATUS_DIFFERS = "submission_status_differs"  # The message names when it is possible.
    SCAN_FAILED = "scan_failed"  # Only a program whose last scan passed is approved.

    WEBHOOK_UNKNOWN = "webhook_unknown"  # It was never added, or it was removed.
    WEBHOOK_PAUSED = "webhook_paused"  # Resume it first.
    WEBHOOKS_EXCEEDED = "webhooks_exceeded"  # Remove one of this account first.

    ISLAND_UNKNOWN = "island_unknown"  # Enrol the island first.
    OWNER_DIFFERS = "owner_differs"  # Another account owns this island.
    ISLAND_SUSPENDED = "island_suspended"  # An operator has to look first.
    ISLAND_REMOVED = "island_removed"  # It has left the network; enrol it again.
    ISLAND_NOT_PAIRED = "island_not_paired"  # Its owner pairs it first.
    ISLAND_NOT_REGISTERED = "island_not_registered"  # It has to start once and tell what it has.
    ISLAND_APPROVED = "island_approved"  # It works already; suspend it instead.
    RELEASES_EXCEEDED = "releases_exceeded"  # This platform has all the releases it may have.
    ASKS_EXCEEDED = "asks_exceeded"  # Give some cargos the default ask.
    KEY_REVOKED = "key_revoked"  # Join again with a new user key.

    JOB_UNKNOWN = "job_unknown"  # No job has this id.
    JOB_FINISHED = "job_finished"  # The job has ended; nothing can change it.
    JOB_NOT_WAITING = "job_not_waiting"  # It is on an island already.
    ATTEMPT_OUT_OF_ORDER = "attempt_out_of_order"  # Attempts count up by one.
    ATTEMPT_SUPERSEDED = "attempt_superseded"  # A newer attempt is running, or this one is over.
    ISLAND_NOT_OWNER = "island_not_owner"  # Another island holds this attempt.
    PRICE_ABOVE_BID = "price_above_bid"  # The clearing price never exceeds the bid.
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"  # Use a new Idempotency-Key for another request.


class Rejected(Exception):
    """A command that should not have been asked. `code` is stable; `detail` names the field and the rule."""

    def __init__(self, code: Rejection, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else str(code))
        self.code = code
        self.detail = detail
