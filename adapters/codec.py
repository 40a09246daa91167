"""Commits to bytes and back. The only place that knows stored names and old versions.

A body is a JSON list, one object per event: `{"name": ..., "version": ..., "data": {...}}`. Names are literals, because
modules may move and history may not. One golden file per (name, version) stays in the tests for ever.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from domain import (
    account_events,
    api_key,
    batch_events,
    cargo_events,
    check_events,
    checkpoint,
    exchange,
    island_events,
    job_events,
    person,
    publisher,
    refund,
    release,
    review,
    session,
    sign_in,
    submission,
    treasury_events,
    webhook,
    workflow,
)

EVENTS: Final[dict[str, type]] = {
    "account.opened": account_events.AccountOpened,
    "account.renamed": account_events.AccountRenamed,
    "account.credits_granted": account_events.CreditsGranted,
    "account.credits_held": account_events.CreditsHeld,
    "account.hold_split": account_events.HoldSplit,
    "account.bid_saved": account_events.BidSaved,
    "account.hold_settled": account_events.HoldSettled,
    "account.hold_released": account_events.HoldReleased,
    "account.credits_earned": account_events.CreditsEarned,
    "account.escrow_released": account_events.EscrowReleased,
    "account.credits_corrected": account_events.CreditsCorrected,
    "account.earning_taken_back": account_events.EarningTakenBack,
    "account.charge_refunded": account_events.ChargeRefunded,
    "account.compensation_paid": account_events.CompensationPaid,
    "account.balance_ran_low": account_events.BalanceRanLow,
    "account.balance_recovered": account_events.BalanceRecovered,
    "api_key.issued": api_key.ApiKeyIssued,
    "api_key.revoked": api_key.ApiKeyRevoked,
    "batch.submitted": batch_events.BatchSubmitted,
    "batch.part_started": batch_events.PartStarted,
    "batch.part_ended": batch_events.PartEnded,
    "batch.stopped": batch_events.BatchStopped,
    "batch.ended": batch_events.BatchEnded,
    "batch.abandoned": batch_events.BatchAbandoned,
    "cargo.published": cargo_events.CargoPublished,
    "cargo.disabled": cargo_events.CargoDisabled,
    "cargo.enabled": cargo_events.CargoEnabled,
    "cargo.reputation_changed": cargo_events.ReputationChanged,
    "cargo.trust_level_changed": cargo_events.TrustLevelChanged,
    "cargo.scanned": cargo_events.CargoScanned,
    "cargo.submitted_for_review": cargo_events.CargoSubmittedForReview,
    "cargo.reviewed": cargo_events.CargoReviewed,
    "cargo.rated": cargo_events.CargoRated,
    "cargo.complaint_filed": cargo_events.ComplaintFiled,
    "cargo.incident_recorded": cargo_events.IncidentRecorded,
    "check.opened": check_events.CheckOpened,
    "check.replica_ordered": check_events.ReplicaOrdered,
    "check.answer_recorded": check_events.AnswerRecorded,
    "check.run_unanswered": check_events.RunUnanswered,
    "check.verdict_reached": check_events.VerdictReached,
    "check.late_answer_taken": check_events.LateAnswerTaken,
    "check.known_answer_judged": check_events.KnownAnswerJudged,
    "checkpoint.signed": checkpoint.CheckpointSigned,
    "exchange.rates_snapshotted": exchange.RatesSnapshotted,
    "island.enrolled": island_events.IslandEnrolled,
    "island.paired": island_events.IslandPaired,
    "island.approved": island_events.IslandApproved,
    "island.rejected": island_events.IslandRejected,
    "island.capabilities_verified": island_events.CapabilitiesVerified,
    "island.verification_withdrawn": island_events.VerificationWithdrawn,
    "island.key_replaced": island_events.IslandKeyReplaced,
    "island.renamed": island_events.IslandRenamed,
    "island.removed": island_events.IslandRemoved,
    "island.revoked": island_events.IslandRevoked,
    "island.registered": island_events.IslandRegistered,
    "island.came_online": island_events.IslandCameOnline,
    "island.went_offline": island_events.IslandWentOffline,
    "island.drain_started": island_events.DrainStarted,
    "island.drain_ended": island_events.DrainEnded,
    "island.drain_ordered": island_events.DrainOrdered,
    "island.drain_lifted": island_events.DrainLifted,
    "island.asks_changed": island_events.AsksChanged,
    "island.runtimes_changed": island_events.RuntimesChanged,
    "island.warm_cargos_changed": island_events.WarmCargosChanged,
    "island.work_credited": island_events.WorkCredited,
    "island.karma_penalized": island_events.KarmaPenalized,
    "island.flood_penalized": island_events.FloodPenalized,
    "island.result_confirmed": island_events.ResultConfirmed,
    "island.result_contradicted": island_events.ResultContradicted,
    "island.payouts_unlocked": island_events.PayoutsUnlocked,
    "island.cooldown_started": island_events.CooldownStarted,
    "island.suspended": island_events.IslandSuspended,
    "island.reinstated": island_events.IslandReinstated,
    "job.submitted": job_events.JobSubmitted,
    "job.assigned": job_events.JobAssigned,
    "job.placement_deferred": job_events.PlacementDeferred,
    "job.attempt_started": job_events.AttemptStarted,
    "job.lease_renewed": job_events.LeaseRenewed,
    "job.attempt_lost": job_events.AttemptLost,
    "job.attempt_failed": job_events.AttemptFailed,
    "job.attempt_returned": job_events.AttemptReturned,
    "job.succeeded": job_events.JobSucceeded,
    "job.failed": job_events.JobFailed,
    "job.cancelled": job_events.JobCancelled,
    "job.abandoned": job_events.JobAbandoned,
    "person.identity_check_started": person.IdentityCheckStarted,
    "person.identity_verified": person.IdentityVerified,
    "person.identity_reset": person.IdentityReset,
    "person.banned": person.PersonBanned,
    "person.unbanned": person.PersonUnbanned,
    "person.erased": person.PersonErased,
    "publisher.tier_granted": publisher.PublisherTierGranted,
    "publisher.slug_claimed": publisher.SlugClaimed,
    "publisher.slug_released": publisher.SlugReleased,
    "release.published": release.ReleasePublished,
    "refund.requested": refund.RefundRequested,
    "review.written": review.ReviewWritten,
    "review.edited": review.ReviewEdited,
    "review.withdrawn": review.ReviewWithdrawn,
    "review.removed": review.ReviewRemoved,
    "review.voted": review.ReviewVoted,
    "review.flagged": review.ReviewFlagged,
    "session.opened": session.SessionOpened,
    "session.ended": session.SessionEnded,
    "sign_in.link_sent": sign_in.SignInLinkSent,
    "sign_in.link_used": sign_in.SignInLinkUsed,
    "sign_in.email_invited": sign_in.EmailInvited,
    "sign_in.email_released": sign_in.EmailReleased,
    "submission.drafted": submission.SubmissionDrafted,
    "submission.revised": submission.SubmissionRevised,
    "submission.handed_in": submission.SubmissionHandedIn,
    "submission.approved": submission.SubmissionApproved,
    "submission.rejected": submission.SubmissionRejected,
    "submission.suspended": submission.SubmissionSuspended,
    "submission.withdrawn": submission.SubmissionWithdrawn,
    "submission.scanned": submission.SubmissionScanned,
    "workflow.submitted": workflow.WorkflowSubmitted,
    "workflow.step_started": workflow.StepStarted,
    "workflow.step_ended": workflow.StepEnded,
    "workflow.stopped": workflow.WorkflowStopped,
    "workflow.ended": workflow.WorkflowEnded,
    "treasury.fees_collected": treasury_events.FeesCollected,
    "treasury.compensation_granted": treasury_events.CompensationGranted,
    "treasury.refund_covered": treasury_events.RefundCovered,
    "treasury.refund_owed": treasury_events.RefundOwed,
    "webhook.added": webhook.WebhookAdded,
    "webhook.changed": webhook.WebhookChanged,
    "webhook.paused": webhook.WebhookPaused,
    "webhook.removed": webhook.WebhookRemoved,
    "webhook.replayed": webhook.WebhookReplayed,
    "webhook.resumed": webhook.WebhookResumed,
    "webhook.secret_rotated": webhook.WebhookSecretRotated,
    "webhook.tested": webhook.WebhookTested,
}
NAMES: Final = {kind: name for name, kind in EVENTS.items()}

Upcast = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTS: Final[dict[str, list[Upcast]]] = {}
"""`UPCASTS[name][n - 1]` lifts a payload of version n to version n + 1. Append; never edit."""


class Unknown(Exception):
    """A stored name or version this program does not know. Stop: the program is older than the log."""


class Stored(msgspec.Struct, frozen=True):
    """One event as it stands in a body, its payload not yet read."""

    name: str
    version: int
    data: msgspec.Raw


LIST_DECODER: Final = msgspec.json.Decoder(list[Stored])
DECODERS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    name: msgspec.json.Decoder(kind) for name, kind in EVENTS.items()
}
ENCODER: Final = msgspec.json.Encoder()


def current_version(name: str) -> int:
    """The version that is written today; versions count from 1."""
    return 1 + len(UPCASTS.get(name, ()))


def encode(events: Sequence[object]) -> bytes:
    """The body of one commit."""
    assert events
    return ENCODER.encode([as_stored(event) for event in events])


def as_stored(event: object) -> dict[str, Any]:
    """One event under its stored name and present version."""
    name = NAMES[type(event)]
    return {"name": name, "version": current_version(name), "data": event}


def decode(body: bytes) -> tuple[Any, ...]:
    """The events of one commit, each lifted to today's shape. Raises `Unknown`."""
    return tuple(restore(stored) for stored in LIST_DECODER.decode(body))


def restore(stored: Stored) -> Any:
    name, version = stored.name, stored.version
    if name not in EVENTS or not 1 <= version <= current_version(name):
        raise Unknown(f"{name} version {version}")
    if version == current_version(name):
        return DECODERS[name].decode(stored.data)
    payload = msgspec.json.decode(stored.data, type=dict[str, Any])
    for upcast in UPCASTS[name][version - 1 :]:
        payload = upcast(payload)
    return msgspec.convert(payload, EVENTS[name])
