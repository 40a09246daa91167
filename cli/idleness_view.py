"""Why an island gets no jobs, on a terminal: what was decided, what kept it out, and what its owner can do.

Used by `archipelago island why-idle`. Pure: an answer of the API in, lines out.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cli.job_views import clock_text
from cli.terminal import say, show_table
from domain.placement import Refusal

OFFLINE_WORTH_TELLING_PERCENT: Final = 5
REMEDIES: Final[Mapping[Refusal, str]] = {
    Refusal.NOT_CHOSEN: "nothing: those jobs were meant for one other island",
    Refusal.NOT_APPROVED: "pair it: archipelago island pair CODE",
    Refusal.SUSPENDED: "see what its karma says, then ask the operator: archipelago karma explain",
    Refusal.OFFLINE: "keep it running, and its connection up",
    Refusal.DRAINING: "let it work again: it was told to take nothing new",
    Refusal.COOLDOWN: "see its faults: archipelago karma explain",
    Refusal.RUNTIME_UNSUPPORTED: "install the engine of that runtime; it offers only what passed its self-test",
    Refusal.PLATFORM_MISMATCH: "nothing: those cargos run on other machines",
    Refusal.GPU_MISSING: "nothing, without a GPU",
    Refusal.VRAM_SHORT: "nothing, with this GPU",
    Refusal.RAM_SHORT: "lend it more memory",
    Refusal.CPU_SHORT: "lend it more cores",
    Refusal.DISK_SHORT: "free some disk",
    Refusal.FORMAT_UNSUPPORTED: "install an engine that loads that kind of model file",
    Refusal.REGION_EXCLUDED: "check its region; the customers chose another",
    Refusal.SAME_OWNER: "nothing: another owner's result was needed",
    Refusal.PRIVACY_TIER: "earn karma, with keys of its own; or the customer kept the job to their own islands",
    Refusal.UNSIGNED: "let it join with keys of its own: archipelago island join URL",
    Refusal.TRUST_REFUSED: "lower ARCHIPELAGO_ISLAND_TRUST_LEVEL_MIN",
    Refusal.CATEGORY_REFUSED: "change ARCHIPELAGO_ISLAND_CATEGORIES or ARCHIPELAGO_ISLAND_CATEGORIES_REFUSED",
    Refusal.ASK_ABOVE_BID: "ask less: ARCHIPELAGO_ISLAND_ASKS",
    Refusal.TRIED_BEFORE: "nothing: it had lost or failed those jobs before",
    Refusal.AT_CAPACITY: "nothing: it was busy; or lend more slots",
}


def show_idleness(answer: Mapping[str, Any], name: str) -> None:
    """Counts first, then who won instead, then what refused it, then what would have changed it."""
    since, until = clock_text(answer["since"]), clock_text(answer["until"])
    say(f"{name}, from {since} to {until}")
    if not answer["decided"]:
        say("No job was decided in this time, or the island was not there yet. Nothing kept it out.")
    else:
        say(
            f"{counted(answer['decided'])} decided: it won {answer['won']}, "
            f"others had more points for {answer['outscored']}, rules kept it out of {answer['refused']}."
        )
    if answer["lost_to"]:
        say("Lost by points:")
        rivals = ((row["count"], row["name"], row["term"], row["points"]) for row in answer["lost_to"])
        show_table((">JOBS", "TO", "MOSTLY BY", ">POINTS BEHIND"), rivals)
    if answer["refusals"]:
        say("Kept out:")
        show_table(
            (">JOBS", "BECAUSE", "FOR EXAMPLE", "WHAT YOU CAN DO"), map(refusal_row, answer["refusals"])
        )
    advice = list(advice_of(answer))
    if advice:
        say("What would have changed it:")
        for sentence in advice:
            say(f"- {sentence}")


def refusal_row(row: Mapping[str, Any]) -> tuple[object, ...]:
    example = row["example"]
    when = f"{example['workload']} at {example['at'][11:19]} ({example['position']})"
    known = row["code"] in set(Refusal)
    return (row["count"], row["code"], when, REMEDIES[Refusal(row["code"])] if known else "")


def advice_of(answer: Mapping[str, Any]) -> Iterator[str]:
    """Only where a number says how much it would have changed."""
    counts = {row["code"]: row["count"] for row in answer["refusals"]}
    if (price := answer.get("price")) is not None:
        said = (
            f"Its ask of {price['ask']} is above the bids of {price['above_bid']} of {answer['decided']} jobs"
        )
        if price["considered"]:
            said += f": at {price['suggested_ask']} it would have been considered for {price['considered']}"
        else:
            said += ", and other rules would have kept it out of those all the same"
        yield f"{said}."
    if answer["offline_percent"] >= OFFLINE_WORTH_TELLING_PERCENT and counts.get(Refusal.OFFLINE):
        missed = times(counts, Refusal.OFFLINE)
        yield f"It was offline {answer['offline_percent']}% of the time, and {missed} passed it by."
    if counts.get(Refusal.TRUST_REFUSED):
        yield (
            f"It takes trust level {answer['trust_level_min']} and above only, "
            f"which refused {times(counts, Refusal.TRUST_REFUSED)}."
        )
    if answer["outscored"] and answer["lost_to"]:
        first = answer["lost_to"][0]
        yield (
            f"{first['name']} was {first['points']:g} points ahead on average, mostly by {first['term']}: "
            f"{TERM_REMEDIES.get(first['term'], 'nothing you can set')}."
        )


TERM_REMEDIES: Final = {
    "speed": "a faster engine or machine",
    "fit": "memory that such jobs fill to half or more",
    "headroom": "more free slots",
    "warm": "a cache that keeps the cargos of jobs it had",
    "region": "nearer to the customers",
    "affinity": "it comes with the first job of a customer",
    "karma": "it comes with work done well",
    "failures": "fewer failed attempts in the last ten minutes",
    "price": "a lower ask",
}


def times(counts: Mapping[str, int], code: str) -> str:
    count = counts.get(code, 0)
    return "1 job" if count == 1 else f"{count} jobs"


def counted(jobs: int) -> str:
    return "1 job was" if jobs == 1 else f"{jobs} jobs were"
