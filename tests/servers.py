"""Real servers for the tests: the same classes that `archipelago up` uses, in temporary directories.

Fixtures for everybody: `fabric` and `postgres_dsn` are one server each for the whole session; `nats_client` (in CORE as
`deploy`, who may do everything; all streams deleted afterwards) and `database` (a fresh one, dropped afterwards) belong
to one test; `nats_server` is a server of the test's own and `data_directory` a directory of its own, to be killed and
damaged. `seeded_directory` is one in which PostgreSQL has made its files already, which saves a test most of a second.
What connects to a NATS server, and how islands get into it: `tests.fabric`.
"""

import asyncio
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg
import pytest
from nats.aio.client import Client

from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.nats_server import NatsServer
from adapters.embedded.ports import Ports
from adapters.embedded.postgres_home import remove_home
from adapters.embedded.postgres_server import PostgresServer
from adapters.nats.accounts.deployment import Deployment
from adapters.nats.accounts.roles import Role
from tests.fabric import Fabric

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a fresh folder in it, made by tempfile
MEMORY_BYTES_MIN: Final = 2 * 1024**3
STARTED_AT: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)

_database_numbers = itertools.count(1)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """An empty folder for a data directory, gone afterwards with all that is in it.

    In memory where there is room: the servers wait for the disk after every write, and a fresh database takes 20 ms
    instead of 150. Not pytest's `tmp_path`: that is closed to other users, so root's database would live elsewhere.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES_MIN
    folder = Path(tempfile.mkdtemp(prefix="archipelago-test-", dir=MEMORY if roomy else None))
    try:
        yield folder
    finally:
        remove_home(DataDirectory(folder))
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def temporary_data_directory() -> Iterator[DataDirectory]:
    """A locked data directory that leaves nothing behind."""
    with temporary_folder() as folder:
        directory = DataDirectory.open(folder)
        with directory.lock(command="pytest", started_at=STARTED_AT):
            yield directory


def nats_on(directory: DataDirectory, *, has_new_receipts: bool = False) -> NatsServer:
    """A NATS server of that directory, not started yet."""
    return NatsServer(
        directory,
        Ports(directory.run / "ports.json"),
        Deployment.open(directory.fabric),
        has_new_receipts=has_new_receipts,
    )


def postgres_on(directory: DataDirectory) -> PostgresServer:
    """A PostgreSQL server of that directory, not started yet."""
    return PostgresServer(
        directory, Ports(directory.run / "ports.json"), password=directory.secret("postgres")
    )


@pytest.fixture
def data_directory() -> Iterator[DataDirectory]:
    with temporary_data_directory() as directory:
        yield directory


@pytest.fixture(scope="session")
def initialised_directory() -> Iterator[DataDirectory]:
    with temporary_data_directory() as directory:
        server = postgres_on(directory)
        asyncio.run(server.start())
        asyncio.run(server.stop())
        yield directory


@contextmanager
def seeded(source: DataDirectory) -> Iterator[DataDirectory]:
    with temporary_data_directory() as directory:
        # Below a closed folder root's database lives apart (postgres_home.py), and there each makes its own.
        if not source.postgres.is_symlink():
            subprocess.run(["cp", "-a", source.postgres, source.keys, directory.root], check=True)
        yield directory


@pytest.fixture
def seeded_directory(initialised_directory: DataDirectory) -> Iterator[DataDirectory]:
    with seeded(initialised_directory) as directory:
        yield directory


@pytest.fixture
async def nats_server(data_directory: DataDirectory) -> AsyncIterator[NatsServer]:
    async with nats_on(data_directory) as server:
        yield server


@pytest.fixture(scope="session")
def fabric() -> Iterator[Fabric]:
    with temporary_data_directory() as directory:
        server = nats_on(directory)
        asyncio.run(server.start())
        yield Fabric(server)
        asyncio.run(server.stop())


@pytest.fixture
async def nats_client(fabric: Fabric) -> AsyncIterator[Client]:
    async with fabric.connected(Role.DEPLOY) as client:
        yield client
    async with fabric.connected(Role.DEPLOY) as client:
        stream_log = client.jetstream()
        for stream in await stream_log.streams_info():
            await stream_log.delete_stream(stream.config.name or "")


@pytest.fixture(scope="session")
def postgres_dsn(initialised_directory: DataDirectory) -> Iterator[str]:
    with seeded(initialised_directory) as directory:
        server = postgres_on(directory)
        asyncio.run(server.start())
        yield server.dsn
        asyncio.run(server.stop())


@pytest.fixture
def database(postgres_dsn: str) -> Iterator[str]:
    """The connection URL of an empty database."""
    name = f"test_{next(_database_numbers)}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        yield f"{postgres_dsn.rpartition('/')[0]}/{name}"
        connection.execute(f"drop database {name} with (force)".encode())
