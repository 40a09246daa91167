"""`archipelago coordinator`: the coordinator in the foreground, for those who run NATS and PostgreSQL themselves."""

import typer

from cli.program import become


def coordinator(
    port: int | None = typer.Option(None, min=0, max=65535, help="Port to listen on; 0 takes a free one."),
    nats_url: str = typer.Option("", help="NATS server with JetStream."),
    nats_keys: str = typer.Option("", help="Folder with the coordinator's credentials for it."),
    postgres_dsn: str = typer.Option("", help="PostgreSQL database of the read side."),
) -> None:
    """Run a coordinator here, on servers that you run yourself.

    Everything else is set by environment variables: see docs/settings.md. Any number may run on the same servers.
    """
    settings = {
        "ARCHIPELAGO_PORT": "" if port is None else str(port),
        "ARCHIPELAGO_NATS_URL": nats_url,
        "ARCHIPELAGO_NATS_KEYS": nats_keys,
        "ARCHIPELAGO_POSTGRES_DSN": postgres_dsn,
    }
    become("api", settings)
