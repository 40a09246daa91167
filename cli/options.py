"""Options that many commands share, with the words their help uses."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="ARCHIPELAGO_DATA_DIR",
        help="Data directory of the network on this machine. Default: the user's own.",
    ),
]
Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="ARCHIPELAGO_URL",
        help="The coordinator, as https://host:port. Default: the network that runs on this machine.",
    ),
]
Key = Annotated[
    str,
    typer.Option(
        "--key",
        envvar="ARCHIPELAGO_KEY",
        help="API key to act with. Default: the key of the network that runs on this machine.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]
Offline = Annotated[
    Path | None,
    typer.Option(
        "--offline",
        metavar="EXPORT",
        help="Read the events from an exported file instead; nothing needs to run.",
    ),
]
