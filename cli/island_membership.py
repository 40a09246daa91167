"""`archipelago island …`, for the owner and for the operator: pair, rename, remove, bar, and see what did not count.

Registered in `cli.island`. An own island is named by its name or its id; the operator names islands by their id.
"""

import re
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from cli.failure import CommandFailed, ExitCode, wrong_usage
from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import note, say, show_fields, show_json, show_table

if TYPE_CHECKING:
    from cli.coordinator import Coordinator

ISLAND_ID: Final = re.compile(r"[A-Za-z0-9_-]{32,64}")  # Longer than people name islands.
NONE_REJECTED: Final = "Nothing was rejected in the last thirty days."

IslandName = Annotated[str, typer.Argument(metavar="NAME", help="The island's name, or its id.")]
IslandId = Annotated[str, typer.Argument(metavar="ID", help="The island's id.")]
Reason = Annotated[str, typer.Option("--reason", help="Why. It is recorded, and the owner may read it.")]


def pair(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The six characters that the island shows.")],
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Pair the island that shows this code: it takes jobs for your account from now on."""
    from cli.coordinator import ask

    answer = ask(url, key, data_dir, lambda coordinator: coordinator.post("/pair", {"code": code}))
    tell(answer, f"{answer['name']} is yours now ({answer['host_id']}).", as_json=as_json)


def rename(
    name: IslandName,
    new: Annotated[str, typer.Argument(metavar="NEW", help="What it is called from now on.")],
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Rename one of your islands."""
    from cli.coordinator import ask

    async def work(coordinator: "Coordinator") -> dict[str, Any]:
        island = await own_island(coordinator, name)
        return await coordinator.patch(f"/hosts/{island['id']}", {"name": new})

    answer = ask(url, key, data_dir, work)
    tell(answer, f"It is called {answer['name']} now.", as_json=as_json)


def remove(
    name: IslandName,
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    as_json: AsJson = False,
) -> None:
    """Remove one of your islands: it is cut off at once, and its jobs go to others."""
    from cli.coordinator import ask

    island = ask(url, key, data_dir, lambda coordinator: own_island(coordinator, name))
    if not yes:
        confirm(f"Remove {island['name']} ({island['id']})?")
    answer = ask(url, key, data_dir, lambda coordinator: coordinator.delete(f"/hosts/{island['id']}"))
    tell(answer, f"{island['name']} is removed. To join again: archipelago island join", as_json=as_json)


def credentials(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the island.")],
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make an island that knows only user and password in a URL, for a daemon that has no keys of its own.

    Its claims are not signed and count for less. An island of our own needs no credentials: `archipelago island join`.
    """
    from cli.coordinator import ask

    answer = ask(url, key, data_dir, lambda coordinator: coordinator.post("/hosts/tickets", {"name": name}))
    if as_json:
        show_json(plain(answer))
        return
    show_fields((("url", answer["url"]), ("host id", answer["host_id"]), ("island", answer["island_id"])))
    note("The URL holds the password and is shown only now.")


def rejected(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The island's name or id. Without it: all, for operators.")
    ] = "",
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show what an island said that did not count, newest first, and why."""
    from cli.coordinator import ask

    async def work(coordinator: "Coordinator") -> list[dict[str, Any]]:
        path = "/rejected-claims"
        if name:
            island = await own_island(coordinator, name)
            path = f"/hosts/{island['id']}/rejected-claims"
        return [plain(row) for row in (await coordinator.get(path))["rejected_claims"]]

    found = ask(url, key, data_dir, work)
    if as_json:
        show_json(found)
    elif not found:
        say(NONE_REJECTED)
    else:
        rows = ((one["received_at"], one["code"], one["subject"], one["detail"]) for one in found)
        show_table(("RECEIVED", "CODE", "SAID ON", "WHY"), rows)


def suspend(
    island_id: IslandId,
    reason: Reason,
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Suspend an island (operator): its jobs go to others now, and it gets none until it is reinstated."""
    answer = bar("suspend", island_id, {"reason": reason}, url=url, key=key, data_dir=data_dir)
    tell(answer, f"{answer['name']} is suspended.", as_json=as_json)


def reinstate(
    island_id: IslandId, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """End an island's suspension (operator)."""
    answer = bar("reinstate", island_id, {}, url=url, key=key, data_dir=data_dir)
    tell(answer, f"{answer['name']} is not suspended any more.", as_json=as_json)


def revoke(
    island_id: IslandId,
    reason: Reason,
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Revoke an island's key for ever (operator): it is cut off now, and comes back only under a new key."""
    answer = bar("revoke", island_id, {"reason": reason}, url=url, key=key, data_dir=data_dir)
    tell(answer, f"The key of {answer['name']} is revoked.", as_json=as_json)


def bar(
    verb: str, island_id: str, body: dict[str, str], *, url: str, key: str, data_dir: DataDir
) -> dict[str, Any]:
    from cli.coordinator import ask

    path = f"/hosts/{quote(island_id, safe='')}/{verb}"
    return ask(url, key, data_dir, lambda coordinator: coordinator.post(path, body))


async def own_island(coordinator: "Coordinator", name: str) -> dict[str, Any]:
    """The caller's island of that name or id. Raises CommandFailed where there is none, or more than one."""
    islands = await own_islands(coordinator)
    found = [one for one in islands if one["id"] == name] or [one for one in islands if one["name"] == name]
    if not found:
        raise CommandFailed(
            f"NAME: you have no island {name}", next_step="see which you have: `archipelago island list`"
        )
    if len(found) > 1:
        ids = ", ".join(one["id"] for one in found)
        raise CommandFailed(
            f"NAME: {len(found)} islands are called {name}", next_step=f"name one by its id: {ids}"
        )
    return found[0]


async def named_island(coordinator: "Coordinator", name: str) -> tuple[str, str]:
    """Id and name of an own island, or else what was typed as the id of any: the coordinator knows who may ask."""
    try:
        island = await own_island(coordinator, name)
    except CommandFailed:
        if not ISLAND_ID.fullmatch(name):
            raise
        return name, name
    return island["id"], island["name"]


async def own_islands(coordinator: "Coordinator") -> list[dict[str, Any]]:
    """All of them, page by page."""
    from cli.coordinator import PAGE_ROWS

    found: list[dict[str, Any]] = []
    while True:
        page = await coordinator.get("/hosts", limit=PAGE_ROWS, offset=len(found))
        found += page["hosts"]
        if page["count"] < PAGE_ROWS:
            return found


def confirm(question: str) -> None:
    """Raises CommandFailed unless a person says yes."""
    if not sys.stdin.isatty():
        raise wrong_usage("--yes", "is needed where nobody can be asked")
    try:
        is_wanted = typer.confirm(question)
    except typer.Abort:
        raise CommandFailed("nothing was changed", code=ExitCode.INTERRUPTED) from None
    if not is_wanted:
        raise CommandFailed("nothing was changed")


def tell(answer: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    if as_json:
        show_json(plain(answer))
    else:
        say(sentence)


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without its second form for SDKs."""
    return {name: value for name, value in answer.items() if name != "data"}
