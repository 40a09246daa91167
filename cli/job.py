"""`archipelago job …`: submit jobs, follow their output, ask what became of them and why."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.job_options import (
    Bid,
    Follow,
    IdempotencyKey,
    InputBytes,
    InputFile,
    InputJson,
    Priority,
    PrivacyTier,
    Redundancy,
    Region,
)
from cli.options import AsJson, DataDir, JobId, Key, Url
from cli.terminal import note, say, show_json
from cli.typed_name import program

app = typer.Typer(help="Jobs: submit them, follow their output, ask why.")


@app.command("submit")
def submit(
    cargo: Annotated[str, typer.Argument(metavar="CARGO", help="What to run; see `archipelago cargo list`.")],
    *,
    input_json: InputJson = "",
    input_file: InputFile = None,
    file: InputBytes = None,
    bid: Bid = "",
    priority: Priority = None,
    redundancy: Redundancy = 1,
    region: Region = "",
    privacy_tier: PrivacyTier = 0,
    idempotency_key: IdempotencyKey = "",
    follow: Follow = False,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Submit a job. The bid is held until it ends; what is not charged comes back."""
    from cli.account import warn_after
    from cli.coordinator import Coordinator, ask
    from cli.job_input import read_input
    from cli.job_output import exit_unless_succeeded, show_output

    body: dict[str, Any] = {"workload": cargo, "input": read_input(input_json, input_file, file)}
    wishes: dict[str, tuple[Any, Any]] = {
        "bid_price": (bid, ""),
        "priority": (priority, None),
        "redundancy": (redundancy, 1),
        "region": (region, ""),
        "privacy_tier": (privacy_tier, 0),
    }
    body |= {name: wish for name, (wish, default) in wishes.items() if wish != default}

    async def run(coordinator: Coordinator) -> dict[str, Any]:
        job = await coordinator.post("/jobs", body, idempotency_key=idempotency_key)
        await warn_after(coordinator, job["position"])
        if not follow:
            return job
        note(f"Job {job['id']} is submitted.")
        return await show_output(coordinator, job["id"], from_start=True, quiet=as_json)

    job = ask(url, key, data_dir, run)
    if as_json:
        show_json(without_data(job))
    if follow:
        exit_unless_succeeded(job)
    elif not as_json:
        say(job["id"])
        note(f"Submitted. Follow it with: {program()} job follow {job['id']}")


@app.command("list")
def list_jobs(
    *,
    status: Annotated[str, typer.Option(help="Only jobs in this state, e.g. running or failed.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many, newest first.")] = 20,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List your jobs, newest first."""
    from cli.coordinator import ask
    from cli.job_views import show_jobs

    query: dict[str, str | int] = {"limit": limit} | ({"status": status} if status else {})
    answer = ask(url, key, data_dir, lambda coordinator: coordinator.get("/jobs", **query))
    if as_json:
        show_json([without_data(job) for job in answer["jobs"]])
    elif not answer["jobs"]:
        say(f"No jobs. Submit one with: {program()} job submit CARGO --input JSON")
    else:
        show_jobs(answer["jobs"])


@app.command("get")
def get(job: JobId, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show one job: where it stands, what it cost, what it said."""
    from cli.coordinator import ask
    from cli.job_views import show_job

    found = ask(url, key, data_dir, lambda coordinator: coordinator.get(path(job)))
    if as_json:
        show_json(without_data(found))
    else:
        show_job(found)


@app.command("follow")
def follow(
    job: JobId,
    *,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Show everything, not only what is new.")
    ] = False,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show a job's output as it comes, until it ends. After Ctrl-C the next `follow` goes on at the exact line.

    Exit code 1 where the job failed.
    """
    from cli.coordinator import ask
    from cli.job_output import exit_unless_succeeded, show_output

    ended = ask(
        url,
        key,
        data_dir,
        lambda coordinator: show_output(coordinator, job, from_start=from_start, quiet=as_json),
    )
    if as_json:
        show_json(without_data(ended))
    exit_unless_succeeded(ended)


@app.command("cancel")
def cancel(
    job: JobId, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Cancel a job. Before its first output nothing is charged."""
    from cli.coordinator import ask

    answer = ask(url, key, data_dir, lambda coordinator: coordinator.delete(path(job)))
    if as_json:
        show_json(without_data(answer))
    else:
        say(f"Job {answer['id']} is {answer['state']}.")


@app.command("why")
def why(job: JobId, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show why a job ran where it ran: every term of the best candidates, and who was refused for what reason.

    For a waiting job: what refuses it, and what would change that.
    """
    from cli.coordinator import ask
    from cli.placement_view import show_placement

    answer = ask(url, key, data_dir, lambda coordinator: coordinator.get(path(job, "/placement")))
    if as_json:
        show_json(without_data(answer))
    else:
        show_placement(answer)


@app.command("events")
def events(
    job: JobId, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Show what is recorded about a job: its facts, the claims that did not count, what was booked."""
    from cli.coordinator import ask
    from cli.job_views import show_timeline

    answer = ask(url, key, data_dir, lambda coordinator: coordinator.get(path(job, "/timeline")))
    if as_json:
        show_json(without_data(answer))
    else:
        show_timeline(answer)


def path(job_id: str, below: str = "") -> str:
    """The job's address in the API; whatever was typed stays one segment of it."""
    return f"/jobs/{quote(job_id, safe='')}{below}"


def without_data(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer once: `data` says the same again in another dialect."""
    return {name: value for name, value in answer.items() if name != "data"}
