"""Where a hostile client tries to get in: the server's door with some document, and the coordinator's as a stranger."""

import base64
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import nats.errors
from nats.aio.client import Client

from adapters.nats.accounts.nkey import NKey
from tests.adversary.scene import Scene

Paper = tuple[str, NKey]
"""A document, and the key that its bearer signs the server's nonce with."""
_addresses = itertools.count(2)


async def is_let_in(url: str, paper: Paper | None, **options: Any) -> bool:
    """By a document, or without one as `options` say."""

    async def complain(_: Exception) -> None:
        """That it is refused is what is expected."""

    if paper is not None:
        document, user = paper
        options |= {
            "user_jwt_cb": document.encode,
            "signature_cb": lambda nonce: base64.b64encode(user.sign(nonce.encode())),
        }
    client = Client()
    try:
        await client.connect(url, allow_reconnect=False, connect_timeout=5, error_cb=complain, **options)
    except (nats.errors.Error, OSError, TimeoutError):
        return False
    finally:
        await client.close()
    return True


@asynccontextmanager
async def at_another_address(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody, at an address of the loopback that has asked for nothing yet."""
    transport = httpx.AsyncHTTPTransport(local_address=f"127.0.9.{next(_addresses)}")
    async with scene.network.http(transport=transport) as http:
        yield http
