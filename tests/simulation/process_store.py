"""Where processes stand and the pictures of planners, kept as PostgreSQL keeps them: `adapters.postgres.process_store`.

Pictures go through the same encoding, so that what is restored is what a restart would restore.
"""

from typing import TypeVar

import msgspec

from adapters.postgres.process_store import Superseded
from tests.simulation.line import Line

P = TypeVar("P")


class StoreServer:
    def __init__(self) -> None:
        self.positions: dict[str, int] = {}
        self.pictures: dict[str, tuple[int, bytes]] = {}


class StoreClient:
    def __init__(self, server: StoreServer, line: Line) -> None:
        self._server = server
        self._line = line

    async def position(self, name: str) -> int:
        await self._line.cross()
        return self._server.positions.setdefault(name, 0)

    async def save_position(self, name: str, *, old: int, new: int) -> None:
        await self._line.cross()
        if self._server.positions[name] != old:
            raise Superseded(name)
        self._server.positions[name] = new
        await self._line.cross_back()

    async def picture(self, name: str, kind: type[P]) -> P | None:
        await self._line.cross()
        if name not in self._server.pictures:
            return None
        return msgspec.json.decode(self._server.pictures[name][1], type=kind)

    async def save_picture(self, name: str, *, position: int, picture: object) -> None:
        encoded = msgspec.json.encode(picture)
        await self._line.cross()
        if position > self._server.pictures.get(name, (-1, b""))[0]:
            self._server.pictures[name] = (position, encoded)
        await self._line.cross_back()
