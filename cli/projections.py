"""`archipelago projections …`: prove from the log that the read side says the truth, or build it again."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failure import ExitCode, wrong_usage
from cli.network import find_network
from cli.options import AsJson, DataDir
from cli.terminal import show_json, show_table

if TYPE_CHECKING:
    from projections.rebuild import Verified

app = typer.Typer(help="The read side: tables that can be built again from the events.")

Name = Annotated[
    str, typer.Argument(metavar="[NAME]", help="One projection. Default: all, one after another.")
]
NatsUrl = Annotated[
    str,
    typer.Option(envvar="ARCHIPELAGO_NATS_URL", help="The event log. Default: the network on this machine."),
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
    nats_url: NatsUrl = "",
    postgres_dsn: PostgresDsn = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Build projections from the log beside the live ones and compare. Changes nothing.

    Exit code 1 where a live one differs from what the log says.
    """
    from cli.books import Books

    books = Books(*servers(nats_url, postgres_dsn, data_dir))
    report(asyncio.run(books.verify(name)), as_json=as_json)


@app.command("rebuild")
def rebuild(
    name: Name = "",
    nats_url: NatsUrl = "",
    postgres_dsn: PostgresDsn = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Build projections from the log and put them in the place of the live ones; readers notice nothing.

    Exit code 1 where a live one had differed.
    """
    from cli.books import Books

    books = Books(*servers(nats_url, postgres_dsn, data_dir))
    report(asyncio.run(books.rebuild(name)), as_json=as_json)


def servers(nats_url: str, postgres_dsn: str, data_dir: Path | None) -> tuple[str, str]:
    """The log's URL and the database's: as given, or of the network on this machine."""
    if nats_url and postgres_dsn:
        return nats_url, postgres_dsn
    network = find_network(data_dir)
    if network is None:
        raise wrong_usage(
            "--nats-url" if not nats_url else "--postgres-dsn",
            "no network runs on this machine and no other is named",
            next_step="start one with `archipelago up`, or pass --nats-url and --postgres-dsn",
        )
    return nats_url or network.nats_url, postgres_dsn or network.postgres_dsn


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
