"""Dispatching: an assignment becomes a message in the island's mailbox, an end in mid-run becomes a cancellation.

The message names job and attempt, so that a repetition is recognised by the mailbox and by the island.
"""

from collections.abc import Sequence
from typing import Any

from commands.process import Process, Reaction, SendAssignment, SendCancel
from domain.failure import Failure
from domain.job_events import AttemptFailed, AttemptLost, JobAssigned, JobCancelled


def react(event: Any, _at_ms: int) -> Sequence[Reaction]:
    match event:
        case JobAssigned():
            return [
                SendAssignment(
                    job_id=event.job_id,
                    attempt=event.attempt,
                    island_id=event.island_id,
                    lease_ends_at_ms=event.lease_ends_at_ms,
                )
            ]
        case JobCancelled() if event.island_id is not None:
            return [cancel(event, "user")]
        case AttemptLost():
            return [cancel(event, "lease_lost" if event.loss.is_counted else "superseded")]
        case AttemptFailed() if event.code is Failure.TIMED_OUT:
            return [cancel(event, "deadline")]
        case _:
            return []


def cancel(event: JobCancelled | AttemptLost | AttemptFailed, reason: str) -> SendCancel:
    assert event.island_id is not None
    return SendCancel(job_id=event.job_id, attempt=event.attempt, island_id=event.island_id, reason=reason)


DISPATCHING = Process(name="dispatching", react=react)
