"""`archipelago account`: what one owns, what is held for jobs under way, what was booked last, and corrections."""

import contextlib
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from cli.account_erasure import erase
from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import note, say, show_fields, show_json, show_table

if TYPE_CHECKING:
    from cli.coordinator import Coordinator

ENTRIES_SHOWN: Final = 10
PAGE_ROWS: Final = 100
LOOK_BACK_COMMITS: Final = 50
LOOK_BACK_GROWTH: Final = 8


app = typer.Typer(help="Your credits and what was booked about them.")
app.command("erase")(erase)


@app.callback(invoke_without_command=True)
def account(
    context: typer.Context,
    *,
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

    if context.invoked_subcommand:
        return

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
            ("e-mail", answer.get("email") or None),
            ("credits", answer["credits"]),
            ("held for jobs", answer.get("held")),
            ("in escrow", answer.get("escrow")),
        )
    )
    if answer["entries"]:
        say()
        show_entries(answer["entries"])
    warn_if_low(answer)


@app.command("rename")
def rename(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called from now on.")],
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
) -> None:
    """Rename your account."""
    from cli.coordinator import ask

    renamed = ask(url, key, data_dir, lambda coordinator: coordinator.patch("/account", {"name": name}))
    say(f"The account is called {renamed['name']} now.")


@app.command("correct")
def correct(
    account_id: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The id of the account.")],
    *,
    amount: Annotated[
        str, typer.Option("--amount", metavar="CREDITS", help="What to add; with a minus, to take back.")
    ],
    original: Annotated[
        str,
        typer.Option(
            "--original", metavar="EVENT", help="What was wrong: its event, as the ledger lists it."
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; it becomes part of the log.")],
    idempotency_key: Annotated[
        str, typer.Option(metavar="TEXT", help="Correcting again with the same text changes nothing.")
    ] = "",
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Correct an account's credits by a new entry that names the old one. Needs an operator's key.

    No more is taken back than is free.
    """
    from cli.coordinator import ask

    body = {"amount": amount, "original": original, "reason": reason}
    path = f"/accounts/{quote(account_id, safe='')}/corrections"
    made = ask(
        url, key, data_dir, lambda coordinator: coordinator.post(path, body, idempotency_key=idempotency_key)
    )
    made.pop("data", None)
    if as_json:
        show_json(made)
    elif made["new"]:
        say(
            f"Corrected {made['account_id']} by {made['amount']} for {made['original']}: {made['credits']} are free."
        )
    else:
        say(f"This correction was made before: {made['credits']} are free.")


async def warn_after(coordinator: "Coordinator", position: int) -> None:
    """The same after a write at `position`; a key that may not read the account hears nothing."""
    from cli.coordinator import Refused

    with contextlib.suppress(Refused):
        warn_if_low(await coordinator.get("/account", after=position))


def warn_if_low(account: dict[str, Any]) -> None:
    """Told beside the answer, while it is so."""
    if account.get("low"):
        note(f"Your credits run low: {account['credits']} are free. Jobs that bid more are refused.")


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
