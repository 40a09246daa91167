"""Who runs the jobs whose results are compared with each other, and which results placing draws for a comparison.

Kept by the placing process in its picture: by check, the owner of the island of each run. Runs of one check are kept
apart by it, so that no owner votes twice.
"""

from domain.cargo_spec import Determinism
from domain.check_draw import CheckReason, drawn
from domain.ids import AccountId, JobId
from domain.placement import Placement, Want

ComparedRuns = dict[JobId, dict[JobId, AccountId]]


def check_of(want: Want) -> JobId | None:
    """The check that the job is a run of. One with a known answer is compared with nothing that runs now."""
    if want.only_island is not None:
        return None
    return want.job_id if want.redundancy > 1 else want.check_id


def take_owner(compared: ComparedRuns, want: Want, owner_id: AccountId | None) -> None:
    """Notes whose island runs the job; None where none does."""
    check_id = check_of(want)
    if check_id is None:
        return
    owners = compared.setdefault(check_id, {})
    if owner_id is None:
        owners.pop(want.job_id, None)
    else:
        owners[want.job_id] = owner_id
    if not owners:
        del compared[check_id]


def other_owners(compared: ComparedRuns, want: Want) -> set[AccountId]:
    """The owners of the other runs of the same check."""
    check_id = check_of(want)
    if check_id is None:
        return set()
    return {owner for job_id, owner in compared.get(check_id, {}).items() if job_id != want.job_id}


def check_for(want: Want, placement: Placement, secret: bytes) -> CheckReason | None:
    """Why the result will be checked: only where bytes can be compared, and another owner could run it too."""
    is_comparable = want.cargo.determinism is Determinism.EXACT and placement.has_other_owner
    if placement.winner is None or not is_comparable or want.check_id is not None or want.redundancy > 1:
        return None
    return drawn(secret, want.job_id, placement.winner.valid_in_row.get(want.cargo.runtime, 0))
