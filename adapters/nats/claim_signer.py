"""An island signs what it claims: the envelope of `adapters.claim_envelope`, with a number that never comes twice.

Used by the island's channels. A claim is sealed anew each time it is sent, under the same id and a higher number, so
that the coordinator can tell a repetition from a replay.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from adapters import clock
from adapters.claim_envelope import seal
from adapters.nats.accounts.nkey import NKey
from adapters.wire import JobStatus, LeaseRenewal
from domain.ids import IslandId


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSigner:
    """`next_number` gives a higher number at every call, over the island's whole life."""

    island_id: IslandId
    user: NKey
    next_number: Callable[[], int]

    def headers(self, kind: str, message: msgspec.Struct, body: bytes, claim_id: str) -> Mapping[str, str]:
        """What goes with `body`, which is `message` encoded. Send it before the next claim is sealed."""
        job, attempt = _about(message)
        return seal(
            self.user,
            island_id=self.island_id,
            kind=kind,
            job=job,
            attempt=attempt,
            n=self.next_number(),
            claim_id=claim_id,
            at_ms=clock.now_ms(),
            body=body,
        )


def _about(message: msgspec.Struct) -> tuple[str, int]:
    """The wire id and the attempt that a claim is about; neither for what an island says of itself."""
    match message:
        case JobStatus() | LeaseRenewal():
            return message.job_id, message.attempt or 0
        case _:
            return "", 0
