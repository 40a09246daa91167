"""Keeps the island's document young: asks for a new one at half its life, and when the server refuses it.

Run by the composition root beside the link, which tells of refusals. A coordinator that does not answer is asked again
after growing pauses; one that says that the island has to go ends all of this.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from adapters.nats.accounts.jwt import read
from island.credentials import Credentials, KeptCredentials
from island.enrolment import Expelled, NotEnrolled

PAUSE_MIN_S: Final = 5.0
"""Between two questions, whatever the reason to ask."""
PAUSE_MAX_S: Final = 300.0

log = logging.getLogger(__name__)


class Renewal:
    """`ask` gets the newest credentials from the coordinator.

    `on_expelled` is called once at most, with words for the owner.
    """

    def __init__(
        self,
        kept: KeptCredentials,
        ask: Callable[[], Awaitable[Credentials]],
        *,
        now_ms: int,
        on_expelled: Callable[[str], None],
    ) -> None:
        self._kept = kept
        self._ask = ask
        self._on_expelled = on_expelled
        self._asking = asyncio.Lock()
        self._pause_s = PAUSE_MIN_S
        self._not_before_s = 0.0
        self._is_over = False
        issued_at_s, life_s = _life(kept.newest)
        age_s = min(max(0.0, now_ms / 1000 - issued_at_s), life_s)
        self._due_at_s = _now_s() + life_s / 2 - age_s

    async def run(self) -> None:
        """Until the island is sent away."""
        while not self._is_over:
            wait_s = self._due_at_s - _now_s()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            else:
                await self.renew()

    async def renew(self) -> None:
        """Ask now, unless that was done a moment ago. Returns when there is a new document, or none to be had."""
        async with self._asking:
            if not self._is_over and _now_s() >= self._not_before_s:
                await self._renew()

    async def _renew(self) -> None:
        try:
            credentials = await self._ask()
        except NotEnrolled as fault:
            log.warning("document_not_renewed", extra={"error": str(fault)})
            self._due_at_s = self._not_before_s = _now_s() + self._pause_s
            self._pause_s = min(PAUSE_MAX_S, self._pause_s * 2)
        except Expelled as expelled:
            self._is_over = True
            self._kept.give_up(str(expelled))
            self._on_expelled(str(expelled))
        else:
            self._kept.replace(credentials)
            self._pause_s = PAUSE_MIN_S
            self._not_before_s = _now_s() + PAUSE_MIN_S
            self._due_at_s = _now_s() + max(PAUSE_MIN_S, _life(credentials)[1] / 2)


def _life(credentials: Credentials) -> tuple[int, float]:
    """When the document was made (Unix seconds), and for how many seconds. Both by the coordinator's clock."""
    issued_at_s = int(read(credentials.user_jwt)["iat"])
    return issued_at_s, max(0.0, credentials.expires_at_s - issued_at_s)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
