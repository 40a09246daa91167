"""The stream of claims: what islands say is kept here until some coordinator has dealt with it.

Delivered at least once, to any coordinator that is there; to a frozen one too, which then deals with it when it wakes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from domain.claim import Claim, Heartbeat
from tests.simulation.network import Network
from tests.simulation.virtual_loop import VirtualLoop

ACK_AWAITED_S: Final = 30.0
PUT_BACK_S: Final = 2.0
NOBODY_THERE_S: Final = 1.0


@dataclass(slots=True)
class StoredClaim:
    """`is_honest`: the island that made it believed it."""

    claim: Claim
    number: int
    stored_at_ms: int
    is_honest: bool
    is_settled: bool = False
    deliveries: int = 0


class ClaimTaker(Protocol):
    """A coordinator, as far as claims are concerned."""

    def take_claim(self, stored: StoredClaim) -> None: ...

    def hear(self, heartbeat: Heartbeat, at_ms: int) -> None: ...


class ClaimStream:
    def __init__(
        self,
        takers: Callable[[], Sequence[ClaimTaker]],
        network: Network,
        loop: VirtualLoop,
        now_ms: Callable[[], int],
    ) -> None:
        self.made: list[Claim] = []
        self._takers = takers
        self._network = network
        self._loop = loop
        self._now_ms = now_ms

    def store(self, claim: Claim, is_honest: bool) -> None:
        self.made.append(claim)
        stored = StoredClaim(
            claim=claim, number=len(self.made), stored_at_ms=self._now_ms(), is_honest=is_honest
        )
        if isinstance(claim, Heartbeat):
            for taker in self._takers():
                taker.hear(claim, stored.stored_at_ms)
        self.deliver(stored)

    def deliver(self, stored: StoredClaim) -> None:
        if stored.is_settled:
            return
        takers = self._takers()
        if not takers:
            self._loop.call_later(NOBODY_THERE_S, self.deliver, stored)
            return
        stored.deliveries += 1
        self._network.rng.choice(takers).take_claim(stored)
        self._loop.call_later(ACK_AWAITED_S, self.deliver, stored)

    def put_back(self, stored: StoredClaim) -> None:
        self._loop.call_later(PUT_BACK_S, self.deliver, stored)

    def settle(self, stored: StoredClaim) -> None:
        """The claim was dealt with, unless its acknowledgement is lost: then it comes again."""
        if not self._network.is_bad(self._network.weather.lost_answer):
            stored.is_settled = True
