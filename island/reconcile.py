"""What has to be done so that what runs here is what should run here.

Level-triggered: `plan` looks at the whole picture every time and remembers nothing, so a lost or repeated trigger is
cured by the next one. Called by the agent after every change and once a second; pure. Times are seconds of one
monotonic clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from adapters.runtime.contract import Stop
from domain.failure import ReturnReason
from island.attempt_key import AttemptKey

LEASE_S: Final = 60.0
"""An attempt is ours this long after the last acknowledged renewal was sent."""
RENEWAL_S: Final = 30.0


class Phase(StrEnum):
    """`WORKING` until the cargo has ended and its output is stored, `REPORTING` until the final claim is."""

    WORKING = "working"
    STOPPING = "stopping"
    REPORTING = "reporting"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What the coordinator and the owner want.

    `assigned` are all attempts handed to this island and not forgotten, in the order in which they came;
    `give_back_at_s` is None while nobody wants to leave.
    """

    assigned: Sequence[AttemptKey]
    slots: int
    cancelled: frozenset[AttemptKey] = frozenset()
    is_draining: bool = False
    give_back_at_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One attempt as it stands. `leased_at_s`: when the last acknowledged renewal was sent."""

    key: AttemptKey
    phase: Phase
    leased_at_s: float
    is_renewing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAttempt:
    key: AttemptKey


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAttempt:
    key: AttemptKey
    why: Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewLease:
    key: AttemptKey


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveBack:
    """Never started here: nothing has to be stopped."""

    key: AttemptKey
    reason: ReturnReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    key: AttemptKey


Action = StartAttempt | StopAttempt | RenewLease | GiveBack | Forget


def plan(desired: Desired, running: Sequence[Running], now_s: float) -> list[Action]:
    """At most one action for each attempt; none where all is as it should be."""
    here = {one.key for one in running}
    free = desired.slots - len(running)
    actions: list[Action] = []
    for key in desired.assigned:
        if key not in here:
            action = _begin(key, desired, has_slot=free > 0)
            free -= isinstance(action, StartAttempt)
            actions.append(action)
    actions += [due for one in running if (due := _continue(one, desired, now_s)) is not None]
    return actions


def _begin(key: AttemptKey, desired: Desired, *, has_slot: bool) -> Action:
    if key in desired.cancelled or _is_superseded(key, desired):
        return Forget(key=key)
    if desired.is_draining:
        return GiveBack(key=key, reason=ReturnReason.DRAIN)
    if not has_slot:
        return GiveBack(key=key, reason=ReturnReason.CAPACITY)
    return StartAttempt(key=key)


def _continue(one: Running, desired: Desired, now_s: float) -> Action | None:
    match one.phase:
        case Phase.ENDED:
            return Forget(key=one.key)
        case Phase.STOPPING | Phase.REPORTING:
            return None
        case Phase.WORKING:
            why = _reason_to_stop(one, desired, now_s)
            if why is not None:
                return StopAttempt(key=one.key, why=why)
            is_due = now_s - one.leased_at_s >= RENEWAL_S and not one.is_renewing
            return RenewLease(key=one.key) if is_due else None
        case _:
            assert_never(one.phase)


def _reason_to_stop(one: Running, desired: Desired, now_s: float) -> Stop | None:
    if one.key in desired.cancelled:
        return Stop.CANCELLED
    if _is_superseded(one.key, desired) or now_s - one.leased_at_s >= LEASE_S:
        return Stop.LEASE_LOST
    if desired.give_back_at_s is not None and now_s >= desired.give_back_at_s:
        return Stop.DRAINING
    return None


def _is_superseded(key: AttemptKey, desired: Desired) -> bool:
    return any(other.job_id == key.job_id and other.attempt > key.attempt for other in desired.assigned)
