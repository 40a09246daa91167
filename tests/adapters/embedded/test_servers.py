"""Both embedded servers: killed, left over, started again, stopped."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from signal import SIGKILL
from typing import Any

import psutil
import psycopg
import pytest

from adapters.embedded.child_process import comes_true
from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.postgres_home import can_reach
from adapters.embedded.server import EmbeddedServer, ServerFailed
from adapters.embedded.servers import RESTARTS_MAX, EmbeddedServers
from adapters.nats.accounts.roles import Role
from tests.fabric import Fabric
from tests.servers import STARTED_AT, temporary_folder

REPOSITORY = Path(__file__).parents[3]
PACKAGES = Path(psutil.__file__).parents[1]
NOBODY = 65534


@asynccontextmanager
async def watched(directory: DataDirectory) -> AsyncIterator[tuple[EmbeddedServers, asyncio.Task[Any]]]:
    async with EmbeddedServers(directory) as servers:
        watching = asyncio.create_task(servers.watch())
        try:
            yield servers, watching
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError, ServerFailed):
                await watching


async def kill_and_await_successor(server: EmbeddedServer, watching: asyncio.Task[Any]) -> None:
    killed = server.pid
    assert killed is not None
    os.kill(killed, SIGKILL)
    await comes_true(lambda: server.pid not in {killed, None} or watching.done(), within_s=20)
    if watching.done():
        watching.result()
    for _ in range(1000):
        if await server._unready() is None:
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"{server.name} does not answer")


def reachable_python() -> str | None:
    """An interpreter that other users can start: ours, or the system's where it is of the same version."""
    system = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    if can_reach(Path(__file__)):
        for python in (Path(sys.executable), system):
            if python.exists() and can_reach(python):
                return str(python)
    return None


@contextmanager
def supervisor(
    folder: Path, *, user: int | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], Mapping[str, Any]]]:
    """A process that runs both servers, and what it says once they are up. Killed at the end."""
    python = sys.executable if user is None else reachable_python() or sys.executable
    with subprocess.Popen(
        [python, "-m", "tests.adapters.embedded.supervisor", folder],
        cwd=REPOSITORY,
        env={"PYTHONPATH": f"{REPOSITORY}:{PACKAGES}"},
        stdout=subprocess.PIPE,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    ) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def all_end(pids: list[int]) -> bool:
    return await comes_true(lambda: not any(runs(pid) for pid in pids), within_s=20)


async def test_killed_servers_come_back_at_their_urls_with_all_they_acknowledged(
    seeded_directory: DataDirectory,
) -> None:
    async with watched(seeded_directory) as (servers, watching):
        urls = (servers.nats.url, servers.postgres_dsn)
        async with Fabric(servers.nats).connected(Role.COORDINATOR) as client:
            await client.jetstream().publish("evt.job.1", b"submitted")
        with psycopg.connect(servers.postgres_dsn) as connection:
            connection.execute("create table kept (n int)")
        await kill_and_await_successor(servers.nats, watching)
        await kill_and_await_successor(servers.postgres, watching)
        assert urls == (servers.nats.url, servers.postgres_dsn)
        async with Fabric(servers.nats).connected(Role.COORDINATOR) as client:
            assert (await client.jetstream().get_msg("EVT", 1)).data == b"submitted"
        with psycopg.connect(servers.postgres_dsn) as connection:
            assert connection.execute("select count(*) from kept").fetchone() == (0,)


async def test_a_server_that_dies_again_and_again_is_given_up_by_name(
    seeded_directory: DataDirectory,
) -> None:
    async with watched(seeded_directory) as (servers, watching):
        for _ in range(RESTARTS_MAX):
            await kill_and_await_successor(servers.nats, watching)
        assert servers.nats.pid is not None
        os.kill(servers.nats.pid, SIGKILL)
        with pytest.raises(
            ServerFailed, match=r"nats server died again after 5 restarts[\s\S]*Server is ready"
        ):
            await asyncio.wait_for(watching, timeout=10)


async def test_a_server_that_was_stopped_stays_stopped(seeded_directory: DataDirectory) -> None:
    async with watched(seeded_directory) as (servers, watching):
        await servers.stop()
        await asyncio.sleep(0.25)  # two rounds of the watch: that nothing happens shows only in time
        assert servers.nats.pid is None
        assert servers.postgres.pid is None
        assert not watching.done()


async def test_when_one_server_cannot_start_none_is_left(seeded_directory: DataDirectory) -> None:
    (seeded_directory.nats / "store").write_text("a file where a folder must be")
    servers = EmbeddedServers(seeded_directory)
    with pytest.raises(ServerFailed, match="nats"):
        await servers.start()
    assert servers.postgres.pid is None
    assert not (seeded_directory.postgres / "data" / "postmaster.pid").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: elsewhere the next start ends what is left")
async def test_servers_end_with_their_killed_supervisor_and_the_next_start_need_not_wait() -> None:
    with temporary_folder() as folder:
        with supervisor(folder) as (process, first):
            with psycopg.connect(first["postgres_dsn"]) as connection:
                connection.execute("create table kept (n int)")
            process.kill()
            process.wait()
            with supervisor(folder) as (_, second):
                assert second["nats_url"] == first["nats_url"]
                assert second["postgres_dsn"] == first["postgres_dsn"]
                with psycopg.connect(second["postgres_dsn"]) as connection:
                    assert connection.execute("select count(*) from kept").fetchone() == (0,)
        assert await all_end(first["pids"] + second["pids"])


@pytest.mark.skipif(
    os.geteuid() != 0 or reachable_python() is None,
    reason="needs root, and a repository and an interpreter of this version that other users can reach",
)
async def test_an_ordinary_user_runs_both() -> None:
    with temporary_folder() as folder:
        os.chown(folder, NOBODY, NOBODY)
        with supervisor(folder, user=NOBODY) as (_, up):
            assert [psutil.Process(pid).uids().effective for pid in up["pids"]] == [NOBODY, NOBODY]
            assert folder.stat().st_mode & 0o777 == 0o700
            psycopg.connect(up["postgres_dsn"]).close()
        assert await all_end(up["pids"])


async def test_a_run_that_keeps_nothing_removes_its_whole_directory() -> None:
    with temporary_folder() as folder:
        directory = DataDirectory.open(folder)
        with directory.lock(command="archipelago demo", started_at=STARTED_AT):
            async with EmbeddedServers(directory) as servers:
                pass
            servers.remove()
        assert not folder.exists()
