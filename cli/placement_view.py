"""Why a job ran where it ran, or why it waits: the recorded decision of the placement, on a terminal.

Used by `archipelago job why` and the demo. What would change a refusal is said here, one sentence for each code.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cli.terminal import say, show_table
from domain.check_draw import CheckReason
from domain.failure import Loss
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
    Refusal.CATEGORY_REFUSED: "start an island that takes such cargos; these owners do not",
    Refusal.ASK_ABOVE_BID: "submit again with a higher --bid",
    Refusal.TRIED_BEFORE: "start another island: this job failed there before",
    Refusal.AT_CAPACITY: "wait for a free slot, or start another island",
}
LOSSES: Final[Mapping[str, str]] = {
    Loss.LEASE_LOST: "the island fell silent, and its lease ended",
    Loss.NEVER_STARTED: "the island never said that it began",
    Loss.ISLAND_BARRED: "the island was barred, removed or revoked meanwhile",
    Loss.CARGO_DISABLED: "the cargo was switched off for everybody",
}
REASONS: Final[Mapping[str, str]] = {
    CheckReason.REDUNDANCY: "you asked for several runs",
    CheckReason.NEWCOMER: "the island had too few confirmed results",
    CheckReason.SAMPLED: "drawn by lot",
    CheckReason.TIE_BREAK: "two runs differed",
    CheckReason.RECHECK: "the island was wrong about another job",
    CheckReason.KNOWN_ANSWER: "its answer was known",
}
ID_CHARACTERS: Final = 12
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
    """Every attempt with its candidates and refusals; what a job waits for or failed of; and why it cost so much."""
    for attempt in placement.get("attempts", []):
        show_attempt(attempt)
    if reasons := placement.get("queue_reasons"):
        say("The job waits. No island takes it now:")
        show_refusals(reasons)
    elif text := standing_text(placement):
        say(text)
    if charge := placement.get("charge"):
        say(charge_text(charge))
    for repayment in placement.get("repayments", []):
        say(repayment_text(repayment))
    if verdict := placement.get("verdict"):
        show_verdict(verdict, placement["job_id"])


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
            return f"The job failed and is not tried again: {failure_text(placement)}"
        case "cancelled", False:
            return "The job was cancelled before it was placed."
        case _:
            return None


def show_attempt(attempt: dict[str, Any]) -> None:
    winner = attempt.get("winner") or {}
    name = winner.get("name") or attempt["host_id"]
    say(f"Attempt {attempt['attempt']} {ending_text(attempt, name)}")
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


def failure_text(placement: Mapping[str, Any]) -> str:
    code, text = placement.get("error_code", ""), placement.get("error", "")
    return f"{code}: {text}" if text and text != code else str(code)


def ending_text(attempt: Mapping[str, Any], name: str) -> str:
    """Where it went and what became of it there. Only one that succeeded is said to have a price."""
    asked = f"which asked {attempt['price']} credits"
    code, detail = attempt.get("code", ""), attempt.get("detail", "")
    match attempt.get("ending"):
        case None:
            return f"is under way on {name}, {asked}."
        case "succeeded":
            return f"ran on {name}, {asked}, and succeeded ({attempt.get('grade', 'unsigned')})."
        case "lost":
            return f"was lost on {name} ({code}): {LOSSES.get(code, 'its island gave no more sign')}. It cost nothing."
        case "returned":
            return f"was given back by {name} ({code}). It cost nothing."
        case "failed":
            because = f": {detail}" if detail and detail != code else ""
            return f"failed on {name} ({code}){because}. It cost nothing."
        case ending:
            return f"ran on {name}, {asked}, and was {ending}."


def charge_text(charge: Mapping[str, Any]) -> str:
    """Why it cost that much, down to who got it and the event that booked it."""
    match charge["standing"]:
        case "held":
            return f"Its bid of {charge['bid']} credits is held; what is not charged comes back when it ends."
        case "released":
            return f"It cost nothing: all of its bid of {charge['bid']} credits came back."
        case "unsettled":
            return f"Nothing is booked yet: its bid of {charge['bid']} credits is still held."
        case _:
            return settled_text(charge)


def settled_text(charge: Mapping[str, Any]) -> str:
    said = f"It cost {charge['charged']} credits: the island's ask"
    if charge.get("unit", "job") != "job":
        said += f" of {charge['ask']} a {charge['unit'].replace('_', ' ')}, times {charge['units']}"
    if charge.get("capped_by_bid"):
        said += f", cut to the bid of {charge['bid']}"
    said += f". {charge['released']} of the bid of {charge['bid']} came back.\n"
    return said + (
        f"Of it the platform got {charge['platform_fee']}, the publisher {charge['publisher']}, the island "
        f"{charge['island']}, by price rules {charge['price_rules_version']} (event {charge['event']})."
    )


def repayment_text(repayment: Mapping[str, Any]) -> str:
    """What came back after the end, why, and where that is recorded."""
    if repayment["kind"] == "refunded":
        return (
            f"{repayment['amount']} credits of it were refunded (event {repayment['event']}, "
            f"for settlement {repayment['original']})."
        )
    return (
        f"The network paid {repayment['amount']} credits because the job was {repayment['reason']}, by compensation "
        f"rules {repayment['compensation_rules_version']} (event {repayment['event']}). "
        f"The attempts that ended: events {', '.join(repayment['evidence'])}."
    )


def show_verdict(verdict: Mapping[str, Any], job_id: str) -> None:
    """What comparing the runs came to, a line for each run."""
    say(
        f"Its result was compared ({REASONS.get(verdict['reason'], verdict['reason'])}): {verdict['outcome']}."
    )
    if verdict["answer_id"] != job_id:
        say(f"The output is that of run {verdict['answer_id']}.")
    runs = (
        (run["job_id"], run.get("host_name") or run.get("host_id") or "", run["vote"])
        for run in verdict["runs"]
    )
    show_table(("RUN", "ISLAND", "VOTE"), runs)


def candidate_row(candidate: Mapping[str, Any], winner_id: str) -> Sequence[object]:
    mark = "* " if candidate["island_id"] == winner_id else "  "
    terms = (f"{candidate[term]:.2f}" for term in TERMS)
    return (mark + candidate["name"], candidate["level"], *terms, f"{candidate['ask_micro'] / 1_000_000:g}")


def show_refusals(refusals: Sequence[Mapping[str, Any]]) -> None:
    rows = (
        (refusal["count"], refusal["code"], example_text(refusal), remedy(refusal["code"]))
        for refusal in refusals
    )
    show_table((">ISLANDS", "REFUSED BECAUSE", "FOR EXAMPLE", "WHAT WOULD CHANGE IT"), rows)


def example_text(refusal: Mapping[str, Any]) -> str:
    """The island's name, or the beginning of its id where it has left since."""
    name, island_id = refusal.get("example_name"), str(refusal.get("example", ""))
    return str(name or shortened_id(island_id))


def shortened_id(island_id: str) -> str:
    return island_id if len(island_id) <= ID_CHARACTERS else f"{island_id[:ID_CHARACTERS]}…"


def remedy(code: str) -> str:
    """Empty for a code that this version does not know."""
    return REMEDIES[Refusal(code)] if code in set(Refusal) else ""
