"""`archipelago audit restore`: a lost log made again from an exported file or from the archive."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failure import CommandFailed, wrong_usage
from cli.options import DataDir
from cli.projections import NatsCaFile, NatsKeys, NatsUrl, PostgresDsn
from cli.terminal import note, say

if TYPE_CHECKING:
    from adapters.nats.connection import Access
    from commands.raw_commit import RawCommit

FromFile = Annotated[Path | None, typer.Option("--from-file", help="A file of `archipelago audit export`.")]
FromArchive = Annotated[bool, typer.Option("--from-archive", help="The archive in PostgreSQL.")]
ArchiveDsn = Annotated[
    str,
    typer.Option(
        "--archive-dsn",
        envvar="ARCHIPELAGO_ARCHIVE_DSN",
        help="Its database. Default: that of the read side.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without this only what would be done is shown.")]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the log is to be made again, and the database whose tables stand on it."""

    log: "Access"
    postgres_dsn: str


def restore_log(
    *,
    from_file: FromFile = None,
    from_archive: FromArchive = False,
    archive_dsn: ArchiveDsn = "",
    yes: Yes = False,
    nats_url: NatsUrl = "",
    nats_keys: NatsKeys = None,
    ca_file: NatsCaFile = None,
    postgres_dsn: PostgresDsn = "",
    data_dir: DataDir = None,
) -> None:
    """Make an empty log again from a file or from the archive: same commits, same positions, same times.

    No coordinator may run meanwhile. Broken off, it is typed again and goes on. With no server named it works on the
    data directory of a network that is stopped.
    """
    if (from_file is None) == (not from_archive):
        raise wrong_usage("--from-file", "name a file, or --from-archive, and not both")
    if bool(nats_url) != bool(nats_keys) or (nats_url and not postgres_dsn):
        raise wrong_usage("--nats-url", "goes with --nats-keys and --postgres-dsn")
    asyncio.run(
        restore(
            from_file, archive_dsn, data_dir, yes, named_target(nats_url, nats_keys, ca_file, postgres_dsn)
        )
    )


def named_target(
    nats_url: str, nats_keys: Path | None, ca_file: Path | None, postgres_dsn: str
) -> Target | None:
    """The servers that were named, None where none was. Raises CommandFailed."""
    from adapters.nats.accounts.key_folder import KeyFolder
    from adapters.nats.accounts.roles import Role
    from adapters.nats.connection import access_of
    from cli.keys_directory import keys_failures

    if not (nats_url and nats_keys):
        return None
    with keys_failures():
        log = access_of(nats_url, KeyFolder(nats_keys), Role.COORDINATOR, ca_file=ca_file)
    return Target(log, postgres_dsn)


async def restore(
    file: Path | None, archive_dsn: str, data_dir: Path | None, is_meant: bool, named: Target | None
) -> None:
    from cli.local_directory import failures_in_words

    if named is not None:
        await restore_into(named, file, archive_dsn or named.postgres_dsn, is_meant=is_meant)
        return
    with failures_in_words():
        async with stopped_network(data_dir) as target:
            await restore_into(target, file, archive_dsn or target.postgres_dsn, is_meant=is_meant)


@asynccontextmanager
async def stopped_network(data_dir: Path | None) -> AsyncIterator[Target]:
    """The servers of a data directory, without any of its programs. Raises what `failures_in_words` knows."""
    from adapters.embedded.data_directory import DataDirectory
    from adapters.embedded.servers import EmbeddedServers
    from adapters.nats.accounts.roles import Role
    from cli.local_directory import locked

    directory: DataDirectory = DataDirectory.open(data_dir)
    with locked(directory, "archipelago audit restore"):
        servers = EmbeddedServers(directory)
        note(f"Starting the servers of {directory.root}, without coordinator and island.")
        await servers.start()
        try:
            yield Target(servers.nats.access(Role.COORDINATOR), servers.postgres_dsn)
        finally:
            await servers.stop()


async def restore_into(target: Target, file: Path | None, archive_dsn: str, *, is_meant: bool) -> None:
    from adapters.log_export import ExportDamaged
    from adapters.nats.connection import connect
    from adapters.nats.event_log import JetStreamEventLog
    from adapters.nats.restoring import NotRestored, compared, restored
    from adapters.postgres.archive import archived_up_to
    from adapters.postgres.rewinding import forget_beyond
    from cli.audit_run import progress_to
    from cli.books import CONNECT_S, reached

    async with reached():
        async with asyncio.timeout(CONNECT_S):
            client = await connect(target.log, "archipelago restore")
        try:
            there = await JetStreamEventLog(client).last_position()
            last = await last_of_copy(file, archive_dsn)
            say(f"The copy has {last} commits; the log has {there}.")
            archived = 0 if file is None else await archived_up_to(archive_dsn) or 0
            if archived > last:
                raise CommandFailed(
                    f"the archive has {archived} commits, the file {last}",
                    next_step="restore with --from-archive",
                )
            if there > last:
                raise CommandFailed("the log has more commits than the copy: nothing to restore")
            if not is_meant:
                say("Nothing was done. Add --yes to write them.")
                return
            copy = commits_of_copy(file, archive_dsn, last)
            await compared(client, copy, there)
            progress = progress_to(last)
            await restored(client, copy, lambda position: progress("restore", position))
            forgotten = await forget_beyond(target.postgres_dsn, last)
            say(f"The log has {last} commits again, on the positions and with the times they had.")
            if forgotten:
                say(f"Tables that stood beyond its end will be built again: {', '.join(forgotten)}.")
            say(
                "Next: start the network, then `archipelago audit check` and `archipelago projections verify`."
            )
        except (NotRestored, ExportDamaged) as fault:
            raise CommandFailed(str(fault)) from fault
        finally:
            await client.close()


async def last_of_copy(file: Path | None, archive_dsn: str) -> int:
    """Its last position. Raises CommandFailed where it does not begin with the log's first commit."""
    from adapters.log_export import read_header
    from adapters.postgres.archive import archived_up_to

    if file is None:
        found = await archived_up_to(archive_dsn)
        if found is None:
            raise CommandFailed("--archive-dsn: this database has no archive")
        return found
    try:
        header = read_header(file)
    except OSError as error:
        raise CommandFailed(f"--from-file: {file}: {error.strerror}") from error
    if header.first != 1:
        raise CommandFailed(f"--from-file: it begins at position {header.first}; a whole log begins at 1")
    return header.last


async def commits_of_copy(file: Path | None, archive_dsn: str, last: int) -> "AsyncIterator[RawCommit]":
    """Every commit of the copy, in order. Raises `ExportDamaged` on the way."""
    from adapters.log_export import read_export
    from adapters.postgres.archive import read_archive

    if file is not None:
        for commit in read_export(file):
            yield commit
        return
    async for batch in read_archive(archive_dsn, after=0, up_to=last):
        for commit in batch:
            yield commit
