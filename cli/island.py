"""`archipelago island …`: run an island on this machine, list one's own. Owning and barring: `island_membership.py`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import island_drain, island_idleness, island_membership
from cli.authority import given_authority
from cli.options import AsJson, DataDir, Key, Url
from cli.program import become
from cli.terminal import say, show_json, show_table

app = typer.Typer(help="Islands: machines that run jobs.", no_args_is_help=False)


StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        envvar="ARCHIPELAGO_ISLAND_STATE_DIR",
        help="Folder of its keys and unfinished work. Default: the user's own.",
    ),
]
IslandKey = Annotated[
    str,
    typer.Option(
        "--key",
        envvar="ARCHIPELAGO_ISLAND_KEY",
        help="API key with the scope `islands`: the island is that account's at once. Default: show a code to type in.",
    ),
]
Name = Annotated[
    str, typer.Option("--name", envvar="ARCHIPELAGO_ISLAND_NAME", help="How people call this island.")
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        envvar="ARCHIPELAGO_ISLAND_CA_FILE",
        exists=True,
        dir_okay=False,
        help="PEM file of the authority to believe instead of the system's.",
    ),
]
AllowPlaintext = Annotated[
    bool,
    typer.Option(
        "--allow-plaintext",
        envvar="ARCHIPELAGO_ISLAND_ALLOW_PLAINTEXT",
        help="Speak unencrypted with another machine, too.",
    ),
]


@app.command("join")
def join(
    url: Annotated[str, typer.Argument(metavar="URL", help="The coordinator, as https://host.")],
    *,
    key: IslandKey = "",
    name: Name = "",
    state_dir: StateDir = None,
    ca_file: CaFile = None,
    allow_plaintext: AllowPlaintext = False,
) -> None:
    """Lend this machine to a network: join it, show the code to pair it with, and run jobs once it is paired.

    Ctrl-C ends it; `archipelago island run` goes on where it stopped.
    """
    again = {"ARCHIPELAGO_ISLAND_JOINS_AGAIN": "true"}
    given = settings_of(
        url, key=key, name=name, state_dir=state_dir, ca_file=ca_file, allow_plaintext=allow_plaintext
    )
    become("island", again | given)


@app.command("run")
def run(
    *,
    coordinator_url: Annotated[
        str,
        typer.Option(
            "--coordinator-url",
            envvar="ARCHIPELAGO_ISLAND_COORDINATOR_URL",
            help="The coordinator to work for. Default: the one it has joined.",
        ),
    ] = "",
    key: IslandKey = "",
    name: Name = "",
    state_dir: StateDir = None,
    ca_file: CaFile = None,
    allow_plaintext: AllowPlaintext = False,
) -> None:
    """Run the island that has joined, in the foreground. Ctrl-C lets it finish or give back its jobs.

    Everything else is set by environment variables: see docs/settings.md.
    """
    given = settings_of(
        coordinator_url,
        key=key,
        name=name,
        state_dir=state_dir,
        ca_file=ca_file,
        allow_plaintext=allow_plaintext,
    )
    become("island", given)


@app.command("policy")
def policy() -> None:
    """Show what this machine's settings mean: hours, share of the machine, cargos, asks, region."""
    become("island.policy", {})


def settings_of(
    coordinator_url: str,
    *,
    key: str,
    name: str,
    state_dir: Path | None,
    ca_file: Path | None,
    allow_plaintext: bool,
) -> dict[str, str]:
    """Environment variables of the daemon; empty where nothing was given.

    `archipelago --ca-file FILE island join` means the same as the option behind the command.
    """
    authority = ca_file or given_authority()
    return {
        "ARCHIPELAGO_ISLAND_COORDINATOR_URL": coordinator_url,
        "ARCHIPELAGO_ISLAND_KEY": key,
        "ARCHIPELAGO_ISLAND_NAME": name,
        "ARCHIPELAGO_ISLAND_STATE_DIR": "" if state_dir is None else str(state_dir.absolute()),
        "ARCHIPELAGO_ISLAND_CA_FILE": "" if authority is None else str(authority.absolute()),
        "ARCHIPELAGO_ISLAND_ALLOW_PLAINTEXT": "true" if allow_plaintext else "",
    }


@app.command("list")
def list_islands(url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List your islands: where they stand, what they offer, what they have done."""
    from cli.coordinator import PAGE_ROWS, ask

    answer = ask(url, key, data_dir, lambda coordinator: coordinator.get("/hosts", limit=PAGE_ROWS))
    if as_json:
        show_json([{name: value for name, value in row.items() if name != "data"} for row in answer["hosts"]])
    elif not answer["hosts"]:
        say("You have no islands. Lend a machine with: archipelago island join URL")
    else:
        show_islands(answer["hosts"])


app.command("why-idle")(island_idleness.why_idle)


def show_islands(islands: list[dict[str, Any]]) -> None:
    rows = (
        (
            island["id"],
            island["name"],
            island["standing"],
            "yes" if island.get("signed") else "no",
            ", ".join(island.get("runtimes", ())),
            f"{island.get('active_jobs', 0)}/{island.get('slots', 0)}",
            island.get("jobs_completed", 0),
            island.get("karma", 0),
        )
        for island in islands
    )
    show_table(("ISLAND", "NAME", "STATUS", "SIGNS", "RUNTIMES", ">BUSY", ">JOBS DONE", ">KARMA"), rows)


for command in (
    island_membership.pair,
    island_membership.rename,
    island_membership.remove,
    island_drain.drain,
    island_drain.resume,
    island_membership.credentials,
    island_membership.rejected,
    island_membership.suspend,
    island_membership.reinstate,
    island_membership.revoke,
):
    app.command()(command)
