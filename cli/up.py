"""`archipelago up`: the whole network on this machine, until Ctrl-C."""

import asyncio
import logging
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from cli.options import AsJson, DataDir
from cli.terminal import note, say, show_json
from cli.typed_name import program

if TYPE_CHECKING:
    from cli.local_network import LocalNetwork, Wishes

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
    as_json: AsJson = False,
) -> None:
    """Run a whole network on this machine: servers, coordinator, one island. Ctrl-C stops everything in order.

    Jobs, credits and keys are kept in the data directory and are there again at the next start.
    """
    from cli.local_directory import failures_in_words
    from cli.local_network import Wishes

    wishes = Wishes(port=port, with_island=island)
    tell = note if as_json else say
    with failures_in_words(), told_of_servers(tell):
        asyncio.run(run(data_dir, wishes, tell, as_json=as_json))


async def run(data_dir: Path | None, wishes: "Wishes", tell: Tell, *, as_json: bool) -> None:
    """Starts the network, says how to use it, and keeps it alive until it is told to stop."""
    from adapters.embedded.data_directory import DataDirectory
    from cli.local_directory import locked
    from cli.local_network import LocalNetwork
    from cli.stop_signals import until_told_to_stop

    directory = DataDirectory.open(data_dir)
    with locked(directory, "archipelago up") as lock:
        tell(f"Archipelago in {directory.root}")
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
                    "programs": network.programs(),
                }
            )
        else:
            welcome(network, default_root())
        await network.watch()


def welcome(network: "LocalNetwork", usual_root: Path) -> None:
    """Where it is, how to enter, what to type next. A directory that is not the usual one must be named."""
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
    say()
    say("Ctrl-C stops everything in order.")


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
