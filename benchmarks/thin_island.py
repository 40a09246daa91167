"""An island reduced to its connection: a document, a signed nonce, and answers to the server's pings.

Thousands of them fit into one process, so that what is measured is the server and not nats-py's memory; the moment at
which the server hangs up is taken without a task in between. Speaks the text protocol of NATS as far as that needs.
"""

import asyncio
import json
import ssl
import time
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlsplit

from adapters.nats.accounts.jwt import encode64
from adapters.nats.accounts.nkey import NKey
from domain.ids import IslandId

END: Final = b"\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An island's keys and the document it connects with."""

    account: NKey
    user: NKey
    jwt: str

    @property
    def island_id(self) -> IslandId:
        return IslandId(self.account.public)

    def hello(self, info: bytes) -> bytes:
        """The answer to the server's INFO, with a ping behind it: the pong says that the server has let us in."""
        nonce: str = json.loads(info)["nonce"]
        told = {
            "verbose": False,
            "pedantic": False,
            "jwt": self.jwt,
            "sig": encode64(self.user.sign(nonce.encode())),
            "protocol": 1,
            "headers": True,
            "no_responders": True,
            "lang": "thin",
            "version": "1",
            "name": "thin island",
        }
        return b"CONNECT " + json.dumps(told).encode() + END + b"PING" + END


class Refused(Exception):
    """The server hung up before it said yes; the text is its own."""


class ThinIsland(asyncio.Protocol):
    """`admitted` is done once the server has said yes. `lost_at_s` is by `time.perf_counter`, set when it hung up."""

    def __init__(self, member: Member) -> None:
        loop = asyncio.get_running_loop()
        self.admitted: asyncio.Future[None] = loop.create_future()
        self.lost_at_s: asyncio.Future[float] = loop.create_future()
        self._member = member
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._said = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have all that asyncio's have, and are none.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(END)
        for line in lines:
            self._take(line)

    def _take(self, line: bytes) -> None:
        assert self._transport is not None
        verb = line[:4]
        if verb == b"INFO":
            # It is told again after the first time whenever the cluster changes.
            if not self.admitted.done() and not self._said:
                self._said = "connecting"
                self._transport.write(self._member.hello(line[5:]))
        elif verb == b"PING":
            self._transport.write(b"PONG" + END)
        elif verb == b"PONG" and not self.admitted.done():
            self.admitted.set_result(None)
        elif verb == b"-ERR":
            self._said = line.decode()

    def connection_lost(self, fault: Exception | None) -> None:
        if not self.admitted.done():
            self.admitted.set_exception(Refused(self._said or repr(fault)))
        if not self.lost_at_s.done():
            self.lost_at_s.set_result(time.perf_counter())

    def hang_up(self) -> None:
        assert self._transport is not None
        self._transport.abort()


async def connected(member: Member, url: str, context: ssl.SSLContext | None = None) -> ThinIsland:
    """An island the server has let in. With a context the TLS handshake comes first. Raises `Refused` and OSError."""
    address = urlsplit(url)
    assert address.hostname
    assert address.port
    _, island = await asyncio.get_running_loop().create_connection(
        lambda: ThinIsland(member),
        address.hostname,
        address.port,
        ssl=context,
        server_hostname=address.hostname if context else None,
    )
    await island.admitted
    return island
