"""The embedded PostgreSQL server: the projections of a network that lives on one machine.

Used by `servers.py` and by the tests. It listens on the loopback only, has no Unix socket, asks for a password
(SCRAM), and keeps what it committed. When its supervisor is killed it shuts down by itself (SIGINT, its "fast"
way), so the next start needs no recovery.
"""

import hashlib
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from signal import Signals
from typing import ClassVar, Final, LiteralString

import psutil
import psycopg

from adapters.embedded.child_process import StopSteps, comes_true
from adapters.embedded.child_process import stop as stop_process
from adapters.embedded.data_directory import DataDirectory, DirectoryUnusable
from adapters.embedded.ports import LOOPBACK, Ports
from adapters.embedded.postgres_home import PostgresHome, open_home
from adapters.embedded.server import EmbeddedServer

INITDB_WITHIN_S: Final = 120.0
PROBE_TIMEOUT_S: Final = 2
OWNER: Final = "archipelago"
DATABASE: LiteralString = "archipelago"
SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "fsync": "on",
}
"""A quarter of what a small machine can spare; `synchronous_commit` is each client's choice."""


class PostgresServer(EmbeddedServer):
    """One PostgreSQL server. `dsn` holds once it has started."""

    name: ClassVar[str] = "postgres"
    program: ClassVar[str] = "postgres"
    death_signal: ClassVar[Signals] = Signals.SIGINT
    # SIGINT rolls open transactions back and leaves clean files; SIGQUIT leaves the rest to recovery.
    stop_steps: ClassVar[StopSteps] = ((Signals.SIGINT, 15.0), (Signals.SIGQUIT, 5.0))

    def __init__(self, directory: DataDirectory, ports: Ports, *, password: str) -> None:
        """The password must be safe inside a URL; a database that exists keeps the one it was made with."""
        super().__init__(directory, ports)
        self._password = password
        self._home: PostgresHome | None = None

    @property
    def dsn(self) -> str:
        """The owner's connection URL, password included."""
        return self._dsn(DATABASE)

    def _dsn(self, database: str) -> str:
        return f"postgresql://{OWNER}:{self._password}@{LOOPBACK}:{self.port}/{database}"

    @property
    def _mark(self) -> str:
        # PostgreSQL shows its cluster name in the title of each of its processes, and a title has little room.
        return "archipelago-" + hashlib.sha256(str(self._directory.root).encode()).hexdigest()[:16]

    @property
    def _working_directory(self) -> Path:
        return self._settled.folder

    @property
    def _user(self) -> int | None:
        return self._settled.user

    @property
    def _settled(self) -> PostgresHome:
        assert self._home is not None, "start first"
        return self._home

    @property
    def _data(self) -> Path:
        return self._settled.folder / "data"

    async def _prepare(self) -> None:
        try:
            self._home = open_home(self._directory)
        except OSError as error:
            raise DirectoryUnusable(self._directory.root, error.strerror or str(error)) from error
        if not self._data.exists():
            await self._make_cluster()
        self._drop_stolen_pid()

    def _drop_stolen_pid(self) -> None:
        """Delete the old process id where another program has it by now: PostgreSQL would think it still runs.

        In every other case the file stays. PostgreSQL sees by itself that the process is gone, and checks with the
        file's help that none of its children still writes.
        """
        file = self._data / "postmaster.pid"
        with suppress(OSError, ValueError, IndexError, psutil.NoSuchProcess):
            if psutil.Process(int(file.read_text().splitlines()[0])).name() != self.program:
                file.unlink()

    async def _make_cluster(self) -> None:
        """Fill a draft and rename it: an interrupted first start is done again from the beginning."""
        home = self._settled
        draft, password = home.folder / "draft", home.folder / "password"
        shutil.rmtree(draft, ignore_errors=True)
        password.touch(mode=0o600)
        try:
            password.write_text(self._password)
            if home.user is not None:
                shutil.chown(password, home.user, home.user)
            await self._run_initdb(draft, password)
        finally:
            password.unlink()
        draft.rename(self._data)

    async def _run_initdb(self, data: Path, password: Path) -> None:
        process = self._spawn(
            [
                str(self._settled.program / "initdb"),
                *("--pgdata", str(data)),
                *("--username", OWNER),
                *("--pwfile", str(password)),
                *("--auth", "scram-sha-256"),
                *("--encoding", "UTF8"),
                # The built-in provider sorts alike on every machine; the operating system's locales do not.
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
            ]
        )
        try:
            await comes_true(lambda: process.poll() is not None, within_s=INITDB_WITHIN_S)
        finally:
            await stop_process(process, ())
        if process.returncode:
            raise self._failed(
                f"could not make its database (initdb ended with exit code {process.returncode})"
            )

    def _command(self) -> list[str]:
        settings = {**SETTINGS, "port": str(self.port), "cluster_name": self._mark}
        command = [str(self._settled.program / "postgres"), "-D", str(self._data)]
        return command + [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    async def _unready(self) -> str | None:
        try:
            async with await psycopg.AsyncConnection.connect(
                self._dsn("postgres"), autocommit=True, connect_timeout=PROBE_TIMEOUT_S
            ) as connection:
                found = await connection.execute("select 1 from pg_database where datname = %s", (DATABASE,))
                if await found.fetchone() is None:
                    await connection.execute(f"create database {DATABASE}")
        except psycopg.Error as error:
            return str(error).strip()
        return None
