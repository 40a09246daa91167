"""How the registrar and the door run as programs: settings, connections, signals, and words for what went wrong.

Both end on SIGTERM or Ctrl-C and come through breaks of the connection by themselves. Exit codes: 0 stopped when told
to, 1 could not start or go on (one line says why), 2 wrong settings.
"""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, NoReturn, TypeVar

import uvloop
from nats.aio.client import Client
from nats.errors import Error as NatsError
from pydantic import ValidationError

from adapters import codec
from adapters.log_lines import write_log
from adapters.nats.accounts.key_folder import KeyFolder, KeysUnusable
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import HandshakeFailed, access_of, connect, hang_up
from adapters.nats.replies import Refused
from adapters.tls import TlsUnusable
from registrar.settings import Settings
from registrar.tasks import first_of

CLOSED_SEEN_S: Final = 1.0

S = TypeVar("S", bound=Settings)


class ClosedForGood(Exception):
    """The server let a connection in before and does so no more."""


def run_program(settings_type: type[S], serve: Callable[[S], Awaitable[None]]) -> int:
    """Runs `serve` until it ends or the program is told to stop. Returns the exit code."""
    write_log(logging.INFO)
    prefix = settings_type.model_config.get("env_prefix", "")
    try:
        settings = settings_type()
    except ValidationError as wrong:
        for one in wrong.errors():
            sys.stderr.write(f"error: {prefix}{str(one['loc'][0]).upper()}: {one['msg']}\n")
        return 2
    try:
        uvloop.run(until_told(serve(settings)))
    except (KeysUnusable, TlsUnusable) as fault:
        return failed(f"{fault}. Check {prefix}NATS_KEYS and {prefix}NATS_CA_FILE.")
    except HandshakeFailed as fault:
        return failed(f"NATS: {settings.nats_url} {fault}. Check {prefix}NATS_CA_FILE.")
    except codec.Unknown as unknown:
        return failed(f"the log holds {unknown}, which is newer than this program. Update it.")
    except (ClosedForGood, Refused, NatsError, OSError) as fault:
        return failed(f"NATS: {fault}. Check {prefix}NATS_URL and that the keys are those of its network.")
    return 0


def failed(reason: str) -> int:
    sys.stderr.write(f"error: {reason}\n")
    return 1


async def until_told(work: Awaitable[None]) -> None:
    """Does the work until it ends or a signal says stop. Raises what the work raises."""

    async def working() -> None:
        await work

    stop = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    await first_of(working(), wait_for_stop(stop))


async def wait_for_stop(stop: asyncio.Event) -> None:
    await stop.wait()


@contextlib.asynccontextmanager
async def connected(settings: Settings, role: Role) -> AsyncIterator[Client]:
    """Waits for the server as long as it takes. Raises `KeysUnusable` and `TlsUnusable`."""
    access = access_of(settings.nats_url, KeyFolder(settings.nats_keys), role, ca_file=settings.nats_ca_file)
    client = await connect(access, role)
    try:
        yield client
    finally:
        await hang_up(client)


async def until_closed(*clients: Client) -> NoReturn:
    """Raises `ClosedForGood` when the server lets one of them in no more."""
    while not any(client.is_closed for client in clients):  # noqa: ASYNC110 - the library offers no event for it
        await asyncio.sleep(CLOSED_SEEN_S)
    raise ClosedForGood("the server no longer lets this program in")
