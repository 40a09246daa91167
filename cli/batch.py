"""`archipelago batch …`: run one cargo on many inputs and get one result."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import note, say, show_json
from cli.typed_name import program

app = typer.Typer(help="Batches: many inputs at once, one result.")

BatchId = Annotated[str, typer.Argument(metavar="BATCH", help="The batch's id.")]


class MergeWord(StrEnum):
    CONCAT = "concat"  # One text behind the other; arrays end to end.
    FLATTEN = "flatten"  # One JSON array of all outputs.


class FailWord(StrEnum):
    BEST_EFFORT = "best_effort"  # The others go on.
    FAIL_FAST = "fail_fast"  # The others are cancelled.


@app.command("submit")
def submit(
    cargo: Annotated[str, typer.Argument(metavar="CARGO", help="What to run; see `archipelago cargo list`.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The inputs: one JSON object a line, 100 at most.")
    ],
    *,
    merge: Annotated[MergeWord, typer.Option(help="How the outputs become one.")] = MergeWord.CONCAT,
    on_failure: Annotated[
        FailWord, typer.Option(help="What one failed part means for the others.")
    ] = FailWord.BEST_EFFORT,
    at_once: Annotated[int | None, typer.Option(min=1, max=100, help="How many parts run at once.")] = None,
    bid: Annotated[
        str, typer.Option(metavar="CREDITS", help="The most you pay for each input. Default: the cargo's.")
    ] = "",
    idempotency_key: Annotated[
        str, typer.Option(metavar="TEXT", help="Submitting again with the same text finds the same batch.")
    ] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for the end and show it.")] = False,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Submit many inputs as one batch. The bids of all are held; what is not charged comes back."""
    from cli.batch_inputs import read_inputs
    from cli.batch_views import show_batch, show_progress
    from cli.coordinator import Coordinator, ask

    body: dict[str, Any] = {
        "workload": cargo,
        "inputs": read_inputs(file),
        "merge_strategy": merge,
        "fail_mode": on_failure,
    }
    body |= {"max_parallelism": at_once} if at_once else {}
    body |= {"bid_price": bid} if bid else {}

    async def run(coordinator: Coordinator) -> dict[str, Any]:
        batch = await coordinator.post("/jobs/batch", body, idempotency_key=idempotency_key)
        if not follow:
            return batch
        note(f"Batch {batch['id']} is submitted.")
        await show_progress(coordinator, batch["id"], quiet=as_json)
        return await coordinator.get(path(batch["id"]))

    batch = ask(url, key, data_dir, run)
    if as_json:
        show_json(batch)
    elif follow:
        show_batch(batch)
    else:
        say(batch["id"])
        note(f"Submitted. See how it goes with: {program()} batch show {batch['id']}")
    if follow and batch["parent_state"] != "succeeded":
        raise typer.Exit(1)


@app.command("show")
def show(
    batch: BatchId, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Show where each part of a batch stands. Its output is that of the job: `archipelago job get BATCH`."""
    from cli.batch_views import show_batch
    from cli.coordinator import ask

    answer = ask(url, key, data_dir, lambda coordinator: coordinator.get(path(batch)))
    if as_json:
        show_json(answer)
    else:
        show_batch(answer)


def path(batch_id: str) -> str:
    """Its address in the API; whatever was typed stays one segment of it."""
    return f"/jobs/{quote(batch_id, safe='')}/batch-status"
