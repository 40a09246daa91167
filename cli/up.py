"""`archipelago up`: the whole network on this machine, until Ctrl-C."""

import asyncio
import logging
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.options import AsJson, DataDir
from cli.terminal import note, say, show_json
from cli.typed_name import program

if TYPE_CHECKING:
    from cli.listening import ListeningOptions
    from cli.local_network import LocalNetwork, Wishes
    from cli.network import Network

Tell = Callable[[str], None]

SERVER_NOTICES: Final = {
    "embedded_server_died": "The {server} server ended; starting it again on its port.",
    "embedded_restart_failed": "The {server} server did not come back; trying again.",
    "embedded_leftovers_stopped": "Ended what a killed run had left of the {server} server.",
}


def up(
    data_dir: DataDir = None,
    port: int | None = typer.Option(
        None, min=0, max=65535, help="Port of the API. Default: 4000, or a free one (0) where it is taken."
    ),
    island: bool = typer.Option(True, "--island/--no-island", help="Also run an island on this machine."),
    *,
    host: str = typer.Option(
        "127.0.0.1", help="Address of this machine to listen on. For other machines to reach it: with --tls."
    ),
    tls: bool = typer.Option(False, "--tls", help="Encrypt, with a certificate of an authority made here."),
    tls_cert: Annotated[
        Path | None, typer.Option(help="Encrypt with this certificate chain (PEM) instead; it names --host.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key of that certificate (PEM).")] = None,
    tls_ca: Annotated[
        Path | None, typer.Option(help="Authority of that certificate (PEM), where it is not a public one.")
    ] = None,
    allow_plaintext: bool = typer.Option(
        False, "--allow-plaintext", help="Let other machines reach --host without encryption."
    ),
    as_json: AsJson = False,
) -> None:
    """Run a whole network on this machine: servers, coordinator, one island. Ctrl-C stops everything in order.

    Jobs, credits and keys are kept in the data directory and are there again at the next start.
    """
    from cli.listening import ListeningOptions
    from cli.local_directory import failures_in_words
    from cli.local_network import Wishes

    wishes = Wishes(port=port, with_island=island)
    listening = ListeningOptions(
        host=host,
        tls=tls,
        cert_file=tls_cert,
        key_file=tls_key,
        ca_file=tls_ca,
        allow_plaintext=allow_plaintext,
    )
    tell = note if as_json else say
    with failures_in_words(), told_of_servers(tell):
        asyncio.run(run(data_dir, wishes, listening, tell, as_json=as_json))


async def run(
    data_dir: Path | None, wishes: "Wishes", options: "ListeningOptions", tell: Tell, *, as_json: bool
) -> None:
    """Starts the network, says how to use it, and keeps it alive until it is told to stop."""
    from adapters import clock
    from adapters.embedded.data_directory import DataDirectory
    from cli.listening import listening_on
    from cli.local_directory import locked
    from cli.local_network import LocalNetwork
    from cli.stop_signals import until_told_to_stop

    directory = DataDirectory.open(data_dir)
    with locked(directory, "archipelago up") as lock:
        tell(f"Archipelago in {directory.root}")
        now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
        wishes = replace(wishes, listening=listening_on(directory, options, now))
        network = LocalNetwork(directory, lock, wishes, tell)
        await until_told_to_stop(
            keep(network, as_json=as_json),
            on_first=lambda: tell(
                "Stopping everything in order; Ctrl-C once more lets the island give back its jobs."
            ),
            on_second=network.hurry,
        )


async def keep(network: "LocalNetwork", *, as_json: bool) -> None:
    from adapters.embedded.data_directory import default_root

    async with network:
        if as_json:
            show_json(
                {
                    "url": network.network.url,
                    "key": network.key,
                    "data_dir": str(network.directory.root),
                    "ca_file": network.network.ca_file,
                    "programs": network.programs(),
                }
            )
        else:
            welcome(network, default_root())
        await network.watch()


def welcome(network: "LocalNetwork", usual_root: Path) -> None:
    """Where it is, how to enter, what to type next. A directory that is not the usual one must be named."""
    from adapters.tls import is_loopback

    root = network.directory.root
    where = "" if root == usual_root.resolve() else f" --data-dir {shlex.quote(str(root))}"
    say()
    say(f"  URL  {network.network.url}")
    say(f"  Key  {network.key}")
    say(f"       of the local account, kept in {network.network.key_file}")
    say()
    say("Next, in another terminal:")
    say(f"""  {program()} job submit wasm-hash --input '{{"text":"hello"}}' --follow{where}""")
    say(f"  {program()} job list{where}")
    say(f"  {program()} account{where}")
    if is_loopback(network.network.url):
        say(f"  {second_island(network.network)}")
    say()
    if not is_loopback(network.network.url):
        invite(network.network)
    say("Ctrl-C stops everything in order.")


def second_island(network: "Network") -> str:
    """How one joins on this machine, beside the island that runs already."""
    authority = network.authority
    believing = "" if authority is None else f"--ca-file {shlex.quote(str(authority))} "
    return f"{program()} island join {believing}{network.url} --state-dir FOLDER"


def invite(network: "Network") -> None:
    """How another machine takes part."""
    from adapters.tls import is_exposed

    authority = network.authority
    believing = "" if authority is None else f"--ca-file {authority.name} "
    plainly = "--allow-plaintext " if is_exposed(network.url) else ""
    say("On another machine:")
    say(f"  archipelago island join {believing}{plainly}{network.url}")
    say(f"  archipelago {believing}job list --url {network.url} --key KEY")
    if authority is not None:
        say(
            f"  {authority.name} is a copy of {authority}: no secret, but bring it there by a way that you trust."
        )
    say()


@contextmanager
def told_of_servers(tell: Tell) -> Iterator[None]:
    """What the keeper of the servers logs, as lines for whoever watches."""

    class Notices(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            notice = SERVER_NOTICES.get(record.msg)
            if notice is not None:
                tell(notice.format(server=getattr(record, "server", "")))

    source = logging.getLogger("adapters.embedded")
    notices = Notices()
    source.addHandler(notices)
    source.propagate = False
    try:
        yield
    finally:
        source.removeHandler(notices)
        source.propagate = True
