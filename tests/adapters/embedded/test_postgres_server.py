"""The embedded PostgreSQL server: what survives, who gets in, where it lives when root starts it."""

import os
import subprocess
from pathlib import Path

import psutil
import psycopg
import pytest

from adapters.embedded import postgres_home
from adapters.embedded.data_directory import DataDirectory
from tests.servers import STARTED_AT, postgres_on

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the database changes its user")


async def test_a_second_start_finds_its_tables_at_the_same_url(seeded_directory: DataDirectory) -> None:
    async with postgres_on(seeded_directory) as server:
        first_dsn = server.dsn
        with psycopg.connect(server.dsn) as connection:
            connection.execute("create table kept (n int)")
            connection.execute("insert into kept values (42)")
    async with postgres_on(seeded_directory) as server:
        assert server.dsn == first_dsn
        with psycopg.connect(server.dsn) as connection:
            assert connection.execute("select n from kept").fetchall() == [(42,)]


async def test_the_number_of_a_dead_server_that_another_program_has_by_now_stops_nothing(
    seeded_directory: DataDirectory,
) -> None:
    async with postgres_on(seeded_directory):
        pid_file = seeded_directory.postgres / "data" / "postmaster.pid"
        text = pid_file.read_text().splitlines()
    user = seeded_directory.postgres.stat().st_uid
    with subprocess.Popen(["sleep", "60"], user=user) as another:
        pid_file.write_text("\n".join([str(another.pid), *text[1:], ""]))
        try:
            async with postgres_on(seeded_directory) as server:
                psycopg.connect(server.dsn).close()
        finally:
            another.kill()


async def test_an_interrupted_first_start_is_done_again(seeded_directory: DataDirectory) -> None:
    async with postgres_on(seeded_directory):
        pass
    (seeded_directory.postgres / "data").rename(seeded_directory.postgres / "draft")
    (seeded_directory.postgres / "draft" / "PG_VERSION").unlink()
    async with postgres_on(seeded_directory) as server:
        psycopg.connect(server.dsn).close()
    assert not (seeded_directory.postgres / "draft").exists()


def test_it_speaks_utf_8_and_asks_for_the_password(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        settings = {
            name: connection.execute(f"show {name}".encode()).fetchone()
            for name in (
                "server_encoding",
                "fsync",
                "unix_socket_directories",
                "listen_addresses",
                "shared_buffers",
            )
        }
    assert settings == {
        "server_encoding": ("UTF8",),
        "fsync": ("on",),
        "unix_socket_directories": ("",),
        "listen_addresses": ("127.0.0.1",),
        "shared_buffers": ("64MB",),
    }
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres_dsn, password="guessed")


def test_every_test_gets_an_empty_database(database: str) -> None:
    with psycopg.connect(database) as connection:
        assert (
            connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall() == []
        )


@only_root
async def test_root_starts_it_as_nobody(seeded_directory: DataDirectory) -> None:
    async with postgres_on(seeded_directory) as server:
        assert set(psutil.Process(server.pid).uids()) == {65534}
        assert (seeded_directory.postgres / "data").stat().st_uid == 65534
        # Others may pass to the database; to all the rest they may not.
        assert seeded_directory.root.stat().st_mode & 0o777 == 0o711
        assert {
            folder.stat().st_mode & 0o777 for folder in seeded_directory.root.iterdir() if folder.is_dir()
        } == {0o700}


@only_root
async def test_below_a_closed_folder_root_keeps_the_database_apart_and_can_remove_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    directory = DataDirectory.open(tmp_path / "closed" / "data")
    with directory.lock(command="pytest", started_at=STARTED_AT):
        async with postgres_on(directory) as server:
            apart = directory.postgres.readlink()
            assert apart.parent == postgres_home.STATE_ROOT
            psycopg.connect(server.dsn).close()
        postgres_home.remove_home(directory)
    assert not apart.exists()
    assert not directory.postgres.is_symlink()


@only_root
async def test_a_program_behind_a_closed_folder_is_copied_to_where_nobody_can_reach_it(
    seeded_directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach = postgres_home.can_reach
    monkeypatch.setattr(postgres_home, "can_reach", lambda path: path.name != "postgres" and reach(path))
    for _ in range(2):
        async with postgres_on(seeded_directory) as server:
            program = Path(psutil.Process(server.pid).exe())
            assert program.is_relative_to(seeded_directory.postgres)
            psycopg.connect(server.dsn).close()
