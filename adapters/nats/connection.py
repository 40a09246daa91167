"""One way to connect to NATS, for every role.

Reconnects for ever, notices a half-open link after about three pings of five seconds (the library's own two minutes
would hide it for six), and logs what happens to the connection under constant names.
"""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nats
from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.roles import Role

PING_INTERVAL_S: Final = 5
PINGS_OUTSTANDING_MAX: Final = 2
RECONNECT_WAIT_S: Final = 0.25
CONNECT_TIMEOUT_S: Final = 5

log = logging.getLogger(__name__)


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
    found = options(name) | {
        "user_credentials": str(access.credentials),
        "inbox_prefix": access.inbox_prefix,
    }
    return found | ({"tls": trusting(access.ca_file)} if access.url.startswith("tls://") else {})


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.3, believing one authority or the system's."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def options(name: str) -> dict[str, Any]:
    """Connection options, also for FastStream's broker."""

    async def on_error(error: Exception) -> None:
        log.warning("nats_error", extra={"connection": name, "error": repr(error)})

    async def on_disconnect() -> None:
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
    """A connected client. Raises what nats-py raises when the first connection cannot be made."""
    return await nats.connect(access.url, **options_of(access, name))
