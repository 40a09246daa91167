"""The runtimes of this island and what their self-tests found. Only what passed is offered to the coordinator.

Made by the composition root, tested by the agent: at the start, every hour, and after a fault of the island's own.
"""

from collections.abc import Callable, Mapping

from adapters.runtime.contract import Capability, Runtime


class OfferedRuntimes:
    """`capabilities` are those of the last test, by runtime; empty before the first."""

    def __init__(self, runtimes: Mapping[str, Runtime], *, say: Callable[[str], None]) -> None:
        self._runtimes = runtimes
        self._say = say
        self.capabilities: dict[str, Capability] = {}

    def __getitem__(self, name: str) -> Runtime:
        return self._runtimes[name]

    async def test(self) -> None:
        """Tells the owner what is new."""
        for name, runtime in self._runtimes.items():
            before = self.capabilities.get(name)
            found = self.capabilities[name] = await runtime.probe()
            if before is None or before.offered is not found.offered:
                self._say(_news(name, found))

    async def aclose(self) -> None:
        for runtime in self._runtimes.values():
            await runtime.aclose()


def _news(name: str, found: Capability) -> str:
    if not found.offered:
        return f"cannot offer {name}: {'; '.join(found.reasons)}"
    gaps = f"; without {', '.join(found.gaps)}" if found.gaps else ""
    return f"offers {name}: {found.engine} {found.engine_version}, score {found.score:.0f}{gaps}"
