"""`archipelago workflow …`: jobs that feed each other, described in a file of JSON."""

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from cli.api_key import without_data
from cli.failure import ExitCode, wrong_usage
from cli.job_options import IdempotencyKey
from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import note, show_fields, show_json, show_table

if TYPE_CHECKING:
    from cli.coordinator import Coordinator

app = typer.Typer(help="Workflows: jobs that feed each other.")

LOOK_S: Final = 0.5
RUNNING: Final = "running"
OVER: Final = frozenset({"succeeded", "failed", "cancelled", "skipped"})

WorkflowId = Annotated[str, typer.Argument(metavar="WORKFLOW", help="Its id, as `workflow submit` shows it.")]


@app.command("submit")
def submit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What to run: JSON with name and definition.")],
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Wait for the end, and say how each step ended.")
    ] = False,
    idempotency_key: IdempotencyKey = "",
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Submit a workflow. With --follow exit code 1 where it does not succeed."""
    from cli.coordinator import ask

    body = read_workflow(file)

    async def run(coordinator: "Coordinator") -> dict[str, Any]:
        begun = await coordinator.post("/workflows", body, idempotency_key=idempotency_key)
        return await followed(coordinator, begun) if follow else begun

    found = ask(url, key, data_dir, run)
    show_workflow(found, as_json=as_json)
    if not follow and not as_json:
        note(f"Submitted. See how it stands with: archipelago workflow show {found['id']}")
    if follow and found["state"] != "succeeded":
        raise typer.Exit(ExitCode.FAILED)


@app.command("show")
def show(
    workflow_id: WorkflowId, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Show where each step stands, and the job that it became."""
    from cli.coordinator import ask

    found = ask(url, key, data_dir, lambda coordinator: coordinator.get(path_of(workflow_id)))
    show_workflow(found, as_json=as_json)


@app.command("cancel")
def cancel(
    workflow_id: WorkflowId, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Cancel a workflow: its jobs are cancelled and nothing further starts. Repeating it changes nothing."""
    from cli.coordinator import ask

    found = ask(url, key, data_dir, lambda coordinator: coordinator.delete(path_of(workflow_id)))
    show_workflow(found, as_json=as_json)


def read_workflow(file: Path) -> dict[str, Any]:
    """Raises CommandFailed."""
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except OSError as fault:
        raise wrong_usage("FILE", f"{file}: {fault.strerror}") from fault
    except ValueError as fault:
        raise wrong_usage("FILE", f"{file} is no JSON: {fault}") from fault
    if not isinstance(body, dict):
        raise wrong_usage("FILE", f"{file} must hold an object with name and definition")
    return body


async def followed(coordinator: "Coordinator", begun: dict[str, Any]) -> dict[str, Any]:
    """The workflow when it is over; tells each step as it ends."""
    found, told = begun, set[str]()
    while True:
        for step in found["steps"]:
            if step["state"] in OVER and step["key"] not in told:
                told.add(step["key"])
                note(f"{time.strftime('%H:%M:%S')} {step['key']}: {step['state']}")
        if found["state"] != RUNNING:
            return found
        await asyncio.sleep(LOOK_S)
        found = await coordinator.get(path_of(found["id"]))


def path_of(workflow_id: str) -> str:
    return f"/workflows/{quote(workflow_id, safe='')}"


def show_workflow(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(without_data(found))
        return
    show_fields((("workflow", found["id"]), ("name", found["name"]), ("state", found["state"])))
    show_table(
        ("STEP", "STATE", "CARGO", "JOB", "WHY"),
        [
            (
                step["key"],
                step["state"],
                step["workload"],
                step.get("job_id", ""),
                step.get("error", {}).get("message", ""),
            )
            for step in found["steps"]
        ],
    )
