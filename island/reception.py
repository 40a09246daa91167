"""What becomes of a job message: an assignment to take on, a refusal, or nothing because it is known already.

Called by the agent for each message, one at a time. Every message is answered before it is acknowledged; one that
nobody can read is ended for good, so that it never comes again.
"""

import logging
from collections.abc import Callable
from typing import Final

from adapters import clock
from adapters.wire import JobStatus
from domain.category import CategoryPolicy
from domain.failure import Failure, ReturnReason
from island.admission import refusal
from island.assignment import Assignment, Unreadable, parse_assignment
from island.attempt_key import AttemptKey
from island.fabric import Delivery, Fabric
from island.offered_runtimes import OfferedRuntimes
from island.seen_attempts import SeenAttempts
from island.state_store import AttemptRecord, StateStore

ERROR_CHARACTERS_MAX: Final = 2000

log = logging.getLogger(__name__)


class Reception:
    def __init__(
        self,
        *,
        fabric: Fabric,
        runtimes: OfferedRuntimes,
        store: StateStore,
        trust_level_min: int,
        categories: CategoryPolicy,
        say: Callable[[str], None],
    ) -> None:
        self._fabric = fabric
        self._runtimes = runtimes
        self._store = store
        self._trust_level_min = trust_level_min
        self._categories = categories
        self._say = say
        self._seen = SeenAttempts()

    async def receive(self, delivery: Delivery) -> Assignment | None:
        """An assignment to take on, recorded on the disk; None where the message is dealt with."""
        try:
            assignment = parse_assignment(delivery.body)
        except Unreadable as unreadable:
            await self._answer_unreadable(unreadable, delivery)
            return None
        key = assignment.key
        if key in self._seen:
            await self._fabric.acknowledge(delivery.receipt)
            return None
        self._seen.add(key)
        reason = refusal(
            assignment,
            self._runtimes.capabilities,
            trust_level_min=self._trust_level_min,
            categories=self._categories,
        )
        if reason is not None:
            await self.refuse(key, reason, delivery)
            return None
        self._store.keep(key, delivery.receipt)
        return assignment

    async def refuse(self, key: AttemptKey, reason: ReturnReason, delivery: Delivery) -> None:
        """An attempt that was never started here goes back."""
        self._say(f"job {key.wire_id}: refused ({reason})")
        await self._fabric.store_status(_claim(key, "refused", reason))
        await self._fabric.acknowledge(delivery.receipt)
        self._store.drop(key)

    async def report(self, record: AttemptRecord) -> None:
        """Say what an earlier process could not: how the attempt ended, or that it was lost with the process.

        Its message may still count as being worked on here, and would keep a slot from other jobs.
        """
        key = record.key
        claim = record.final or _claim(key, "returned", ReturnReason.RESTART)
        self._seen.add(key)
        self._say(f"job {key.wire_id}: {claim.state} (left over from an earlier run)")
        await self._fabric.store_status(claim)
        await self._fabric.acknowledge(record.receipt)
        self._store.drop(key)

    async def _answer_unreadable(self, unreadable: Unreadable, delivery: Delivery) -> None:
        log.warning("assignment_unreadable", extra={"error": str(unreadable)})
        if unreadable.key is not None:
            claim = _claim(unreadable.key, "refused", ReturnReason.VERIFICATION)
            claim.code, claim.error = Failure.BAD_ASSIGNMENT, str(unreadable)[:ERROR_CHARACTERS_MAX]
            await self._fabric.store_status(claim)
        await self._fabric.terminate(delivery.receipt)


def _claim(key: AttemptKey, state: str, reason: ReturnReason) -> JobStatus:
    return JobStatus(
        job_id=key.wire_id, attempt=key.attempt, state=state, reason=reason, timestamp=clock.now_ms()
    )
