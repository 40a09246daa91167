"""Why a job ran where it ran, or why it waits: the recorded decision of the placement, on a terminal.

Used by `archipelago job why` and the demo. What would change a refusal is said here, one sentence for each code.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cli.terminal import say, show_table
from domain.placement import Refusal

REMEDIES: Final[Mapping[Refusal, str]] = {
    Refusal.NOT_CHOSEN: "nothing: the job is meant for one other island",
    Refusal.NOT_APPROVED: "the island's owner pairs it",
    Refusal.SUSPENDED: "an operator looks at the island's karma and reinstates it",
    Refusal.OFFLINE: "start an island: archipelago island join URL",
    Refusal.DRAINING: "wait until it is back, or start another island",
    Refusal.COOLDOWN: "wait: it rests after several faults in a row",
    Refusal.RUNTIME_UNSUPPORTED: "start an island that offers the cargo's runtime",
    Refusal.PLATFORM_MISMATCH: "start an island on a platform that the cargo runs on",
    Refusal.GPU_MISSING: "start an island with a GPU",
    Refusal.VRAM_SHORT: "start an island with more GPU memory",
    Refusal.RAM_SHORT: "start an island with more memory",
    Refusal.CPU_SHORT: "start an island with more cores",
    Refusal.DISK_SHORT: "free some disk on the island",
    Refusal.FORMAT_UNSUPPORTED: "start an island whose engine loads the cargo's model format",
    Refusal.REGION_EXCLUDED: "submit without a region, or start an island there",
    Refusal.SAME_OWNER: "wait for an island of another owner: results are compared across owners",
    Refusal.PRIVACY_TIER: "start an island of your own, or submit with a lower privacy tier",
    Refusal.UNSIGNED: "start an island with keys of its own: archipelago island join URL",
    Refusal.TRUST_REFUSED: "use a cargo of a higher trust level; the owner takes no lower one",
    Refusal.ASK_ABOVE_BID: "submit again with a higher --bid",
    Refusal.TRIED_BEFORE: "start another island: this job failed there before",
    Refusal.AT_CAPACITY: "wait for a free slot, or start another island",
}
TERMS: Final = (
    "speed",
    "fit",
    "headroom",
    "warm",
    "region",
    "affinity",
    "karma",
    "failures",
    "price",
    "total",
)


def show_placement(placement: dict[str, Any]) -> None:
    """Every attempt with its candidates and refusals; then what a job waits for, or where to read why it failed."""
    for attempt in placement.get("attempts", []):
        show_attempt(attempt)
    if reasons := placement.get("queue_reasons"):
        say("The job waits. No island takes it now:")
        show_refusals(reasons)
    elif text := standing_text(placement):
        say(text)


def standing_text(placement: Mapping[str, Any]) -> str | None:
    """What the attempts alone do not say."""
    match placement["state"], bool(placement.get("attempts")):
        case "submitted", True:
            return "The job waits and was not placed again yet. Look again in a moment."
        case "submitted", False:
            return (
                "The job waits and was not placed yet. Look again in a moment; "
                "where no island has joined so far: archipelago island join URL"
            )
        case "failed", _:
            return f"The job failed and is not tried again. Why: archipelago job show {placement['job_id']}"
        case "cancelled", False:
            return "The job was cancelled before it was placed."
        case _:
            return None


def show_attempt(attempt: dict[str, Any]) -> None:
    winner = attempt.get("winner") or {}
    name = winner.get("name") or attempt["host_id"]
    say(f"Attempt {attempt['attempt']} ran on {name} for {attempt['price']} credits{ending_text(attempt)}.")
    say(f"Islands looked at: {attempt['considered']}. The best that could take it:")
    show_table(
        ("ISLAND", "LEVEL", *(f">{term.upper()}" for term in TERMS), ">ASK"),
        (candidate_row(candidate, attempt["host_id"]) for candidate in attempt["candidates"]),
    )
    say(
        "Speed, fit and headroom are points of 100, weighted by the runtime; the others are added as they are."
    )
    if attempt["refusals"]:
        say("Refused:")
        show_refusals(attempt["refusals"])


def ending_text(attempt: Mapping[str, Any]) -> str:
    if "ending" not in attempt:
        return " and is under way"
    notes = ", ".join(attempt[name] for name in ("code", "grade") if attempt.get(name))
    return f" and ended: {attempt['ending']}" + (f" ({notes})" if notes else "")


def candidate_row(candidate: Mapping[str, Any], winner_id: str) -> Sequence[object]:
    mark = "* " if candidate["island_id"] == winner_id else "  "
    terms = (f"{candidate[term]:.2f}" for term in TERMS)
    return (mark + candidate["name"], candidate["level"], *terms, f"{candidate['ask_micro'] / 1_000_000:g}")


def show_refusals(refusals: Sequence[Mapping[str, Any]]) -> None:
    rows = ((refusal["count"], refusal["code"], remedy(refusal["code"])) for refusal in refusals)
    show_table((">ISLANDS", "REFUSED BECAUSE", "WHAT WOULD CHANGE IT"), rows)


def remedy(code: str) -> str:
    """Empty for a code that this version does not know."""
    return REMEDIES[Refusal(code)] if code in set(Refusal) else ""
