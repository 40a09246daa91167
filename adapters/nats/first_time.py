"""When a commit was first recorded: the server's time, or the one that a restored commit carries.

A restored log has the times of the log it was copied from, so projections, reports and proofs come out the same.
"""

from collections.abc import Mapping

from adapters.nats import subjects


def first_recorded_at_ms(headers: Mapping[str, str], stored_at_ms: int) -> int:
    """`stored_at_ms` is the server's own time of the message."""
    carried = headers.get(subjects.RECORDED_AT)
    return stored_at_ms if carried is None else int(carried)
