"""Whether this island may work, and what its owner has to do until it may.

Run by the composition root beside the link. The coordinator is asked after every connection, because being suspended
ends the connection, and regularly while the island may not work. Until somebody answers, what was known last counts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from adapters.wire import ALREADY_PAIRED, SUSPENDED, PairingAnswer
from island.credentials import KeptCredentials
from island.fabric import Fabric

ASK_S: Final = 2.0
ATTENDED_S: Final = 600.0
"""For so long after a connection somebody is thought to sit there with the code; it is the code's life, too."""
ASK_UNATTENDED_S: Final = 10.0
WORD_CHARACTERS_MAX: Final = 200


class Pairing:
    """`on_admitted` is called each time the island may work from now on, `on_barred` when it may not any more.

    `say` prints one line for the owner.
    """

    def __init__(
        self,
        fabric: Fabric,
        kept: KeptCredentials,
        *,
        on_admitted: Callable[[], Awaitable[None]],
        on_barred: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self._fabric = fabric
        self._kept = kept
        self._on_admitted = on_admitted
        self._on_barred = on_barred
        self._is_admitted = False
        self._say = say
        self._said = ""
        self._connected = asyncio.Event()
        self._attended_until_s = 0.0

    def connected(self) -> None:
        """There is a new connection: what was known may have changed."""
        self._connected.set()

    async def run(self) -> None:
        """For ever."""
        if self._kept.newest.is_paired:
            self._is_admitted = True
            self._fabric.admit()
        while True:
            await self._connected.wait()
            self._connected.clear()
            self._attended_until_s = _now_s() + ATTENDED_S
            while (pause_s := await self._ask()) is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._connected.wait()
                self._connected.clear()

    async def _ask(self) -> float | None:
        """Seconds until it is asked again; None where that has to wait for the next connection."""
        answer = await self._fabric.ask_for_pairing()
        if answer is None:
            return self._pause_s()
        if answer.success:
            self._wait_for_owner(answer)
            return self._pause_s()
        if answer.error == ALREADY_PAIRED:
            await self._admit()
            return None
        if answer.error == SUSPENDED:
            self._bar()
            self._say_once(
                "suspended by the operator of the network: no jobs until that ends; staying connected"
            )
        else:
            self._say_once(f"the coordinator does not pair this island: {_plain(answer.error)}")
        return ASK_UNATTENDED_S

    async def _admit(self) -> None:
        self._kept.note_pairing(is_paired=True)
        self._said = ""
        if not self._is_admitted:
            self._is_admitted = True
            self._fabric.admit()
            self._say("paired; waiting for jobs")
            await self._on_admitted()

    def _bar(self) -> None:
        if self._is_admitted:
            self._is_admitted = False
            self._fabric.bar()
            self._on_barred()

    def _wait_for_owner(self, answer: PairingAnswer) -> None:
        self._bar()
        self._kept.note_pairing(is_paired=False)
        code, page = _plain(answer.code), _plain(answer.pair_url or self._kept.newest.pair_url)
        self._say_once(
            f"To lend this machine, type the code {code} at {page} or run: archipelago island pair {code}"
        )

    def _say_once(self, line: str) -> None:
        if line != self._said:
            self._say(line)
        self._said = line

    def _pause_s(self) -> float:
        return ASK_S if _now_s() < self._attended_until_s else ASK_UNATTENDED_S


def _plain(text: str | None) -> str:
    """What the coordinator wrote, fit for a terminal."""
    return "".join(letter for letter in (text or "")[:WORD_CHARACTERS_MAX] if letter.isprintable())


def _now_s() -> float:
    return asyncio.get_running_loop().time()
