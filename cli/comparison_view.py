"""What a counterfactual came to, on a terminal: how much would have changed, for whom, and where.

Used by `archipelago placement replay`. Pure: a comparison in, lines out.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from cli.terminal import say, show_table
from commands.counterfactual import Comparison, Difference, Share, Turn
from domain.ids import IslandId
from domain.pricing import MICRO_PER_CREDIT

if TYPE_CHECKING:
    from cli.placement_replay import Replayed

BAR_COLUMNS: Final = 40
ISLANDS_SHOWN_MAX: Final = 20
ONE_STEP: Final = (
    "Each decision was made again on the fleet as it was recorded. That is one step: what a job that moves\n"
    "would have meant for the free slots, and so for the next job, is not followed."
)
TURNS: Final = {
    Turn.OTHER_ISLAND: "on another island",
    Turn.OTHER_PRICE: "on the same island at another price",
    Turn.NOW_PLACED: "placed, where they had waited",
    Turn.NOT_PLACED: "not placed: no island would have fitted",
}


def show_comparison(comparison: Comparison, unseen: int, differences_shown: int) -> None:
    say(f"{comparison.decided} decisions were made again.")
    show_left_out(comparison, unseen)
    if not any(comparison.different.values()):
        say("None of them would have come out otherwise.")
    else:
        say(f"{sum(comparison.different.values())} would have come out otherwise:")
        for turn, count in comparison.different.items():
            if count:
                say(f"  {count} {TURNS[turn]}")
    if comparison.shares:
        show_shares(comparison.shares)
    if comparison.differences and differences_shown:
        show_differences(comparison, comparison.differences[:differences_shown])
    say(ONE_STEP)


def show_left_out(comparison: Comparison, unseen: int) -> None:
    if comparison.of_old_rules:
        say(
            f"{comparison.of_old_rules} more were made by older rules, which are not kept; they are left out."
        )
    if comparison.not_reproduced:
        positions = ", ".join(map(str, comparison.examples))
        say(
            f"{comparison.not_reproduced} more do not come out as recorded even with the recorded rules "
            f"(positions {positions}); they are left out."
        )
    if unseen:
        say(f"{unseen} more were recorded without the position they were decided on; they are left out.")


def show_shares(shares: dict[IslandId, Share]) -> None:
    """By jobs before, most first: numbers, then the same as bars."""
    ordered = sorted(shares.values(), key=lambda share: (-share.jobs_before, share.name))
    shown = ordered[:ISLANDS_SHOWN_MAX]
    rows = (
        (
            share.name,
            share.jobs_before,
            share.jobs_after,
            signed(share.jobs_after - share.jobs_before),
            credits_text(share.micro_before),
            credits_text(share.micro_after),
            credits_text(share.micro_after - share.micro_before, is_signed=True),
        )
        for share in shown
    )
    show_table(("ISLAND", ">JOBS", ">SUPPOSED", ">CHANGE", ">CREDITS", ">SUPPOSED", ">CHANGE"), rows)
    if len(ordered) > len(shown):
        say(f"and {len(ordered) - len(shown)} islands more; --json has all of them")
    say("Jobs of each island, as it was (#) and as supposed (=):")
    for line in bars(shown):
        say(line)


def bars(shares: Sequence[Share]) -> list[str]:
    most = max(1, *(max(share.jobs_before, share.jobs_after) for share in shares))
    width = max(len(share.name) for share in shares)
    lines: list[str] = []
    for share in shares:
        for name, jobs, mark in ((share.name, share.jobs_before, "#"), ("", share.jobs_after, "=")):
            columns = -(-BAR_COLUMNS * jobs // most)
            lines.append(f"  {name:<{width}} |{mark * columns} {jobs}")
    return lines


def show_differences(comparison: Comparison, shown: Sequence[Difference]) -> None:
    names = {island_id: share.name for island_id, share in comparison.shares.items()}
    rows = (
        (
            one.position,
            one.job_id,
            placed_text(one.before, one.before_micro, names),
            placed_text(one.after, one.after_micro, names),
        )
        for one in shown
    )
    say(f"The first {len(shown)}:" if len(shown) > 1 else "The first one:")
    show_table((">POSITION", "JOB", "WAS", "WOULD HAVE BEEN"), rows)


def placed_text(island_id: IslandId | None, micro: int, names: dict[IslandId, str]) -> str:
    return "not placed" if island_id is None else f"{names[island_id]} for {credits_text(micro)}"


def credits_text(micro: int, *, is_signed: bool = False) -> str:
    text = f"{micro / MICRO_PER_CREDIT:.6f}".rstrip("0").rstrip(".")
    return f"+{text}" if is_signed and micro > 0 else text


def signed(number: int) -> str:
    return f"{number:+d}" if number else "0"


def replayed_json(found: "Replayed") -> dict[str, Any]:
    """All of it, for programs."""
    import msgspec

    about = {"from": found.first, "to": found.last, "unseen": found.unseen, "commits": found.commits}
    comparison: dict[str, Any] = msgspec.to_builtins(found.comparison)
    return about | {"seconds": round(found.seconds, 3)} | comparison
