"""How a batch looks on a terminal: its progress while one waits, and all of its parts."""

from collections.abc import Mapping
from typing import Any, Final

from cli.coordinator import Coordinator
from cli.follow import Forgotten, follow
from cli.job_output import Screen
from cli.terminal import say, show_table

BAR_CELLS: Final = 20


async def show_progress(coordinator: Coordinator, batch_id: str, *, quiet: bool) -> None:
    """Shows how many parts have ended, and the merged output at the end. Raises CommandFailed."""
    screen = Screen(quiet=quiet)
    async for piece in follow(coordinator, batch_id, Forgotten()):
        screen.show(piece)
    screen.end_line()


def show_batch(status: Mapping[str, Any]) -> None:
    """A line about all of them, then one for each."""
    children = status["children"]
    ended = sum(child["state"] in {"succeeded", "failed", "cancelled"} for child in children)
    counts = ", ".join(f"{count} {state}" for state, count in status["child_states"].items())
    error = f": {status['error']}" if "error" in status else ""
    say(f"Batch {status['parent_id']} is {status['parent_state']}{error}")
    say(f"[{bar(ended, len(children))}] {ended} of {len(children)} parts have ended: {counts}")
    say(f"{status['charged']} credits charged so far")
    say()
    rows = (
        (child["batch_index"], child["id"], child["state"], child.get("host_id", ""), child.get("error", ""))
        for child in children
    )
    show_table((">INPUT", "JOB", "STATE", "ISLAND", "ERROR"), rows)


def bar(done: int, total: int) -> str:
    """`done` of `total` as a line of cells."""
    filled = BAR_CELLS * done // total
    return "#" * filled + "." * (BAR_CELLS - filled)
