"""What the daemon does when its connection comes, goes or is refused: tells the owner, and wakes whom it concerns.

Made by the composition root. Keeps `adapters.nats.island_link.Listener`.
"""

from collections.abc import Callable

from adapters.wire import CancelJob, PreloadRecommendation
from island.agent import Agent
from island.credentials import KeptCredentials
from island.pairing import Pairing
from island.renewal import Renewal


class ConnectionWatch:
    def __init__(
        self,
        agent: Agent,
        pairing: Pairing,
        renewal: Renewal,
        kept: KeptCredentials,
        *,
        say: Callable[[str], None],
    ) -> None:
        self._agent = agent
        self._pairing = pairing
        self._renewal = renewal
        self._kept = kept
        self._say = say
        self._is_first = True
        self._trouble = ""

    async def connected(self) -> None:
        self._trouble = ""
        if not self._is_first:
            self._say("connected again")
        else:
            self._say("connected; waiting for jobs" if self._kept.newest.is_paired else "connected")
        self._is_first = False
        self._pairing.connected()
        await self._agent.greet()

    def disconnected(self) -> None:
        self._say("the network is gone; trying to come back")

    def unreachable(self, reason: str) -> None:
        if reason != self._trouble:
            self._say(f"{reason}; trying again")
        self._trouble = reason

    async def refused(self) -> None:
        await self._renewal.renew()

    def cancel(self, message: CancelJob) -> None:
        self._agent.cancel(message)

    def preload(self, message: PreloadRecommendation) -> None:
        self._agent.preload(message)
