"""`archipelago karma …`: what an island's karma is made of, now or at any moment of the past."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import show_json

if TYPE_CHECKING:
    from cli.coordinator import Coordinator

CHANGES_SHOWN: Final = 20

app = typer.Typer(help="Karma: what an island has earned and lost, and why.")


@app.callback()
def group() -> None:
    """Keeps `explain` a word of its own while it is the only command."""


@app.command("explain")
def explain(
    name: Annotated[
        str,
        typer.Argument(metavar="ISLAND", help="Your island's name or id; the operator names any by its id."),
    ],
    *,
    at: Annotated[
        str,
        typer.Option(
            metavar="TIME|POSITION",
            help="As of a time, e.g. 2026-11-23T12:00:00Z, or a position of the log. Default: now.",
        ),
    ] = "",
    last: Annotated[
        int, typer.Option(min=0, max=100, help="How many of the newest changes to list.")
    ] = CHANGES_SHOWN,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show what an island's karma is made of: a sum of work and penalties, and the event behind each change."""
    from cli.coordinator import ask
    from cli.karma_view import show_karma

    answer = ask(url, key, data_dir, lambda coordinator: karma_answer(coordinator, name, at, last))
    if as_json:
        show_json(answer)
    else:
        show_karma(answer)


async def karma_answer(coordinator: "Coordinator", name: str, at: str, last: int) -> dict[str, Any]:
    """What an island's karma is made of, and its `last` newest changes; `at` may be empty: now."""
    from cli.island_membership import named_island, plain

    query: dict[str, str | int] = {"at": at} if at else {}
    island_id, called = await named_island(coordinator, name)
    karma = plain(await coordinator.get(f"/hosts/{island_id}/karma", **query))
    history = await coordinator.get(f"/hosts/{island_id}/karma/history", **query, limit=max(last, 1))
    changes = [plain(change) for change in history["events"]][:last]
    return karma | {"name": called, "changes": changes, "changes_in_all": history["meta"]["total"]}
