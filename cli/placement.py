"""`archipelago placement …`: what other rules, prices or islands would have made of the decisions of the past."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.options import AsJson, DataDir
from cli.projections import NatsCaFile, NatsKeys, NatsUrl
from cli.terminal import show_json

DIFFERENCES_SHOWN: Final = 10

app = typer.Typer(help="Placement: make decisions of the past again, otherwise.")


@app.callback()
def group() -> None:
    """Keeps `replay` a word of its own while it is the only command."""


@app.command("replay")
def replay(
    *,
    first: Annotated[
        int, typer.Option("--from", min=1, metavar="POSITION", help="First position of the log to look at.")
    ] = 1,
    last: Annotated[
        int | None,
        typer.Option("--to", min=1, metavar="POSITION", help="Last position. Default: the log's end."),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Rules that differ from today's, as TOML or JSON: docs/explanations.md."
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ISLAND", help="As if this island had not been there. Its id or name; repeatable."
        ),
    ] = None,
    price_factor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ISLAND=FACTOR",
            help="As if it had asked so many times as much, e.g. garden=1.2; repeatable.",
        ),
    ] = None,
    show: Annotated[
        int, typer.Option(min=0, max=100, help="How many changes to show in detail.")
    ] = DIFFERENCES_SHOWN,
    nats_url: NatsUrl = "",
    nats_keys: NatsKeys = None,
    ca_file: NatsCaFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make the placements of the past again under other rules, at other prices, or without an island. Changes nothing.

    Shows how many would have come out otherwise, and which islands would have gained and lost.
    """
    from cli.books import Books
    from cli.comparison_view import replayed_json, show_comparison
    from cli.placement_replay import replay_log
    from cli.projections import log_access
    from cli.supposition import supposition

    supposed = supposition(rules, without or (), price_factor or ())
    books = Books(log_access(nats_url, nats_keys, ca_file, data_dir), "")
    found = asyncio.run(replay_log(books, supposed, first, last))
    if as_json:
        show_json(replayed_json(found))
    else:
        show_comparison(found.comparison, found.unseen, show)
