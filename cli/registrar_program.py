"""`archipelago registrar` and `archipelago door`, for those who run NATS themselves. `archipelago up` starts both."""

import typer

from cli.program import become

NATS_URL_HELP = "NATS server of the network."


def registrar(
    nats_url: str = typer.Option("", help=NATS_URL_HELP),
    nats_keys: str = typer.Option("", help="The registrar's folder of keys."),
) -> None:
    """Run the registrar here: it lets islands in and puts them out.

    One for the network. What else is set is set by environment variables: see docs/settings.md.
    """
    become(
        "registrar",
        {"ARCHIPELAGO_REGISTRAR_NATS_URL": nats_url, "ARCHIPELAGO_REGISTRAR_NATS_KEYS": nats_keys},
    )


def door(
    nats_url: str = typer.Option("", help=NATS_URL_HELP),
    nats_keys: str = typer.Option("", help="The door's folder of keys."),
) -> None:
    """Run the door here: it lets in islands that know only a user and a password.

    Any number may run. What else is set is set by environment variables: see docs/settings.md.
    """
    become("registrar.door", {"ARCHIPELAGO_DOOR_NATS_URL": nats_url, "ARCHIPELAGO_DOOR_NATS_KEYS": nats_keys})
