"""`archipelago island …`: run an island on this machine, list one's own."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.options import AsJson, DataDir, Key, Url
from cli.program import become
from cli.terminal import say, show_json, show_table

app = typer.Typer(help="Islands: machines that run jobs.", no_args_is_help=False)


@app.command("run")
def run(
    coordinator_url: str = typer.Option(
        "", envvar="ARCHIPELAGO_ISLAND_COORDINATOR_URL", help="The coordinator to work for."
    ),
    key: str = typer.Option(
        "",
        envvar="ARCHIPELAGO_ISLAND_KEY",
        help="API key with the scope `islands`; for the first start only.",
    ),
    name: str = typer.Option("", envvar="ARCHIPELAGO_ISLAND_NAME", help="How people call this island."),
    state_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="ARCHIPELAGO_ISLAND_STATE_DIR", help="Folder of its identity and unfinished work."
        ),
    ] = None,
) -> None:
    """Contribute this machine: run an island in the foreground. Ctrl-C lets it finish or give back its jobs.

    Everything else is set by environment variables: see docs/settings.md.
    """
    settings = {
        "ARCHIPELAGO_ISLAND_COORDINATOR_URL": coordinator_url,
        "ARCHIPELAGO_ISLAND_KEY": key,
        "ARCHIPELAGO_ISLAND_NAME": name,
        "ARCHIPELAGO_ISLAND_STATE_DIR": "" if state_dir is None else str(state_dir.absolute()),
    }
    become("island", settings)


@app.command("list")
def list_islands(url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List your islands: where they stand, what they offer, what they have done."""
    from cli.coordinator import PAGE_ROWS, ask

    answer = ask(url, key, data_dir, lambda coordinator: coordinator.get("/hosts", limit=PAGE_ROWS))
    if as_json:
        show_json([{name: value for name, value in row.items() if name != "data"} for row in answer["hosts"]])
    elif not answer["hosts"]:
        say("You have no islands. Start one with: archipelago island run")
    else:
        show_islands(answer["hosts"])


def show_islands(islands: list[dict[str, Any]]) -> None:
    rows = (
        (
            island["id"],
            island["name"],
            "draining" if island.get("draining") and island["status"] == "online" else island["status"],
            ", ".join(island.get("runtimes", ())),
            f"{island.get('active_jobs', 0)}/{island.get('slots', 0)}",
            island.get("jobs_completed", 0),
            island.get("karma", 0),
        )
        for island in islands
    )
    show_table(("ISLAND", "NAME", "STATUS", "RUNTIMES", ">BUSY", ">JOBS DONE", ">KARMA"), rows)
