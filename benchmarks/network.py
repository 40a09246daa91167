"""Throw-away servers for the benchmarks: the same classes that `archipelago up` uses, in a temporary directory."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.nats_server import NatsServer
from adapters.embedded.ports import Ports
from adapters.embedded.postgres_home import remove_home
from adapters.embedded.postgres_server import PostgresServer
from adapters.nats.accounts.deployment import Deployment


@asynccontextmanager
async def temporary_directory() -> AsyncIterator[DataDirectory]:
    directory = DataDirectory.open(Path(tempfile.mkdtemp(prefix="archipelago-bench-")))
    try:
        with directory.lock(command="benchmarks", started_at=datetime.now(UTC)):
            yield directory
    finally:
        remove_home(directory)
        shutil.rmtree(directory.root)


@asynccontextmanager
async def nats_server() -> AsyncIterator[NatsServer]:
    async with temporary_directory() as directory:
        server = NatsServer(directory, Ports(directory.run / "ports.json"), Deployment.open(directory.fabric))
        async with server:
            yield server


@asynccontextmanager
async def postgres_server() -> AsyncIterator[PostgresServer]:
    async with temporary_directory() as directory:
        server = PostgresServer(
            directory, Ports(directory.run / "ports.json"), password=directory.secret("postgres")
        )
        async with server:
            yield server
