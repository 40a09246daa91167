"""How jobs look on a terminal: a list, one job, its recorded history. Pure: answers of the API in, lines out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from cli.account import show_entries
from cli.terminal import say, show_fields, show_table

DETAIL_CHARACTERS_MAX: Final = 120
NOT_THE_MOMENT: Final = "lease_ends_at_ms"
SHOWN_FIELDS: Final = {
    "bid_micro": "bid",
    "attempt": "attempt",
    "price_micro": "price",
    "code": "code",
    "loss": "loss",
    "reason": "reason",
    "detail": "detail",
    "island_id": "island",
    "grade": "result",
}
"""What a line of a job's history says of an event; the rest is in `--json`."""


def show_jobs(jobs: list[dict[str, Any]]) -> None:
    rows = (
        (
            job["id"],
            job["workload"],
            job["state"],
            job.get("attempt", 0),
            job.get("charged", ""),
            clock_text(job["created_at"]),
        )
        for job in jobs
    )
    show_table(("JOB", "CARGO", "STATE", ">ATTEMPT", ">CHARGED", "SUBMITTED"), rows)


def show_job(job: dict[str, Any]) -> None:
    """Fields first, then the output as it is."""
    show_fields(
        (
            ("job", job["id"]),
            ("cargo", f"{job['workload']} {job.get('workload_version', '')}"),
            ("state", job["state"]),
            ("error", error_text(job)),
            ("waits for", reasons_text(job)),
            ("attempt", job.get("attempt") or None),
            ("island", job.get("host_id")),
            ("bid", f"{job['bid_price']} credits"),
            ("charged", f"{job['charged']} credits" if "charged" in job else None),
            ("verdict", verdict_text(job)),
            ("submitted", clock_text(job["created_at"])),
            ("started", maybe_clock_text(job.get("started_at"))),
            ("ended", maybe_clock_text(job.get("completed_at"))),
        )
    )
    output = job.get("data", {}).get("output")
    if output is not None:
        say()
        say(output)


def error_text(job: Mapping[str, Any]) -> str | None:
    code, text = job.get("error_code"), job.get("error")
    return f"{code}: {text}" if code and text and text != code else text


def verdict_text(job: Mapping[str, Any]) -> str | None:
    """What comparing the job's runs came to, e.g. `confirmed: 2 of 2 runs agree`."""
    verdict = job.get("verdict")
    if verdict is None:
        return "waits for the other runs" if job.get("redundancy", 1) > 1 else None
    votes = [run["vote"] for run in verdict["runs"]]
    text = f"{verdict['outcome']}: {votes.count('agrees')} of {len(votes)} runs agree"
    replaced = verdict["answer_id"] != job["id"]
    return f"{text}; the output is that of run {verdict['answer_id']}" if replaced else text


def reasons_text(job: Mapping[str, Any]) -> str | None:
    reasons = job.get("queue_reasons")
    return ", ".join(f"{reason['count']} x {reason['code']}" for reason in reasons) if reasons else None


def show_timeline(timeline: dict[str, Any]) -> None:
    """Facts in order, then claims that did not count, then what was booked."""
    say(f"Job {timeline['job_id']}: {timeline['state']}")
    show_facts(timeline)
    rejected = timeline["rejected_claims"]
    if rejected:
        claims = (
            (
                clock_text(claim["received_at"]),
                claim["subject"].rpartition(".")[2],
                claim["code"],
                shortened(claim["detail"]),
            )
            for claim in rejected
        )
        say("Claims that were kept and did not count:")
        show_table(("TIME", "CLAIM", "REJECTED AS", "BECAUSE"), claims)
    if timeline["entries"]:
        say("What was booked:")
        show_entries(timeline["entries"])


def show_facts(timeline: dict[str, Any]) -> None:
    rows = (
        (time_of_fact(fact["data"]), fact["event"], fact_text(fact["data"])) for fact in timeline["facts"]
    )
    show_table(("TIME (UTC)", "FACT", ""), rows)


def time_of_fact(data: Mapping[str, Any]) -> str:
    """When it happened; every fact has exactly one such moment, or none but the end of a lease."""
    moments = [value for name, value in data.items() if name.endswith("_at_ms") and name != NOT_THE_MOMENT]
    at_ms = moments[0] if moments else data.get(NOT_THE_MOMENT)
    return "" if at_ms is None else time_text(at_ms)


def fact_text(data: Mapping[str, Any]) -> str:
    parts = [
        f"{label} {value_text(name, data[name])}" for name, label in SHOWN_FIELDS.items() if name in data
    ]
    return shortened(", ".join(parts))


def value_text(name: str, value: Any) -> str:
    return f"{value / 1_000_000:g} credits" if name.endswith("_micro") else str(value)


def shortened(text: str) -> str:
    return text if len(text) <= DETAIL_CHARACTERS_MAX else f"{text[: DETAIL_CHARACTERS_MAX - 1]}…"


def time_text(at_ms: int) -> str:
    """The time of day in UTC with milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]


def clock_text(instant: str) -> str:
    """`2026-11-23T12:00:00.000Z` -> `2026-11-23 12:00:00 UTC`."""
    return f"{instant[:10]} {instant[11:19]} UTC"


def maybe_clock_text(instant: str | None) -> str | None:
    return None if instant is None else clock_text(instant)
