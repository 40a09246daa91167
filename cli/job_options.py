"""What `archipelago job submit` takes, option by option, with the words its help uses."""

from pathlib import Path
from typing import Annotated

import typer

InputJson = Annotated[
    str,
    typer.Option("--input", metavar="JSON", help="""The input as a JSON object, e.g. '{"text":"hello"}'."""),
]
InputFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A file that holds the input as a JSON object.")
]
InputBytes = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A file whose bytes go into the input as `base64`, for cargos that take it."
    ),
]
Bid = Annotated[str, typer.Option(metavar="CREDITS", help="The most you pay. Default: the cargo's price.")]
Priority = Annotated[int | None, typer.Option(min=0, max=100, help="Orders your own waiting jobs.")]
Redundancy = Annotated[
    int, typer.Option(min=1, max=5, help="Run it on so many islands of different owners and compare.")
]
Region = Annotated[
    str,
    typer.Option(
        metavar="REGIONS",
        help="Run it only there: a region such as eu-west, or EU, EU-West, CH, or several with commas, the best first.",
    ),
]
PrivacyTier = Annotated[
    int,
    typer.Option(
        min=0,
        max=2,
        help="Who may see the input: 0 any island, 1 those with keys and karma, 2 only your own.",
    ),
]
IdempotencyKey = Annotated[
    str, typer.Option(metavar="TEXT", help="Submitting again with the same text finds the same job.")
]
Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Show the output as it comes, until the job ends.")
]
