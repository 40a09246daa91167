"""`archipelago market …`: what cargos cost now and of late, what is asked and bid, and one's own prices."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from cli.failure import wrong_usage
from cli.options import AsJson, DataDir, Key, Url
from cli.sparkline import sparkline
from cli.terminal import say, show_fields, show_json, show_table

HOURS_MAX: Final = 720

app = typer.Typer(help="The market: what cargos cost, what is asked and bid.")

Cargo = Annotated[str, typer.Argument(metavar="CARGO", help="The cargo's name, as `cargo list` shows it.")]
Price = Annotated[
    str, typer.Argument(metavar="PRICE", help="Credits, such as 1.5, for one unit of the price.")
]


@app.command("rates")
def rates(url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List what every cargo costs: the middle price of its last trade, and who sells and waits now."""
    from cli.coordinator import ask as ask_coordinator

    rows = ask_coordinator(url, key, data_dir, lambda coordinator: coordinator.get("/market/rates"))["data"]
    if as_json:
        show_json(rows)
    elif not rows:
        say("Nothing can be run yet. Publish a cargo with: archipelago cargo publish MANIFEST")
    else:
        table = (
            (
                row["workload_slug"],
                row.get("current_rate", "not traded today"),
                row["jobs_cleared"],
                row["supply"],
                row["demand"],
            )
            for row in rows
        )
        show_table(("CARGO", ">RATE", ">JOBS IN 24 H", ">ISLANDS", ">WAITING"), table)


@app.command("book")
def book(
    cargo: Cargo, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Show the order book of a cargo: what islands ask, and what waiting jobs bid."""
    from cli.coordinator import ask as ask_coordinator

    found = ask_coordinator(url, key, data_dir, lambda coordinator: coordinator.get(f"/market/book/{cargo}"))
    if as_json:
        show_json(without_data(found))
        return
    say(f"Credits a {unit_text(found)}")
    asks = [(row["price"], row["hosts"], row["free_slots"]) for row in found["asks"]]
    show_table((">ASKED", ">BY ISLANDS", ">FREE SLOTS"), asks)
    if not asks:
        say("No island takes jobs of this cargo now.")
    say()
    bids = [(row["price"], row["jobs"]) for row in found["bids"]]
    show_table((">BID", ">BY WAITING JOBS"), bids)
    if not bids:
        say("No job waits for this cargo.")


@app.command("history")
def history(
    cargo: Cargo,
    hours: Annotated[
        int, typer.Option(min=1, max=HOURS_MAX, help="How far back: 1, 24, 168 for a week, 720 for a month.")
    ] = 24,
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Plot what a cargo cost in the last hours, and how many jobs were done at that."""
    from cli.coordinator import ask as ask_coordinator

    found = ask_coordinator(
        url,
        key,
        data_dir,
        lambda coordinator: coordinator.get(f"/market/history/{cargo}", hours=hours),
    )
    if as_json:
        show_json(found)
    else:
        show_history(found)


def show_history(found: Mapping[str, Any]) -> None:
    """Two rows of bars over the same columns, with their lowest and highest values beside them."""
    steps = found["data"]
    traded = [step for step in steps if "avg_price" in step]
    if not traded:
        say(f"{found['workload_slug']} was not traded since {found['since']}.")
        return
    jobs = [step["jobs_cleared"] for step in steps]
    low, high = min(step["min_price"] for step in traded), max(step["max_price"] for step in traded)
    show_fields(
        (
            ("price", f"{sparkline([step.get('avg_price') for step in steps])}  {low:g} to {high:g} credits"),
            ("jobs", f"{sparkline(jobs)}  {sum(jobs)} in all"),
            ("from", steps[0]["snapshot_at"]),
            ("to", steps[-1]["snapshot_at"]),
        )
    )


@app.command("suggest")
def suggest(
    cargo: Cargo,
    island: Annotated[str, typer.Option("--island", help="Also what this island had better ask.")] = "",
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Suggest what to bid for a cargo now, and why."""
    from cli.coordinator import ask as ask_coordinator

    query = {"workload": cargo} | ({"host_id": island} if island else {})
    found = ask_coordinator(
        url, key, data_dir, lambda coordinator: coordinator.get("/market/suggestions", **query)
    )
    if as_json:
        show_json(without_data(found))
        return
    crowd = f"{found['waiting']} jobs wait, {found['free_slots']} slots are free"
    show_fields(
        (
            ("rate", f"{found['rate']} credits a {unit_text(found)}"),
            ("bid", f"{found['suggested_bid']} credits"),
            ("ask", f"{found['suggested_ask']} credits" if "suggested_ask" in found else None),
            ("because", f"{crowd}: a quarter more than usual" if found["surge"] else crowd),
        )
    )


@app.command("bid")
def bid(
    cargo: Cargo,
    price: Annotated[
        str, typer.Argument(metavar="[PRICE]", help="Credits, such as 1.5, for one unit of the price.")
    ] = "",
    forget: Annotated[bool, typer.Option("--forget", help="Bid by the market again.")] = False,
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Save what your jobs bid for a cargo where they do not say."""
    from cli.coordinator import ask as ask_coordinator

    if bool(price) == forget:
        raise wrong_usage("PRICE", "name a price, or --forget the one that was saved")
    body = {"workload": cargo, "bid_price": price or None}
    found = ask_coordinator(url, key, data_dir, lambda coordinator: coordinator.post("/market/bids", body))
    if as_json:
        show_json(without_data(found))
    elif forget:
        say(f"Your jobs bid for {cargo} by the market again.")
    else:
        say(f"Your jobs bid {found['bid_price']} credits for {cargo} where they do not say.")


@app.command("ask")
def ask(
    island: Annotated[str, typer.Argument(metavar="ISLAND", help="The island's id.")],
    cargo: Annotated[
        str, typer.Argument(metavar="CARGO", help="A cargo's name, or _default for all others.")
    ],
    price: Price,
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Set what one of your islands asks for a cargo. It counts until the island itself tells another price."""
    from cli.coordinator import ask as ask_coordinator

    body = {"host_id": island, "workload_slug": cargo, "asking_price": price}
    found = ask_coordinator(
        url, key, data_dir, lambda coordinator: coordinator.post("/market/asking-prices", body)
    )["data"]
    if as_json:
        show_json(found)
    else:
        state = "It counts from now on." if found["active"] else "It counts once the island is online."
        say(f"{island} asks {found['asking_price']} credits for {cargo}. {state}")


def unit_text(found: Mapping[str, Any]) -> str:
    """`million_fuel` -> `million fuel`."""
    return str(found["price_unit"]).replace("_", " ")


def without_data(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "data"}
