"""A connection that speaks the server's protocol itself, and need not keep to it."""

import asyncio
import json
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlsplit

from adapters.nats.accounts.jwt import encode64
from tests.adversary.members import EFFECT_S
from tests.fabric import JoinedIsland


class RawConnection:
    """Let in as the island; `open` one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, nonce: str) -> None:
        self._reader, self._writer, self._nonce = reader, writer, nonce

    @classmethod
    async def open(cls, island: JoinedIsland) -> Self:
        where = urlsplit(island.url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        nonce = json.loads((await reader.readline()).removeprefix(b"INFO "))["nonce"]
        connection = cls(reader, writer, nonce)
        connection.say(connection.hello(island))
        connection.say(b"PING\r\n")
        assert await connection.line() == b"PONG\r\n"
        return connection

    def hello(self, island: JoinedIsland, **more: Any) -> bytes:
        signature = encode64(island.user.sign(self._nonce.encode()))
        options = {"jwt": island.jwt, "sig": signature, "verbose": False, "protocol": 1, "headers": True}
        return b"CONNECT " + json.dumps(options | more).encode() + b"\r\n"

    def say(self, line: bytes) -> None:
        self._writer.write(line)

    async def line(self) -> bytes:
        """The next line that is neither news of the server nor its question whether anybody is there."""
        async with asyncio.timeout(EFFECT_S):
            while (line := await self._reader.readline()).startswith((b"INFO ", b"PING")):
                pass
        return line

    async def until_pong(self) -> list[bytes]:
        """What the server says until it has read all that was said. The last is empty where it hung up."""
        said = []
        try:
            self.say(b"PING\r\n")
            while (line := await self.line()) != b"PONG\r\n":
                said.append(line)
                if not line:
                    break
        except ConnectionError:
            said.append(b"")
        return said

    async def close(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()
