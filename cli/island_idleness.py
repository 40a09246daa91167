"""`archipelago island why-idle`: what kept an island from getting jobs, for its owner. Registered in `cli.island`."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.failure import wrong_usage
from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import show_json

if TYPE_CHECKING:
    from cli.coordinator import Coordinator

HOURS: Final = 6


def why_idle(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[ISLAND]",
            help="Your island's name or id; the operator names any by its id. Default: your only island.",
        ),
    ] = "",
    *,
    hours: Annotated[int, typer.Option(min=1, max=168, help="How many hours to look back.")] = HOURS,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show why an island gets no jobs: what was decided, who won instead, which rules kept it out, what would help."""
    from cli.coordinator import ask
    from cli.idleness_view import show_idleness
    from cli.island_membership import named_island, own_islands, plain

    async def read(coordinator: "Coordinator") -> dict[str, Any]:
        wanted = name
        if not wanted:
            islands = await own_islands(coordinator)
            if len(islands) != 1:
                raise wrong_usage("ISLAND", f"must be named: you have {len(islands)} islands")
            wanted = str(islands[0]["id"])
        island_id, called = await named_island(coordinator, wanted)
        found = await coordinator.get(f"/hosts/{island_id}/why-idle", hours=hours)
        return plain(found) | {"name": called}

    answer = ask(url, key, data_dir, read)
    if as_json:
        show_json(answer)
    else:
        show_idleness(answer, answer["name"])
