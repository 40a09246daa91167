"""One way to connect to NATS, for every role.

Reconnects for ever, notices a half-open link after about three pings of five seconds (the library's own two minutes
would hide it for six), and logs what happens to the connection under constant names.
"""

import asyncio
import logging
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.roles import Role
from adapters.nats.bounded_client import BoundedClient
from adapters.tls import client_context, distrust_of, is_encrypted, told

PING_INTERVAL_S: Final = 5
PINGS_OUTSTANDING_MAX: Final = 2
RECONNECT_WAIT_S: Final = 0.25
CONNECT_TIMEOUT_S: Final = 5
HANG_UP_S: Final = 1.0
REFUSALS_MAX: Final = 8
"""In a row, about two seconds: a server that was just started with older settings is soon started again."""
NOT_LET_IN: Final = "Authorization Violation"
HANDSHAKE_FAULTS: Final = (ssl.SSLError, ConnectionResetError, TimeoutError)

log = logging.getLogger(__name__)


class HandshakeFailed(ConnectionError):
    """The first encrypted connection could not be made; the text ends a sentence that begins with the server."""

    def __init__(self, error: Exception) -> None:
        why = distrust_of(error)
        super().__init__("did not finish the TLS handshake" if why is None else told(why))
        self.distrust = why


class NotLetIn(ConnectionError):
    """The server answers, and does not know who asks; the text names the credentials."""

    def __init__(self, credentials: Path) -> None:
        super().__init__(f"the server does not accept {credentials}: it was set up with other keys")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one of our components reaches the server: where, as whom, and whose certificate it believes.

    `ca_file` is for servers whose certificate no public authority has signed; without it the system's list counts.
    """

    url: str
    credentials: Path
    inbox_prefix: str
    ca_file: Path | None = None


def access_of(url: str, folder: KeyFolder, role: Role, *, ca_file: Path | None = None) -> Access:
    """Raises `KeysUnusable` where the folder holds no credentials of that role."""
    return Access(
        url=url,
        credentials=folder.credentials(role),
        inbox_prefix=subjects.inbox_prefix(role),
        ca_file=ca_file,
    )


def options_of(access: Access, name: str) -> dict[str, Any]:
    """Connection options of one of our components, also for FastStream's broker."""
    return (
        options(name, is_encrypted=is_encrypted(access.url))
        | encryption(access.url, access.ca_file)
        | {"user_credentials": str(access.credentials), "inbox_prefix": access.inbox_prefix}
    )


def encryption(url: str, ca_file: Path | None) -> dict[str, Any]:
    """Connection options for a `tls://` URL; none for others. Raises `TlsUnusable`.

    The handshake comes before anything the server says: otherwise whoever sits between could tell the library that
    the server wants no TLS, and it would go on in plaintext.
    """
    if not is_encrypted(url):
        return {}
    logging.getLogger("asyncio").addFilter(_is_news)
    return {"tls": client_context(ca_file), "tls_handshake_first": True}


def options(name: str, *, is_encrypted: bool = False) -> dict[str, Any]:
    """Connection options, also for FastStream's broker."""
    was_lost = False

    async def on_error(error: Exception) -> None:
        log.warning("nats_error", extra={"connection": name, "error": repr(error)})
        if is_encrypted and not was_lost and isinstance(error, HANDSHAKE_FAULTS):
            # Otherwise the library waits for ever for the end of what a failed handshake has left of the connection.
            # Once it was connected it does not wait there, and tries again.
            raise HandshakeFailed(error) from error

    async def on_disconnect() -> None:
        nonlocal was_lost
        was_lost = True
        log.info("nats_disconnected", extra={"connection": name})

    async def on_reconnect() -> None:
        log.info("nats_reconnected", extra={"connection": name})

    return {
        "name": name,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": RECONNECT_WAIT_S,
        "connect_timeout": CONNECT_TIMEOUT_S,
        "ping_interval": PING_INTERVAL_S,
        "max_outstanding_pings": PINGS_OUTSTANDING_MAX,
        "error_cb": on_error,
        "disconnected_cb": on_disconnect,
        "reconnected_cb": on_reconnect,
    }


async def connect(access: Access, name: str) -> Client:
    """A connected client, waited for while no server answers. Raises `HandshakeFailed` and `NotLetIn`.

    One that was let in before and is no more gets closed: whoever uses it looks at `is_closed` and ends.
    """
    client = BoundedClient()
    welcome = _Welcome(client, access)
    found = options_of(access, name)

    async def on_error(error: Exception) -> None:
        await found["error_cb"](error)
        if NOT_LET_IN in str(error):
            welcome.refuse()

    async def on_reconnect() -> None:
        welcome.let_in()
        await found["reconnected_cb"]()

    try:
        await client.connect(access.url, **found | {"error_cb": on_error, "reconnected_cb": on_reconnect})
    except BaseException:
        await hang_up(client)
        raise
    welcome.let_in()
    return client


class _Welcome:
    """Whether the server still lets a client in. The library alone would ask for ever with what nobody knows."""

    def __init__(self, client: Client, access: Access) -> None:
        self._client = client
        self._access = access
        self._was_let_in = False
        self._refusals = 0
        self._closing: asyncio.Task[None] | None = None

    def let_in(self) -> None:
        self._was_let_in = True
        self._refusals = 0

    def refuse(self) -> None:
        """Raises `NotLetIn` where it was never let in."""
        if not self._was_let_in:
            raise NotLetIn(self._access.credentials)
        self._refusals += 1
        if self._refusals == REFUSALS_MAX:
            # In a task of its own: closing ends the one that tells us.
            self._closing = asyncio.create_task(hang_up(self._client))


def _is_news(record: logging.LogRecord) -> bool:
    """Over TLS asyncio warns at the end of every connection of the library, which does what it may not mean to."""
    return not record.getMessage().startswith("returning true from eof_received()")


async def hang_up(client: Client) -> None:
    """Closes, also where the first handshake failed or nothing is left of the connection: the library alone would wait
    for ever there, or raise.
    """
    with suppress(TimeoutError, OSError, RuntimeError):  # The last is uvloop's word for a closed transport.
        async with asyncio.timeout(HANG_UP_S):
            await client.close()
