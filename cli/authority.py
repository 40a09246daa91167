"""The option before the command that says whom to believe: `archipelago --ca-file FILE job list --url https://…`.

Needed on other machines than the network's own, where an authority of its own signed the coordinator's certificate. It
is the same for every command, so it is kept where a person keeps it, too: in the environment.
"""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

SETTING: Final = "ARCHIPELAGO_CA_FILE"


def believe(
    ca_file: Annotated[
        Path | None,
        typer.Option(
            "--ca-file",
            envvar=SETTING,
            help="PEM file of the authority to believe over https. Default: that of the network on this machine, "
            "or the system's list.",
        ),
    ] = None,
) -> None:
    if ca_file is not None:
        os.environ[SETTING] = str(ca_file)


def given_authority() -> Path | None:
    found = os.environ.get(SETTING)
    return Path(found) if found else None
