"""What use, ratings, complaints and incidents do to a cargo: its reputation moves, and with it level and availability.

Called by `domain.cargo`. Every decision is one commit: what happened, the reputation after it, and what follows from
that. The arithmetic stands in `domain.reputation`, the moves of the level in `domain.cargo_trust`.
"""

from dataclasses import replace
from typing import Final

from domain.cargo_commands import FileComplaint, RateCargo, RecordIncident, RecordUse
from domain.cargo_events import (
    CargoDisabled,
    CargoEvent,
    CargoRated,
    ComplaintFiled,
    DisableCause,
    IncidentRecorded,
    ReputationChanged,
)
from domain.cargo_state import Cargo, complaints_of_window, rating_id
from domain.cargo_trust import case_of, fallen, risen
from domain.ids import AccountId, CargoSlug, JobId
from domain.rejection import Rejected, Rejection
from domain.reputation import (
    COMPLAINT_MILLI,
    INCIDENT_MILLI,
    POSITIVE_RATING_MILLI,
    REPUTATION_RULES_VERSION,
    SUSPENDED_BELOW_MILLI,
    ReputationCause,
    Standing,
    Tally,
    after_uses,
    is_positive,
    moved,
)

COMPLAINTS_MAX: Final = 10
"""Complaints in seven days at which a cargo is disabled until staff have reviewed it."""


def record_use(cargo: Cargo, command: RecordUse) -> list[CargoEvent]:
    """Counts each end once: the log's positions tell which were counted before."""
    ends = tuple(end for end in command.ends if end.position > cargo.counted_through)
    if not ends:
        return []
    standing, tally = after_uses(cargo.standing, ends)
    evidence = tuple(end.address for end in ends)
    changed = ReputationChanged(
        slug=command.slug,
        cause=ReputationCause.USE,
        change_milli=standing.reputation_milli - cargo.standing.reputation_milli,
        reputation_milli=standing.reputation_milli,
        tally=tally,
        counted_through=ends[-1].position,
        evidence=evidence,
        reputation_rules_version=REPUTATION_RULES_VERSION,
        changed_at_ms=command.now_ms,
    )
    follows = consequences(cargo, command.slug, standing, evidence, command.now_ms)
    if follows:
        return [changed, *follows]
    case = case_of(cargo, command.publisher_tier, scan=cargo.scan, review=cargo.review)
    return [changed, *risen(command.slug, replace(case, standing=standing), evidence, command.now_ms)]


def rate(cargo: Cargo, command: RateCargo) -> list[CargoEvent]:
    """One rating of an account counts. It lifts the reputation as long as it is positive."""
    rated = CargoRated(
        slug=command.slug,
        account_id=command.account_id,
        job_id=command.job_id,
        stars=command.stars,
        rated_at_ms=command.now_ms,
        previous_stars=command.previous_stars,
        revision=command.revision,
    )
    if rating_id(rated) in cargo.ratings:
        return []
    change_milli = (is_positive(command.stars) - is_positive(command.previous_stars)) * POSITIVE_RATING_MILLI
    if not change_milli:
        return [rated]
    evidence = (f"job {command.job_id}",)
    change = (ReputationCause.RATING, change_milli)
    return [rated, *changed_by(cargo, command.slug, change, evidence, command.now_ms)]


def complain(cargo: Cargo, command: FileComplaint) -> list[CargoEvent]:
    """One complaint of an account counts in seven days."""
    job_id = job_of_customer(cargo, command.account_id, command.job_id)
    recent = complaints_of_window(cargo, command.now_ms)
    if any(one.account_id == command.account_id for one in recent):
        return []
    filed = ComplaintFiled(
        slug=command.slug,
        account_id=command.account_id,
        job_id=job_id,
        text=command.text,
        filed_at_ms=command.now_ms,
    )
    change = (ReputationCause.COMPLAINT, COMPLAINT_MILLI)
    follows = changed_by(cargo, command.slug, change, (f"job {job_id}",), command.now_ms)
    is_disabled = cargo.is_disabled or any(isinstance(event, CargoDisabled) for event in follows)
    if is_disabled or len(recent) + 1 < COMPLAINTS_MAX:
        return [filed, *follows]
    disabled = CargoDisabled(
        slug=command.slug,
        reason=f"{COMPLAINTS_MAX} complaints in 7 days; staff review it first",
        disabled_at_ms=command.now_ms,
        cause=DisableCause.COMPLAINTS,
        evidence=(*(f"job {one.job_id}" for one in recent), f"job {job_id}"),
    )
    return [filed, *follows, disabled]


def record_incident(cargo: Cargo, command: RecordIncident) -> list[CargoEvent]:
    if command.incident_id in cargo.incidents:
        return []
    recorded = IncidentRecorded(
        slug=command.slug,
        incident_id=command.incident_id,
        note=command.note,
        recorded_at_ms=command.now_ms,
    )
    evidence = (f"incident {command.incident_id}",)
    change = (ReputationCause.INCIDENT, INCIDENT_MILLI)
    return [recorded, *changed_by(cargo, command.slug, change, evidence, command.now_ms)]


def job_of_customer(cargo: Cargo, account_id: AccountId, job_id: JobId | None) -> JobId:
    """Raises `Rejected` (cargo_not_run) for whoever has not run the cargo, and for its publisher."""
    if account_id == cargo.publisher_id:
        raise Rejected(Rejection.CARGO_NOT_RUN, "slug: publishers do not judge their own cargos")
    if job_id is None:
        raise Rejected(Rejection.CARGO_NOT_RUN, "slug: no job of this account has run this cargo")
    return job_id


def changed_by(
    cargo: Cargo,
    slug: CargoSlug,
    change: tuple[ReputationCause, int],
    evidence: tuple[str, ...],
    now_ms: int,
) -> list[CargoEvent]:
    """The reputation after one rating, complaint or incident, and what follows from it."""
    cause, change_milli = change
    before = cargo.standing
    standing = replace(before, reputation_milli=moved(before.reputation_milli, change_milli))
    changed = ReputationChanged(
        slug=slug,
        cause=cause,
        change_milli=standing.reputation_milli - before.reputation_milli,
        reputation_milli=standing.reputation_milli,
        tally=Tally(in_row=before.in_row),
        counted_through=cargo.counted_through,
        evidence=evidence,
        reputation_rules_version=REPUTATION_RULES_VERSION,
        changed_at_ms=now_ms,
    )
    return [changed, *consequences(cargo, slug, standing, evidence, now_ms)]


def consequences(
    cargo: Cargo, slug: CargoSlug, standing: Standing, evidence: tuple[str, ...], now_ms: int
) -> list[CargoEvent]:
    """What a lower reputation brings: a level is taken away, and below 0.5 the cargo is suspended."""
    follows = fallen(slug, cargo, standing, evidence, now_ms)
    has_fallen = standing.reputation_milli < cargo.standing.reputation_milli
    if has_fallen and standing.reputation_milli < SUSPENDED_BELOW_MILLI and not cargo.is_disabled:
        suspended = CargoDisabled(
            slug=slug,
            reason=f"its reputation fell to {standing.reputation_milli / 1000:.3f}, below 0.5",
            disabled_at_ms=now_ms,
            cause=DisableCause.REPUTATION,
            evidence=evidence,
        )
        follows = [*follows, suspended]
    return follows
