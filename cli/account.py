"""`archipelago account`: what one owns, what is held for jobs under way, and what was booked last."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import typer

from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import say, show_fields, show_json, show_table

if TYPE_CHECKING:
    from cli.coordinator import Coordinator

ENTRIES_SHOWN: Final = 10
PAGE_ROWS: Final = 100
LOOK_BACK_COMMITS: Final = 50
LOOK_BACK_GROWTH: Final = 8


def account(
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
    entries: int = typer.Option(
        ENTRIES_SHOWN, min=0, max=100, help="How many of the newest entries to show."
    ),
) -> None:
    """Show your credits and the newest entries of the ledger about them."""
    from cli.coordinator import ask

    async def read(coordinator: "Coordinator") -> dict[str, Any]:
        found = await coordinator.get("/account")
        newest = await newest_entries(coordinator, found["position"], entries)
        return {name: value for name, value in found.items() if name != "data"} | {"entries": newest}

    answer = ask(url, key, data_dir, read)
    if as_json:
        show_json(answer)
        return
    show_fields(
        (
            ("account", answer["name"]),
            ("credits", answer["credits"]),
            ("held for jobs", answer.get("held")),
            ("in escrow", answer.get("escrow")),
        )
    )
    if answer["entries"]:
        say()
        show_entries(answer["entries"])


async def newest_entries(coordinator: "Coordinator", last: int, wanted: int) -> list[dict[str, Any]]:
    """The newest entries up to position `last`, oldest first.

    The API lists from a position on, so this looks back, further each time, until it has found enough.
    """
    look_back = LOOK_BACK_COMMITS
    found: list[dict[str, Any]] = []
    while wanted:
        since = max(0, last - look_back)
        found = await entries_since(coordinator, since)
        if len(found) >= wanted or since == 0:
            break
        look_back *= LOOK_BACK_GROWTH
    return found[-wanted:] if wanted else []


async def entries_since(coordinator: "Coordinator", since: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = await coordinator.get("/ledger/entries", since=since, limit=PAGE_ROWS)
        found += ({name: value for name, value in row.items() if name != "data"} for row in page["entries"])
        if page["count"] < PAGE_ROWS:
            return found
        since = page["position"]


def show_entries(entries: list[dict[str, Any]]) -> None:
    """Legs of balanced transactions: what left a ledger account is negative."""
    rows = (
        (
            f"{entry['position']}.{entry['index']}",
            entry["kind"].replace("_", " "),
            entry["account"],
            signed(entry["amount"]),
            entry.get("job_id", ""),
        )
        for entry in entries
    )
    show_table(("EVENT", "WHAT", "LEDGER ACCOUNT", ">CREDITS", "JOB"), rows)


def signed(amount: str) -> str:
    """`0.5` -> `+0.5`."""
    return f"{Decimal(amount):+f}"
