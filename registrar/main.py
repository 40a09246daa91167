"""The registrar as a program: `python -m registrar`. The only one that may change who is on the fabric.

It holds the operator's signing key, so it does as little as possible: reads the facts about islands, makes the NATS
server agree, hands out documents, and guards against floods. Islands that are connected do not notice its absence.
"""

from nats.aio.client import Client

from adapters import clock
from adapters.nats.accounts.island_keys import IslandKeys
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.roles import Role
from registrar.agreement import Agreement
from registrar.documents import DocumentDesk
from registrar.guard import SAMPLE_S, Guard
from registrar.island_books import IslandBooks
from registrar.island_facts import IslandFacts
from registrar.program import connected, run_program, until_closed
from registrar.settings import RegistrarSettings
from registrar.tasks import first_of


def main() -> int:
    return run_program(RegistrarSettings, serve)


async def serve(settings: RegistrarSettings) -> None:
    """Runs one registrar until cancelled. Raises `KeysUnusable`, `TlsUnusable`, `ClosedForGood` and `codec.Unknown`."""
    keys = IslandKeys.of_registrar(KeyFolder(settings.nats_keys))
    async with (
        connected(settings, Role.REGISTRAR) as system,
        connected(settings, Role.REGISTRAR_CORE) as core,
    ):
        await first_of(Registrar(system=system, core=core, keys=keys).run(), until_closed(system, core))


class Registrar:
    """All parts of one registrar. `system` is connected as `registrar`, `core` as `registrar-core`."""

    def __init__(self, *, system: Client, core: Client, keys: IslandKeys, sample_s: float = SAMPLE_S) -> None:
        self._core = core
        self.books = IslandBooks()
        self._facts = IslandFacts(core, self.books)
        self._agreement = Agreement(self.books, system=system, core=core, keys=keys, now_ms=clock.now_ms)
        self._desk = DocumentDesk(
            self.books, facts=self._facts, agreement=self._agreement, keys=keys, now_ms=clock.now_ms
        )
        self._guard = Guard(self.books, system=system, core=core, now_ms=clock.now_ms, sample_s=sample_s)

    async def run(self) -> None:
        """Until cancelled. Raises `Refused` and `codec.Unknown`."""
        await self._facts.read()
        await first_of(self._follow(), self._agreement.run(), self._guard.run(), self._desk.keep(self._core))

    async def _follow(self) -> None:
        async for changed in self._facts.follow():
            self._agreement.changed(changed)
