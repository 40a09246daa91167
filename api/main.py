"""The coordinator as a program: `python -m api`, which `archipelago coordinator` and `archipelago up` start.

Configured by `api.settings`. On SIGTERM or Ctrl-C: no new requests, streams are ended, workers stop, connections
close. Exit codes: 0 stopped when told to, 1 could not start or go on (one line says why), 2 wrong settings.
"""

import asyncio
import logging
import socket
import ssl
import sys
from typing import Final

import psycopg
import uvloop
from nats.errors import Error as NatsError
from psycopg_pool import PoolTimeout
from pydantic import ValidationError

from adapters.log_lines import write_log
from adapters.nats.accounts.key_folder import KeysUnusable
from adapters.nats.connection import HandshakeFailed
from adapters.nats.replies import Refused, Unanswered
from adapters.tls import TlsUnusable, address_of
from api.app import build_app
from api.connections import ClosedForGood
from api.coordinator import Coordinator, connected
from api.encryption import Unencrypted, https_context
from api.http_server import http_server
from api.local_account import ensure_local_account
from api.settings import Settings
from api.task_end import end_tasks

LOCAL_ACCOUNT_S: Final = 20.0

log = logging.getLogger(__name__)


class CannotStart(Exception):
    """One sentence for a person: what failed and what to do next."""


def main() -> int:
    write_log(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        settings = Settings()
    except ValidationError as wrong:
        for one in wrong.errors():
            sys.stderr.write(f"error: ARCHIPELAGO_{str(one['loc'][0]).upper()}: {one['msg']}\n")
        return 2
    try:
        uvloop.run(serve(settings))
    except CannotStart as reason:
        sys.stderr.write(f"error: {reason}\n")
        return 1
    except KeyboardInterrupt:
        pass
    return 0


async def serve(settings: Settings) -> None:
    """Runs one coordinator until it is told to stop. Raises `CannotStart`."""
    try:
        encryption = https_context(settings)
    except (Unencrypted, TlsUnusable) as fault:
        raise CannotStart(str(fault)) from fault
    with listening_socket(settings) as listener:
        settings = with_public_url(settings, listener)
        try:
            async with connected(settings) as coordinator:
                await run_with_http(coordinator, listener, encryption)
        except Refused as refusal:
            raise CannotStart(
                f"NATS: {refusal}. Make the streams with `archipelago deploy`, or check ARCHIPELAGO_NATS_URL."
            ) from refusal
        except (KeysUnusable, TlsUnusable) as fault:
            raise CannotStart(
                f"{fault}. Check ARCHIPELAGO_NATS_KEYS and ARCHIPELAGO_NATS_CA_FILE."
            ) from fault
        except HandshakeFailed as fault:
            raise CannotStart(
                f"NATS: {settings.nats_url} {fault}. Check ARCHIPELAGO_NATS_CA_FILE."
            ) from fault
        except (NatsError, OSError, Unanswered, ClosedForGood) as fault:
            raise CannotStart(
                f"NATS: {fault}. Check ARCHIPELAGO_NATS_URL and that the server runs."
            ) from fault
        except (psycopg.Error, PoolTimeout) as fault:
            raise CannotStart(
                f"PostgreSQL: {fault}. Check ARCHIPELAGO_POSTGRES_DSN and that the server runs."
            ) from fault


async def run_with_http(
    coordinator: Coordinator, listener: socket.socket, encryption: ssl.SSLContext | None
) -> None:
    """HTTP and workers side by side; when one has stopped, the other is stopped."""
    server = http_server(build_app(coordinator.services()), encryption)
    workers = asyncio.create_task(coordinator.run(), name="workers")
    if coordinator.settings.local_key:
        position = await ensure_local_account(coordinator.handler, coordinator.settings.local_key)
        # A key that is shown to a person must work when the port answers.
        await coordinator.progress.wait("accounts", position, LOCAL_ACCOUNT_S)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    closed = asyncio.create_task(coordinator.connections.until_closed(), name="connections")
    try:
        await asyncio.wait([workers, closed, serving], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        for task in (workers, closed):
            if task.done():
                task.result()
    finally:
        await end_tasks([workers, closed])


def listening_socket(settings: Settings) -> socket.socket:
    """The socket to serve on, open. Raises `CannotStart` where the address is taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as fault:
        listener.close()
        raise CannotStart(
            f"cannot listen on {settings.host}:{settings.port}: {fault.strerror}. Set ARCHIPELAGO_PORT to a free port."
        ) from fault
    return listener


def with_public_url(settings: Settings, listener: socket.socket) -> Settings:
    """The settings with the address others reach us at, where it was not given."""
    if settings.public_url:
        return settings
    host, port = listener.getsockname()[:2]
    scheme = "http" if settings.tls_cert_file is None else "https"
    return settings.model_copy(update={"public_url": address_of(scheme, host, port), "port": port})
