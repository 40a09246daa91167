"""A job's output on the terminal, as it comes, and how the job ended.

Used by `archipelago job follow` and `job submit --follow`. The output goes to stdout, what is said about it to stderr.
"""

import asyncio
import time
from typing import Any, Final, assert_never
from urllib.parse import quote

import typer

from cli.bookmark import Bookmark
from cli.coordinator import Coordinator
from cli.failure import ExitCode
from cli.follow import Forgotten, Piece, PieceKind, follow
from cli.terminal import note, say
from cli.typed_name import program

SETTLED_WITHIN_S: Final = 5.0
POLL_S: Final = 0.05
ENDED_UNPAID: Final = frozenset({"failed", "cancelled"})
ENDED: Final = ENDED_UNPAID | {"succeeded"}


async def show_output(
    coordinator: Coordinator, job_id: str, *, from_start: bool, quiet: bool
) -> dict[str, Any]:
    """Shows the output from where it was left, or from the start, to its end; the ended job.

    `quiet` shows nothing and only waits. Exits with FAILED where the job did not succeed and with INTERRUPTED after
    Ctrl-C. Raises CommandFailed.
    """
    bookmark = Bookmark(coordinator.url, job_id)
    if from_start:
        bookmark.remove()
    screen = Screen(quiet=quiet)
    try:
        async for piece in follow(coordinator, job_id, Forgotten() if quiet else bookmark):
            screen.show(piece)
    except asyncio.CancelledError:
        screen.end_line()
        if not quiet:
            note(f"Interrupted; the job goes on. Resume here with: {program()} job follow {job_id}")
        raise
    screen.end_line()
    job = await ended_job(coordinator, job_id)
    if not quiet:
        note(ending(job))
    return job


async def ended_job(coordinator: Coordinator, job_id: str) -> dict[str, Any]:
    """The job as it ended, and as it was paid where it succeeded.

    The stream is ahead of what can be queried, and the settlement comes behind the success; after SETTLED_WITHIN_S the
    job is shown as it is.
    """
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while True:
        job = await coordinator.get(f"/jobs/{quote(job_id, safe='')}")
        if is_settled(job) or time.monotonic() > deadline:
            return job
        await asyncio.sleep(POLL_S)


def is_settled(job: dict[str, Any]) -> bool:
    """Whether a job has ended and, where it succeeded, was paid."""
    return job["state"] in ENDED_UNPAID or (job["state"] == "succeeded" and "charged" in job)


def ending(job: dict[str, Any]) -> str:
    """How it ended, in a sentence, with what to look at next."""
    charged = f", {job['charged']} credits charged" if "charged" in job else ""
    if job["state"] == "succeeded":
        return f"The job succeeded{charged}. Why there: {program()} job why {job['id']}"
    reason = f": {job['error']}" if job.get("error") else ""
    return f"The job is {job['state']}{reason}{charged}. What happened: {program()} job events {job['id']}"


class Screen:
    """What has been shown, so that notes never end up in the middle of a line of output."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._is_in_line = False

    def show(self, piece: Piece) -> None:
        if self._quiet:
            return
        match piece.kind:
            case PieceKind.CHUNK:
                if piece.text:
                    say(piece.text, end="")
                    self._is_in_line = not piece.text.endswith("\n")
            case PieceKind.STATE:
                if piece.fields.get("state") not in ENDED:
                    self._note(f"The job is {piece.fields.get('state', '')}.")
            case PieceKind.PROGRESS:
                self._note(f"Step {piece.fields.get('step', 0)} of {piece.fields.get('total', 0)}.")
            case PieceKind.RESTARTED:
                self._note("Another attempt says something else; its output begins again.")
            case PieceKind.COMPLETE | PieceKind.ERROR:
                pass
            case _:
                assert_never(piece.kind)

    def end_line(self) -> None:
        """Close a line of output that its cargo left open."""
        if self._is_in_line:
            say()
            self._is_in_line = False

    def _note(self, text: str) -> None:
        self.end_line()
        note(text)


def exit_unless_succeeded(job: dict[str, Any]) -> None:
    """The exit code of a command that waited for a job."""
    if job["state"] != "succeeded":
        raise typer.Exit(ExitCode.FAILED)
