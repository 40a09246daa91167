"""What the API says when it will not: a closed set of codes, the HTTP status of each, and where every domain
rejection goes.

Raised by routes and dependencies as `ApiError`; turned into an answer in `api.error_answers` and into a close or an
error frame in `api.websocket`. Nothing internal ever stands in a
message.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from starlette.exceptions import HTTPException

from adapters.nats.registrar_client import DocumentsRefusal, NoDocuments
from domain.rejection import Rejected, Rejection


class ErrorCode(StrEnum):
    """Stable; programs may rely on them. The message beside a code names the field and the rule."""

    MALFORMED = "malformed"  # Send one JSON object with Content-Type application/json.
    UNSUPPORTED = "unsupported"  # Use a method and a content type that this path takes.
    UNAUTHENTICATED = "unauthenticated"  # Send a valid key: Authorization: Bearer ak_...
    INSUFFICIENT_CREDITS = "insufficient_credits"  # Lower bid_price, or add credits: see required, available.
    FORBIDDEN = "forbidden"  # Use a key with the scope that the message names.
    NOT_FOUND = "not_found"  # List what exists; what belongs to another account does not exist for this key.
    MODEL_NOT_FOUND = "model_not_found"  # Name a model of GET /v1/models.
    PAIRING_CODE_UNKNOWN = "pairing_code_unknown"  # Type the code that the island shows now; it changes.
    SIGN_IN_LINK_UNKNOWN = "sign_in_link_unknown"  # Ask for a new link: each works once and for 15 minutes.
    ISLAND_REMOVED = "island_removed"  # Its owner took it out of the network; to come back it enrols again.
    ISLANDS_EXCEEDED = "islands_exceeded"  # Remove an island of this account that is not used any more.
    CARGO_DISABLED = "cargo_disabled"  # No job of it is taken until an operator or a review enables it again.
    CARGOS_EXCEEDED = "cargos_exceeded"  # Use a name you have, or ask the operator for a higher tier.
    CARGO_NOT_RUN = "cargo_not_run"  # Run the cargo first: only its customers rate it or complain.
    KEY_REVOKED = "key_revoked"  # The island needs a new user key: `archipelago island join` makes one.
    JOB_FINISHED = "job_finished"  # The job has ended; read its output or submit a new one.
    CONFLICT = "conflict"  # Read the present state, then decide again.
    TOO_LARGE = "too_large"  # Send less; the message names the bound.
    INVALID = "invalid"  # Correct the fields listed under errors.
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"  # Use a new Idempotency-Key for another request.
    RATE_LIMITED = "rate_limited"  # Wait as many seconds as Retry-After says.
    JOB_FAILED = "job_failed"  # The model's job failed; the message says why, GET /jobs/{job_id} says more.
    NO_HOSTS = "no_hosts"  # No island took the job in time; it is cancelled. `archipelago job why` tells the reasons.
    INTERNAL = "internal"  # A defect of the coordinator; report it with the request_id.
    NOT_AVAILABLE = "not_available"  # Not built yet; leave the field out that the message names.
    UNAVAILABLE = "unavailable"  # Event log or database do not answer; repeat with the same Idempotency-Key.
    NOT_CAUGHT_UP = "not_caught_up"  # The read side is behind the position you asked for; repeat in a second.


STATUS: Final = {
    ErrorCode.MALFORMED: 400,
    ErrorCode.UNSUPPORTED: 400,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.INSUFFICIENT_CREDITS: 402,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.MODEL_NOT_FOUND: 404,
    ErrorCode.PAIRING_CODE_UNKNOWN: 404,
    ErrorCode.SIGN_IN_LINK_UNKNOWN: 404,
    ErrorCode.ISLAND_REMOVED: 410,
    ErrorCode.ISLANDS_EXCEEDED: 409,
    ErrorCode.CARGO_DISABLED: 409,
    ErrorCode.CARGOS_EXCEEDED: 409,
    ErrorCode.CARGO_NOT_RUN: 403,
    ErrorCode.KEY_REVOKED: 403,
    ErrorCode.JOB_FINISHED: 409,
    ErrorCode.CONFLICT: 409,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.INVALID: 422,
    ErrorCode.IDEMPOTENCY_MISMATCH: 422,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.JOB_FAILED: 502,
    ErrorCode.NO_HOSTS: 503,
    ErrorCode.INTERNAL: 500,
    ErrorCode.NOT_AVAILABLE: 501,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.NOT_CAUGHT_UP: 503,
}

CODE_OF: Final = {
    Rejection.ACCOUNT_UNKNOWN: ErrorCode.NOT_FOUND,
    Rejection.CREDITS_SHORT: ErrorCode.INSUFFICIENT_CREDITS,
    Rejection.OPEN_JOBS_EXCEEDED: ErrorCode.RATE_LIMITED,
    Rejection.HOLD_UNKNOWN: ErrorCode.CONFLICT,
    Rejection.SPLIT_OUTSIDE_HOLD: ErrorCode.CONFLICT,
    Rejection.CHARGE_OUTSIDE_HOLD: ErrorCode.CONFLICT,
    Rejection.CORRECTION_ABOVE_FREE: ErrorCode.CONFLICT,
    Rejection.CORRECTION_REUSED: ErrorCode.IDEMPOTENCY_MISMATCH,
    Rejection.COMPENSATION_CAPPED: ErrorCode.CONFLICT,
    Rejection.TREASURY_SHORT: ErrorCode.CONFLICT,
    Rejection.SAVED_BIDS_EXCEEDED: ErrorCode.CONFLICT,
    Rejection.GRANT_REUSED: ErrorCode.CONFLICT,
    Rejection.KEY_UNKNOWN: ErrorCode.NOT_FOUND,
    Rejection.SESSION_UNKNOWN: ErrorCode.NOT_FOUND,
    Rejection.SIGN_IN_LINK_UNKNOWN: ErrorCode.SIGN_IN_LINK_UNKNOWN,
    Rejection.EXPIRY_PAST: ErrorCode.INVALID,
    Rejection.SCOPES_EMPTY: ErrorCode.INVALID,
    Rejection.VERSION_TAKEN: ErrorCode.CONFLICT,
    Rejection.PUBLISHER_DIFFERS: ErrorCode.FORBIDDEN,
    Rejection.LIMIT_ABOVE_TRUST_LEVEL: ErrorCode.INVALID,
    Rejection.CARGO_UNKNOWN: ErrorCode.NOT_FOUND,
    Rejection.CARGOS_EXCEEDED: ErrorCode.CARGOS_EXCEEDED,
    Rejection.CARGO_NOT_RUN: ErrorCode.CARGO_NOT_RUN,
    Rejection.ARTIFACT_UNKNOWN: ErrorCode.INVALID,
    Rejection.SIGNATURE_MISSING: ErrorCode.INVALID,
    Rejection.REVIEW_UNKNOWN: ErrorCode.NOT_FOUND,
    Rejection.REVIEW_OWN: ErrorCode.CONFLICT,
    Rejection.REVIEW_REMOVED: ErrorCode.CONFLICT,
    Rejection.SUBMISSION_UNKNOWN: ErrorCode.NOT_FOUND,
    Rejection.SUBMISSION_STATUS_DIFFERS: ErrorCode.CONFLICT,
    Rejection.SCAN_FAILED: ErrorCode.CONFLICT,
    Rejection.WEBHOOK_UNKNOWN: ErrorCode.NOT_FOUND,
    Rejection.WEBHOOK_PAUSED: ErrorCode.CONFLICT,
    Rejection.WEBHOOKS_EXCEEDED: ErrorCode.CONFLICT,
    Rejection.ISLAND_UNKNOWN: ErrorCode.NOT_FOUND,
    Rejection.OWNER_DIFFERS: ErrorCode.CONFLICT,
    Rejection.ISLAND_SUSPENDED: ErrorCode.FORBIDDEN,
    Rejection.ISLAND_REMOVED: ErrorCode.ISLAND_REMOVED,
    Rejection.ISLAND_NOT_PAIRED: ErrorCode.CONFLICT,
    Rejection.ISLAND_NOT_REGISTERED: ErrorCode.CONFLICT,
    Rejection.ISLAND_APPROVED: ErrorCode.CONFLICT,
    Rejection.RELEASES_EXCEEDED: ErrorCode.CONFLICT,
    Rejection.ASKS_EXCEEDED: ErrorCode.CONFLICT,
    Rejection.KEY_REVOKED: ErrorCode.KEY_REVOKED,
    Rejection.JOB_UNKNOWN: ErrorCode.NOT_FOUND,
    Rejection.JOB_FINISHED: ErrorCode.JOB_FINISHED,
    Rejection.JOB_NOT_WAITING: ErrorCode.CONFLICT,
    Rejection.ATTEMPT_OUT_OF_ORDER: ErrorCode.CONFLICT,
    Rejection.ATTEMPT_SUPERSEDED: ErrorCode.CONFLICT,
    Rejection.ISLAND_NOT_OWNER: ErrorCode.FORBIDDEN,
    Rejection.PRICE_ABOVE_BID: ErrorCode.CONFLICT,
    Rejection.IDEMPOTENCY_MISMATCH: ErrorCode.IDEMPOTENCY_MISMATCH,
}

DOCUMENTS_CODE_OF: Final = {
    DocumentsRefusal.ISLAND_UNKNOWN: ErrorCode.NOT_FOUND,
    DocumentsRefusal.ISLAND_REMOVED: ErrorCode.ISLAND_REMOVED,
    DocumentsRefusal.KEY_REVOKED: ErrorCode.KEY_REVOKED,
    DocumentsRefusal.UNAVAILABLE: ErrorCode.UNAVAILABLE,
}

RETRY_S: Final = {
    ErrorCode.RATE_LIMITED: 5,
    ErrorCode.NO_HOSTS: 60,
    ErrorCode.UNAVAILABLE: 2,
    ErrorCode.NOT_CAUGHT_UP: 1,
}
"""Default of `Retry-After`, in whole seconds."""


class ApiError(HTTPException):
    """An answer other than success. An `HTTPException` because the framework lets only that pass while it reads a body.

    `fields` are the wrong fields with what is wrong about each; `facts` stand at the top level of the body, such as
    `required` and `available`.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        fields: Mapping[str, list[str]] | None = None,
        facts: Mapping[str, Any] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(STATUS[code], message)
        self.code = code
        self.message = message
        self.fields = fields or {}
        self.facts = facts or {}
        self.retry_after_s = RETRY_S.get(code) if retry_after_s is None else retry_after_s


def invalid(field: str, rule: str) -> ApiError:
    """One field breaks one rule."""
    return ApiError(ErrorCode.INVALID, f"{field}: {rule}", fields={field: [rule]})


def not_found(what: str) -> ApiError:
    return ApiError(ErrorCode.NOT_FOUND, f"no {what} in this account")


def of_rejection(rejected: Rejected) -> ApiError:
    """A rejection of the domain. Its detail names field and rule already, as `field: rule`."""
    code = CODE_OF[rejected.code]
    message = rejected.detail or rejected.code.value.replace("_", " ")
    field, separator, rule = message.partition(": ")
    is_about_field = code is ErrorCode.INVALID and separator
    return ApiError(code, message, fields={field: [rule]} if is_about_field else None)


def of_refused_documents(refused: NoDocuments) -> ApiError:
    """The registrar gives an island no documents."""
    code = DOCUMENTS_CODE_OF[refused.code]
    if code is ErrorCode.UNAVAILABLE:
        return ApiError(code, "the registrar does not answer; repeat the request in a moment")
    return ApiError(code, refused.code.value.replace("_", " "))
