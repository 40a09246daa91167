"""`archipelago projections …`: prove from the log that the read side says the truth, or build it again."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failure import ExitCode, wrong_usage
from cli.keys_directory import keys_failures
from cli.network import find_network
from cli.options import AsJson, DataDir
from cli.terminal import show_json, show_table

if TYPE_CHECKING:
    from adapters.nats.connection import Access
    from cli.network import Network
    from projections.rebuild import Verified

app = typer.Typer(help="The read side: tables that can be built again from the events.")

Name = Annotated[
    str, typer.Argument(metavar="[NAME]", help="One projection. Default: all, one after another.")
]
NatsUrl = Annotated[
    str,
    typer.Option(envvar="ARCHIPELAGO_NATS_URL", help="The event log. Default: the network on this machine."),
]
NatsKeys = Annotated[
    Path | None,
    typer.Option(
        envvar="ARCHIPELAGO_NATS_KEYS",
        help="Folder with the coordinator's credentials for it. Default: the network on this machine.",
    ),
]
NatsCaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file", envvar="ARCHIPELAGO_NATS_CA_FILE", help="Certificate to believe, where it is not public."
    ),
]
PostgresDsn = Annotated[
    str,
    typer.Option(
        envvar="ARCHIPELAGO_POSTGRES_DSN", help="The database. Default: the network on this machine."
    ),
]


@app.command("verify")
def verify(
    name: Name = "",
    *,
    nats_url: NatsUrl = "",
    nats_keys: NatsKeys = None,
    ca_file: NatsCaFile = None,
    postgres_dsn: PostgresDsn = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Build projections from the log beside the live ones and compare. Changes nothing.

    Exit code 1 where a live one differs from what the log says.
    """
    from cli.books import Books, check_name

    check_name(name)
    books = Books(*servers(nats_url, nats_keys, ca_file, postgres_dsn, data_dir))
    report(asyncio.run(books.verify(name)), as_json=as_json)


@app.command("rebuild")
def rebuild(
    name: Name = "",
    *,
    nats_url: NatsUrl = "",
    nats_keys: NatsKeys = None,
    ca_file: NatsCaFile = None,
    postgres_dsn: PostgresDsn = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Build projections from the log and put them in the place of the live ones; readers notice nothing.

    Exit code 1 where a live one had differed.
    """
    from cli.books import Books, check_name

    check_name(name)
    books = Books(*servers(nats_url, nats_keys, ca_file, postgres_dsn, data_dir))
    report(asyncio.run(books.rebuild(name)), as_json=as_json)


def servers(
    nats_url: str, nats_keys: Path | None, ca_file: Path | None, postgres_dsn: str, data_dir: Path | None
) -> tuple["Access", str]:
    """The log and the database: as given, or those of the network on this machine. Raises CommandFailed."""
    log = log_access(nats_url, nats_keys, ca_file, data_dir)
    return log, postgres_dsn or network_here("--postgres-dsn", data_dir).postgres_dsn


def log_access(
    nats_url: str, nats_keys: Path | None, ca_file: Path | None, data_dir: Path | None
) -> "Access":
    """The log alone, for reading. Raises CommandFailed."""
    from adapters.nats.accounts.key_folder import KeyFolder
    from adapters.nats.accounts.roles import Role
    from adapters.nats.connection import access_of

    if not (nats_url and nats_keys):
        network = network_here("--nats-keys" if nats_url else "--nats-url", data_dir)
        if nats_url in {"", network.nats_url}:
            ca_file = ca_file or network.authority
        nats_url, nats_keys = nats_url or network.nats_url, nats_keys or Path(network.nats_keys)
    with keys_failures():
        return access_of(nats_url, KeyFolder(nats_keys), Role.PROJECTOR, ca_file=ca_file)


def network_here(option: str, data_dir: Path | None) -> "Network":
    """The network on this machine. Raises CommandFailed, which names the option that would do instead."""
    network = find_network(data_dir)
    if network is None:
        raise wrong_usage(
            option,
            "no network runs on this machine and no other is named",
            next_step="start one with `archipelago up`, or pass --nats-url, --nats-keys and --postgres-dsn",
        )
    return network


def report(compared: list["Verified"], *, as_json: bool) -> None:
    """Shows what was found. Exits with FAILED on a difference."""
    if as_json:
        show_json([asdict(one) | {"is_equal": one.is_equal} for one in compared])
    else:
        rows = (
            (
                one.name,
                "equal" if one.is_equal else "DIFFERS",
                one.position,
                one.events,
                f"{one.seconds:.2f}",
                one.live_digest[:16],
                one.rebuilt_digest[:16],
            )
            for one in compared
        )
        show_table(("PROJECTION", "", ">POSITION", ">EVENTS", ">SECONDS", "LIVE", "REBUILT"), rows)
    if not all(one.is_equal for one in compared):
        raise typer.Exit(ExitCode.FAILED)
