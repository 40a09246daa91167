"""`archipelago as-of …`: a balance, an island's karma, a cargo's trust or the fleet at a moment of the past."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from cli.options import AsJson, DataDir, Key, Offline, Url
from cli.projections import NatsCaFile, NatsKeys, NatsUrl
from cli.terminal import say, show_fields, show_json, show_table

if TYPE_CHECKING:
    from cli.coordinator import Coordinator
    from commands.as_of import Standpoint
    from commands.reports.past_log import PastLog
    from domain.ids import IslandId
    from domain.placement import Offer

app = typer.Typer(help="The past: where things stood at a time or at a position of the log.")

CHANGES_SHOWN: Final = 20

At = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="TIME|POSITION",
        help="A time, e.g. 2026-11-23T12:00:00Z, or a position of the log.",
    ),
]


@app.command("balance")
def balance(
    account: Annotated[
        str, typer.Argument(metavar="[ACCOUNT]", help="The operator names any. Default: your own.")
    ] = "",
    *,
    at: At,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show what an account had: free, held for jobs and in escrow."""
    from cli.coordinator import ask
    from cli.island_membership import plain

    async def read(coordinator: "Coordinator") -> dict[str, Any]:
        own = (await coordinator.get("/account"))["account_id"]
        path = "/account" if account in {"", own} else f"/accounts/{quote(account, safe='')}/balance"
        return plain(await coordinator.get(path, at=at))

    answer = ask(url, key, data_dir, read)
    if as_json:
        show_json(answer)
        return
    show_fields(
        (
            ("account", answer["account_id"]),
            ("credits", answer["credits"]),
            ("held for jobs", answer["held"]),
            ("in escrow", answer["escrow"]),
            ("as of", moment_text(answer["as_of"])),
        )
    )


@app.command("karma")
def karma(
    island: Annotated[
        str,
        typer.Argument(metavar="ISLAND", help="Your island's name or id; the operator names any by its id."),
    ],
    *,
    at: At,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show what an island's karma was and what it was made of; the same as `karma explain --at`."""
    from cli.coordinator import ask
    from cli.karma import karma_answer
    from cli.karma_view import show_karma

    answer = ask(url, key, data_dir, lambda coordinator: karma_answer(coordinator, island, at, CHANGES_SHOWN))
    if as_json:
        show_json(answer)
        return
    show_karma(answer)
    say(f"As of {moment_text(answer['as_of'])}.")


@app.command("trust")
def trust(
    cargo: Annotated[str, typer.Argument(metavar="CARGO", help="The cargo's name, as in `cargo list`.")],
    *,
    at: At,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show the trust level and the reputation that a cargo had, and what they rested on."""
    from cli.cargo_trust import show_trust
    from cli.coordinator import ask
    from cli.island_membership import plain

    path = f"/workloads/{quote(cargo, safe='')}/trust"
    answer = plain(ask(url, key, data_dir, lambda coordinator: coordinator.get(path, at=at)))
    if as_json:
        show_json(answer)
        return
    show_trust(answer)
    say(f"As of {moment_text(answer['as_of'])}.")


@app.command("placement")
def placement(
    *,
    at: At,
    island: Annotated[str, typer.Option("--island", metavar="ID", help="Only this island.")] = "",
    offline: Offline = None,
    nats_url: NatsUrl = "",
    nats_keys: NatsKeys = None,
    ca_file: NatsCaFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show the fleet as placing saw it. Reads the log itself, however long it is: for operators."""
    from cli.past import past_of

    past = past_of(offline, nats_url, nats_keys, ca_file, data_dir)

    async def read() -> "tuple[Standpoint, dict[IslandId, Offer]]":
        async with past as log:
            return await fleet_at(log, at)

    where, offers = asyncio.run(read())
    shown = [offers[one] for one in sorted(offers) if island in {"", one}]
    if as_json:
        show_json({"as_of": asdict(where), "hosts": [offer_facts(offer) for offer in shown]})
    else:
        show_fleet(where, shown)


async def fleet_at(log: "PastLog", at: str) -> "tuple[Standpoint, dict[IslandId, Offer]]":
    """Raises CommandFailed."""
    from cli.failure import wrong_usage
    from commands.as_of import NotYet, offers_at, standpoint
    from commands.reports.period import moment_of

    try:
        where = await standpoint(log, moment_of(at))
    except ValueError as rule:
        raise wrong_usage("--at", str(rule)) from None
    except NotYet as end:
        raise wrong_usage("--at", f"must not be above {end.last}, the newest position of the log") from None
    return where, await offers_at(log, where.position, commits_max=None)


def offer_facts(offer: "Offer") -> dict[str, Any]:
    """Sets in order, so that the same question prints the same text."""
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in asdict(offer).items()
        if name != "name"
    }


def show_fleet(where: "Standpoint", offers: "list[Offer]") -> None:
    show_table(
        ("ISLAND", "STATE", "PLATFORM", "REGION", ">SLOTS", ">TAKEN", ">KARMA", "RUNTIMES"),
        [
            (
                offer.island_id,
                state_of(offer),
                offer.platform,
                offer.region or "",
                offer.slots,
                offer.active,
                offer.karma,
                ", ".join(sorted(offer.scores)),
            )
            for offer in offers
        ],
    )
    islands = "1 island" if len(offers) == 1 else f"{len(offers)} islands"
    say(f"As of position {where.position}{time_text(where)}: {islands}.")


def state_of(offer: "Offer") -> str:
    """In one word, the first that keeps it from work."""
    if not offer.is_approved:
        return "pending"
    if offer.is_suspended:
        return "suspended"
    if not offer.is_online:
        return "offline"
    return "draining" if offer.is_draining else "online"


def time_text(where: "Standpoint") -> str:
    from commands.reports.period import instant

    return f", recorded {instant(where.at_ms)}" if where.position else ""


def moment_text(as_of: Mapping[str, Any]) -> str:
    recorded = f", recorded {as_of['at']}" if "at" in as_of else ", before the first commit"
    return f"position {as_of['position']}{recorded}"
