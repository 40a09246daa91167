"""One way to connect to NATS, for every role.

Reconnects for ever, notices a half-open link after about three pings of five seconds (the library's own two minutes
would hide it for six), and logs what happens to the connection under constant names.
"""

import logging
from typing import Any, Final

import nats
from nats.aio.client import Client

PING_INTERVAL_S: Final = 5
PINGS_OUTSTANDING_MAX: Final = 2
RECONNECT_WAIT_S: Final = 0.25
CONNECT_TIMEOUT_S: Final = 5

log = logging.getLogger(__name__)


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


async def connect(url: str, name: str) -> Client:
    """A connected client. Raises what nats-py raises when the first connection cannot be made."""
    return await nats.connect(url, **options(name))
