"""Snapshots in memory, for tests of whoever asks for them. Held to the promises that PostgreSQL's are held to."""

from typing import Any, TypeVar

import msgspec

from commands.snapshots import Snapshot

S = TypeVar("S")


class MemorySnapshots:
    """What is kept has been through bytes, as it would be in a database. `program` as in the real ones."""

    def __init__(self, *, program: str = "today's") -> None:
        self.program = program
        self.kept: dict[tuple[str, str], tuple[bytes, Snapshot[Any]]] = {}

    async def newest(self, stream: str, kind: type[S]) -> Snapshot[S] | None:
        if (self.program, stream) not in self.kept:
            return None
        state, snapshot = self.kept[self.program, stream]
        return Snapshot(
            state=msgspec.msgpack.decode(state, type=kind),
            version=snapshot.version,
            events=snapshot.events,
            command_id=snapshot.command_id,
        )

    def keep(self, stream: str, snapshot: Snapshot[Any]) -> None:
        self.kept[self.program, stream] = (msgspec.msgpack.encode(snapshot.state), snapshot)
