"""`archipelago marketplace submit|submissions|withdraw`: a publisher's side of a submission.

Registered in `cli.marketplace`. What is submitted is the folder of a cargo as `archipelago cargo publish` takes it;
submitting it again after a change rewrites what was rejected.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from cli.cargo_trust import plain
from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import say, show_json, show_table
from cli.typed_name import program

if TYPE_CHECKING:
    from cli.coordinator import Coordinator

PATH: Final = "/marketplace/submissions"
CHANGEABLE: Final = ("draft", "rejected")

SubmissionId = Annotated[
    str, typer.Argument(metavar="SUBMISSION", help="Its id, as `marketplace submissions` shows it.")
]
Answer = dict[str, Any]


def submit(
    manifest: Annotated[
        Path,
        typer.Argument(help="The cargo's manifest.json; its artifact lies beside it.", metavar="MANIFEST"),
    ],
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Submit a cargo for the marketplace: staff read it, and approved it is published."""
    from cli.coordinator import ask

    answer = ask(url, key, data_dir, lambda coordinator: hand_in(coordinator, manifest))
    if as_json:
        show_json(plain(answer))
        return
    say(f"Submitted {answer['slug']} {answer['version']} as {answer['id']}; it waits for staff.")
    say(f"How it stands: {program()} marketplace submissions")


async def hand_in(coordinator: "Coordinator", path: Path) -> Answer:
    """The submission as it waits for staff. Repeating it changes nothing. Raises CommandFailed."""
    from cli.publication import MANIFEST, read_artifact, read_manifest
    from cli.submission_manifest import digest_of, submission_of

    path = path / MANIFEST if path.is_dir() else path
    manifest = read_manifest(path)
    digest, content = read_artifact(path, manifest)
    fields = submission_of(manifest, digest)
    await coordinator.put(f"/artifacts/{digest}", content)
    body = {"submission": fields}
    known = await changeable(coordinator, fields)
    if known is None:
        drafted = await coordinator.post(PATH, body, idempotency_key=f"submit {digest_of(fields)}")
    else:
        drafted = await coordinator.put_json(f"{PATH}/{known}", body)
    return await coordinator.post(f"{PATH}/{drafted['id']}/submit", {})


async def changeable(coordinator: "Coordinator", fields: Answer) -> str | None:
    """The id of a draft or a rejected submission of this very version."""
    from cli.coordinator import PAGE_ROWS

    for status in CHANGEABLE:
        found = await coordinator.get(PATH, status=status, limit=PAGE_ROWS)
        for row in found["submissions"]:
            if (row["slug"], row["version"]) == (fields["slug"], fields["version"]):
                return str(row["id"])
    return None


def submissions(url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List your submissions, newest first, with what staff decided and why."""
    from cli.coordinator import PAGE_ROWS, ask

    answer = ask(url, key, data_dir, lambda coordinator: coordinator.get(PATH, limit=PAGE_ROWS))
    if as_json:
        show_json([plain(row) for row in answer["submissions"]])
    elif not answer["submissions"]:
        say(f"You have submitted nothing yet. Submit a cargo: {program()} marketplace submit MANIFEST")
    else:
        rows = (
            (row["id"], row["slug"], row["version"], row["status"], row["updated_at"], row.get("reason", ""))
            for row in answer["submissions"]
        )
        show_table(("SUBMISSION", "CARGO", "VERSION", "STATUS", "SINCE", "BECAUSE"), rows)


def withdraw(
    submission: SubmissionId, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Take back a submission that is not published yet."""
    from cli.coordinator import ask

    answer = ask(url, key, data_dir, lambda coordinator: coordinator.delete(path_of(submission)))
    if as_json:
        show_json(plain(answer))
    else:
        say(f"{answer['slug']} {answer['version']} is withdrawn.")


def path_of(submission: str) -> str:
    return f"{PATH}/{quote(submission, safe='')}"
