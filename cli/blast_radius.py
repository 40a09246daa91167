"""A blast radius page by page, what it comes to, and its repair job by job. Used by `archipelago audit`."""

import asyncio
import csv
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from cli.coordinator import Refused
from cli.terminal import note, printable, say, show_fields, show_table

if TYPE_CHECKING:
    from cli.coordinator import Coordinator

PAGE_ROWS: Final = 100
ROWS_SHOWN: Final = 50
TOLD_EVERY_JOBS: Final = 100
COLUMNS: Final = (
    "job_id",
    "account_id",
    "workload",
    "workload_version",
    "artifact_digest",
    "state",
    "created_at",
    "output_digest",
    "output_bytes",
    "output_stored",
    "charged",
    "refunded",
    "settlement",
    "rerun_id",
)
OF_THE_MOMENT: Final = frozenset({"rate_limited", "unavailable"})
"""Refusals that are not about the job."""
PAUSE_S: Final = 10.0
PAUSES_MAX: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """As typed; what is empty does not select."""

    cargo: str
    island: str
    since: str
    until: str

    def query(self) -> dict[str, str]:
        named = {"cargo": self.cargo, "island": self.island, "from": self.since, "to": self.until}
        return {name: value for name, value in named.items() if value}


async def touched_jobs(coordinator: "Coordinator", selection: Selection, limit: int) -> list[dict[str, Any]]:
    """At most `limit` jobs, oldest first; says where there are more."""
    jobs: list[dict[str, Any]] = []
    after = 0
    while True:
        page = await coordinator.get("/audit/touched", **selection.query(), after=after, limit=PAGE_ROWS)
        jobs += page["jobs"]
        if len(jobs) > limit:
            note(f"More than {limit} jobs were touched; these are the oldest.")
            return jobs[:limit]
        if page["count"] < PAGE_ROWS:
            return jobs
        after = page["position"]


def show_radius(jobs: list[dict[str, Any]]) -> None:
    """The sums first, then the jobs."""
    show_fields(
        (
            ("jobs", len(jobs)),
            ("accounts", len({job["account_id"] for job in jobs})),
            ("outputs", sum("output_digest" in job for job in jobs)),
            ("still stored", sum(job.get("output_stored", False) for job in jobs)),
            ("bytes of output", sum(job.get("output_bytes", 0) for job in jobs)),
            ("credits charged", total(jobs, "charged")),
            ("credits refunded", total(jobs, "refunded")),
        )
    )
    if not jobs:
        return
    say()
    rows = (
        (
            job["job_id"],
            job["account_id"],
            f"{job['workload']} {job['workload_version']}",
            job["state"],
            job["charged"],
            job["refunded"],
            job.get("output_digest", "")[:19],
            "yes" if job.get("output_stored") else "no",
            job.get("rerun_id", ""),
        )
        for job in jobs[:ROWS_SHOWN]
    )
    headings = (
        "JOB",
        "ACCOUNT",
        "CARGO",
        "STATE",
        ">CHARGED",
        ">REFUNDED",
        "OUTPUT",
        "STORED",
        "RUN AGAIN AS",
    )
    show_table(headings, rows)
    if len(jobs) > ROWS_SHOWN:
        note(f"The first {ROWS_SHOWN} of {len(jobs)} jobs; all of them with --json or --csv.")


def show_csv(jobs: list[dict[str, Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([printable(str(job.get(column, ""))) for column in COLUMNS] for job in jobs)


def is_open(what: str, job: dict[str, Any]) -> bool:
    """Whether a job is still to be repaired: what is done already is left out."""
    if what == "refund":
        return "settlement" in job and Decimal(job["refunded"]) < Decimal(job["charged"])
    return "rerun_id" not in job and job["state"] in {"succeeded", "failed", "cancelled"}


def preview(what: str, jobs: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> dict[str, Any]:
    credits_at_most = total(wanted, "charged") - total(wanted, "refunded")
    told = {
        "jobs touched": len(jobs),
        f"jobs to {what}": len(wanted),
        "accounts": len({job["account_id"] for job in wanted}),
    }
    return told | ({"credits to refund": str(credits_at_most)} if what == "refund" else {})


def total(jobs: list[dict[str, Any]], field: str) -> Decimal:
    return sum((Decimal(job[field]) for job in jobs), Decimal(0))


async def repair_jobs(
    coordinator: "Coordinator", what: str, jobs: list[dict[str, Any]], selection: Selection, reason: str
) -> tuple[int, dict[str, str]]:
    """How many jobs were repaired, and why others were not, by job.

    Raises `Refused` where the coordinator does not answer for minutes; a repetition goes on where this one ended.
    """
    distrusted = {"cargo": selection.cargo, "island": selection.island}
    body = {"reason": reason} | {name: value for name, value in distrusted.items() if value}
    refused: dict[str, str] = {}
    for number, job in enumerate(jobs, start=1):
        try:
            await patiently(coordinator, f"/audit/jobs/{job['job_id']}/{what}", body)
        except Refused as answer:
            if answer.error in OF_THE_MOMENT:
                raise
            refused[job["job_id"]] = answer.message
        if number % TOLD_EVERY_JOBS == 0:
            note(f"{number} of {len(jobs)} jobs")
    return len(jobs) - len(refused), refused


async def patiently(coordinator: "Coordinator", path: str, body: dict[str, str]) -> None:
    """Asks again while the refusal is about the moment: a key may make so many requests a minute."""
    for _ in range(PAUSES_MAX):
        try:
            await coordinator.post(path, body)
            return
        except Refused as answer:
            if answer.error not in OF_THE_MOMENT:
                raise
        await asyncio.sleep(PAUSE_S)
    await coordinator.post(path, body)
