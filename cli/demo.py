"""`archipelago demo`: the whole promise once, on this machine, in a directory that is gone afterwards."""

import asyncio
import sys
import time
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

import typer

from cli.failure import CommandFailed, ExitCode
from cli.options import AsJson
from cli.terminal import note, say, show_json
from cli.typed_name import program
from cli.up import told_of_servers

if TYPE_CHECKING:
    from cli.demo_result import DemoResult
    from cli.local_network import LocalNetwork

WITHIN_S: Final = 50.0
"""Stopping everything takes a few seconds more; the whole stays under a minute."""


def demo(as_json: AsJson = False) -> None:
    """Show it all once: start a network, run jobs over real files, explain one of them, check the books, stop.

    Takes under a minute and leaves nothing behind. With --json the story goes to stderr and the result to stdout. Exit
    code 1 where anything differs from what it should be.
    """
    from cli.local_directory import failures_in_words

    started = time.monotonic()
    with failures_in_words(), redirect_stdout(sys.stderr if as_json else sys.stdout), told_of_servers(say):
        result = asyncio.run(run(started))
    if result is None:
        raise typer.Exit(ExitCode.INTERRUPTED)
    if as_json:
        show_json(asdict(result))
    if not result.ok:
        raise typer.Exit(ExitCode.FAILED)


async def run(started: float) -> "DemoResult | None":
    """The result, or None where it was interrupted. Everything is stopped and removed in either case."""
    from cli.local_directory import locked, temporary_directory
    from cli.local_network import LocalNetwork, Wishes
    from cli.stop_signals import until_told_to_stop

    results: list[DemoResult] = []
    with temporary_directory() as directory, locked(directory, "archipelago demo") as lock:
        network = LocalNetwork(directory, lock, Wishes(port=0), indented)

        async def show() -> None:
            say("1. A whole network on this machine")
            async with asyncio.timeout(WITHIN_S), network:
                results.append(await network.during(tour(network)))
                say("\n5. Stop, and leave nothing behind")

        try:
            was_stopped = await until_told_to_stop(
                show(), on_first=lambda: note("Interrupted: stopping everything."), on_second=network.hurry
            )
        except TimeoutError as error:
            raise CommandFailed(f"demo: was not done after {WITHIN_S:.0f} s") from error
    if was_stopped:
        return None
    result = replace(results[0], seconds=round(time.monotonic() - started, 1))
    conclude(result)
    return result


async def tour(network: "LocalNetwork") -> "DemoResult":
    """Runs the jobs, tells what became of one of them, and checks the books."""
    from cli.books import Books
    from cli.demo_jobs import chosen_files, hash_files, settled_jobs
    from cli.demo_result import demo_result
    from cli.demo_story import show_books, show_one_job

    files = chosen_files()
    say(f"\n2. {len(files)} jobs: hash files of this program, and compare with what this computer says")
    submitting_s = time.monotonic()
    hashed = await hash_files(network.coordinator, files, say)
    jobs = await settled_jobs(network.coordinator)
    say("\n3. One of them, looked at closely")
    await show_one_job(network.coordinator, hashed[-1].job_id)
    say("\n4. The books")
    books = Books(*network.books)
    compared = await books.verify()
    result = demo_result(
        hashed,
        jobs,
        compared,
        events=await books.events(),
        ledger_sum_micro=await books.ledger_sum_micro(),
        submitting_s=submitting_s,
    )
    show_books(result, compared)
    return result


def conclude(result: "DemoResult") -> None:
    """The last word of the story."""
    if result.ok:
        say(f"\nAll is as it should be, after {result.seconds:.0f} s. Start your own: {program()} up")
    else:
        say("\nSomething differs from what it should be: compare the figures above.")


def indented(line: str) -> None:
    say(f"  {line}")
