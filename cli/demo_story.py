"""What the demo tells of one job and of the books. Used by `cli.demo`; the tables are those of the other commands."""

import asyncio
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from cli.account import signed
from cli.coordinator import Coordinator
from cli.demo_result import MICRO_PER_CREDIT, DemoResult
from cli.job_views import show_facts
from cli.placement_view import show_placement
from cli.terminal import say, show_table

if TYPE_CHECKING:
    from projections.rebuild import Verified

PAID_OUT_WITHIN_S: Final = 5.0
INVOICE_LINES: Final = {
    ("held", "free"): "set aside when the job was submitted",
    ("held", "held"): "held for the job",
    ("settled", "held"): "taken from what was held",
    ("settled", "free"): "given back: the price was below the bid",
    ("settled", "fees"): "platform fee",
    ("settled", "clearing"): "for the island and the publisher",
    ("island_earned", "clearing"): "paid out to the island's owner",
    ("island_earned", "escrow"): "earned by the island, in escrow until it has 10 karma",
    ("island_earned", "free"): "earned by the island",
    ("publisher_earned", "clearing"): "paid out to the publisher",
    ("publisher_earned", "free"): "earned by the publisher",
    ("released", "held"): "taken from what was held",
    ("released", "free"): "given back",
}


async def show_one_job(coordinator: Coordinator, job_id: str) -> None:
    """Its events, why it ran there, what it cost and who got that."""
    path = f"/jobs/{quote(job_id, safe='')}"
    timeline = await paid_out_timeline(coordinator, path)
    say("What happened (`archipelago job events`):")
    show_facts(timeline)
    say("Why it ran there (`archipelago job why`):")
    show_placement(await coordinator.get(f"{path}/placement"))
    say("\nThe invoice:")
    show_invoice(timeline["entries"])


async def paid_out_timeline(coordinator: Coordinator, path: str) -> dict[str, Any]:
    """The job's history once its charge has reached whoever earned it, a moment after the job has ended."""
    deadline = time.monotonic() + PAID_OUT_WITHIN_S
    while True:
        timeline: dict[str, Any] = await coordinator.get(f"{path}/timeline")
        clearing = [Decimal(str(e["amount"])) for e in timeline["entries"] if e["account"] == "clearing"]
        if (clearing and not sum(clearing)) or time.monotonic() > deadline:
            return timeline
        await asyncio.sleep(0.05)


def show_invoice(entries: Sequence[dict[str, Any]]) -> None:
    rows = (
        (
            f"{entry['position']}.{entry['index']}",
            INVOICE_LINES.get((entry["kind"], entry["account"]), entry["kind"]),
            entry["account"],
            signed(entry["amount"]),
        )
        for entry in entries
    )
    show_table(("EVENT", "WHAT FOR", "LEDGER ACCOUNT", ">CREDITS"), rows)


def show_books(result: DemoResult, compared: Sequence["Verified"]) -> None:
    """The sums, and every table built again from the events."""
    say(f"  {result.events} events are in the log.")
    say(f"  {result.charged_micro / MICRO_PER_CREDIT:g} credits were charged for {result.succeeded} jobs.")
    say(f"  All entries of the ledger together: {result.ledger_sum_micro} micro-credits; it must be 0.")
    say("  Every table of the read side, built again from the events and compared:")
    rows = (
        (
            one.name,
            "equal" if one.is_equal else "DIFFERS",
            one.events,
            f"{one.seconds:.2f}",
            one.rebuilt_digest[:16],
        )
        for one in compared
    )
    show_table(("TABLE", "", ">EVENTS", ">SECONDS", "DIGEST"), rows)
