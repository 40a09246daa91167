"""`archipelago marketplace pending|approve|reject|suspend|scan`: what staff decide on submissions.

Registered in `cli.marketplace`. Every command needs a key with the scope `admin`.
"""

from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import typer

from cli.cargo import price_text
from cli.cargo_trust import plain, tell
from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import say, show_json, show_table
from cli.typed_name import program

PATH: Final = "/admin/marketplace/submissions"
PRICED: Final = ("job", "second", "token")

SubmissionId = Annotated[
    str, typer.Argument(metavar="SUBMISSION", help="Its id, as `marketplace pending` shows it.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why. It is recorded, and the publisher reads it.")]


def pending(url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the submissions that wait for a decision (operator), the longest waiting first."""
    from cli.coordinator import PAGE_ROWS, ask

    answer = ask(url, key, data_dir, lambda asked: asked.get(f"{PATH}/pending", limit=PAGE_ROWS))
    if as_json:
        show_json([plain(row) for row in answer["submissions"]])
    elif not answer["submissions"]:
        say("No submission waits.")
    else:
        rows = (
            (
                row["id"],
                row["slug"],
                row["version"],
                row["runtime_type"],
                offered_price(row),
                row.get("security", {}).get("scan_status", ""),
                row["submitted_at"],
                row["account_id"],
                row["tagline"],
            )
            for row in answer["submissions"]
        )
        heads = (
            "SUBMISSION",
            "CARGO",
            "VERSION",
            "RUNTIME",
            ">CREDITS",
            "SCAN",
            "SINCE",
            "PUBLISHER",
            "IN SHORT",
        )
        show_table(heads, rows)


def offered_price(row: dict[str, Any]) -> str:
    """`0.5 a job`."""
    unit = next(unit for unit in PRICED if f"price_per_{unit}" in row)
    return price_text({"price_unit": unit, "pricing": {f"per_{unit}": row[f"price_per_{unit}"]}})


def approve(
    submission: SubmissionId, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Publish what was submitted (operator), or let a suspended cargo run again."""
    answer = decide(submission, "approve", {}, url=url, key=key, data_dir=data_dir)
    runs = f"{answer['slug']} is published: {program()} marketplace show {answer['slug']}"
    stopped = f"{answer['slug']} is published but disabled. To let it run: {program()} cargo revive {answer['slug']}"
    tell(answer, runs if answer["workload_enabled"] else stopped, as_json=as_json)


def reject(
    submission: SubmissionId,
    reason: Reason,
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say no to a submission (operator). Its publisher may change it and submit it again."""
    answer = decide(submission, "reject", {"reason": reason}, url=url, key=key, data_dir=data_dir)
    tell(answer, f"{answer['slug']} is rejected.", as_json=as_json)


def suspend(
    submission: SubmissionId,
    reason: Reason,
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Stop the cargo of an approved submission (operator): its jobs end now, and nobody is charged for them."""
    answer = decide(submission, "suspend", {"reason": reason}, url=url, key=key, data_dir=data_dir)
    undo = f"To undo it: {program()} marketplace approve {submission}"
    tell(answer, f"{answer['slug']} is stopped. {undo}", as_json=as_json)


def scan(
    submission: SubmissionId,
    result: Annotated[
        Literal["passed", "failed"], typer.Argument(metavar="RESULT", help="passed or failed.")
    ],
    *,
    vulnerabilities: Annotated[int, typer.Option(min=0, help="How many were found.")] = 0,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Record what a scanner of yours said (operator). What failed is not approved before another scan passes."""
    body = {"status": result, "vulnerabilities": vulnerabilities}
    answer = decide(submission, "scan", body, url=url, key=key, data_dir=data_dir)
    tell(answer, f"Recorded: the scan {result}.", as_json=as_json)


def decide(
    submission: str, what: str, body: dict[str, Any], *, url: str, key: str, data_dir: DataDir
) -> dict[str, Any]:
    from cli.coordinator import ask

    path = f"{PATH}/{quote(submission, safe='')}/{what}"
    return ask(url, key, data_dir, lambda coordinator: coordinator.post(path, body))
