"""`archipelago deploy`: the streams on NATS servers that one runs oneself, made once and after every upgrade."""

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.failure import CommandFailed
from cli.keys_directory import keys_failures
from cli.terminal import say

if TYPE_CHECKING:
    from adapters.nats.connection import Access

TRY_ONCE: Final[dict[str, Any]] = {"allow_reconnect": False, "max_reconnect_attempts": 1}
"""The first alone would not end the search for a server that listens."""


def deploy(
    nats_url: Annotated[
        str, typer.Option(envvar="ARCHIPELAGO_NATS_URL", help="NATS, as nats://host:port or tls://host:port.")
    ],
    keys_dir: Annotated[Path, typer.Option("--dir", help="Folder of all keys; operator/ in it is used.")],
    ca_file: Annotated[
        Path | None,
        typer.Option(
            envvar="ARCHIPELAGO_NATS_CA_FILE", help="Certificate to believe, where it is not public."
        ),
    ] = None,
    replicas: int = typer.Option(1, min=1, max=5, help="Copies of each stream: 3 where three servers run."),
) -> None:
    """Make the streams on NATS servers that you run yourself, or bring them up to date. Nothing in them is lost.

    No program of the network may do this while it runs, so do it before the first start and after each upgrade.
    `archipelago up` does it by itself.
    """
    from adapters.nats.accounts.key_folder import KeyFolder
    from adapters.nats.accounts.roles import Role
    from adapters.nats.connection import access_of

    with keys_failures():
        access = access_of(nats_url, KeyFolder(keys_dir / "operator"), Role.DEPLOY, ca_file=ca_file)
    asyncio.run(make_streams(access, replicas))
    say("The streams are there.")


async def make_streams(access: "Access", replicas: int) -> None:
    """Raises CommandFailed."""
    from nats.aio.client import Client
    from nats.errors import Error as NatsError

    from adapters.nats.connection import hang_up, options_of
    from adapters.nats.replies import Refused, Unanswered
    from adapters.nats.streams import create_streams
    from adapters.tls import TlsUnusable

    # The outcome is one sentence; what the connection says on the way to it is not.
    logging.getLogger("adapters.nats").addHandler(logging.NullHandler())
    client = Client()
    try:
        await client.connect(access.url, **options_of(access, "deploy") | TRY_ONCE)
        await create_streams(client, replicas=replicas)
    except Refused as refused:
        raise CommandFailed(f"NATS: {refused}") from refused
    except TlsUnusable as unusable:
        raise CommandFailed(f"--ca-file: {unusable}") from unusable
    except (NatsError, Unanswered, OSError) as error:
        raise CommandFailed(
            f"--nats-url: the server cannot be reached or does not let us in: {error}",
            next_step="start it with the settings of `archipelago keys config`, or correct --nats-url and --dir",
        ) from error
    finally:
        await hang_up(client)
