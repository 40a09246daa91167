"""How an island's karma looks on a terminal: one sum, and the changes behind it.

Used by `archipelago karma`. Pure: answers of the API in, lines out.
"""

from collections.abc import Mapping
from typing import Any, Final

from cli.job_views import clock_text
from cli.terminal import say, show_table

TERMS_SHOWN_MAX: Final = 8
JOBS_NAMED_MAX: Final = 1


def show_karma(answer: Mapping[str, Any]) -> None:
    say(f"{answer['name']}: karma {answer['karma']}{sum_text(answer['terms'])}")
    say(standing_text(answer))
    if not answer["changes"]:
        return
    hidden = answer["changes_in_all"] - len(answer["changes"])
    say(
        f"The newest {len(answer['changes'])} of {answer['changes_in_all']} changes:"
        if hidden
        else "Changes:"
    )
    rows = (
        (
            clock_text(change["created_at"]),
            f"{change['delta']:+d}" if change["delta"] else "0",
            change["balance_after"],
            change["reason"],
            change.get("job_id", ""),
            change["id"],
            change["rules_version"],
        )
        for change in answer["changes"]
    )
    show_table(("TIME", ">CHANGE", ">KARMA", "BECAUSE", "JOB", "EVENT", ">RULES"), rows)


def sum_text(terms: list[dict[str, Any]]) -> str:
    """`= 38 work - 2 lease lost (job …) + 5 work`: term by term where they are few, else one for each cause."""
    if len(terms) > TERMS_SHOWN_MAX:
        terms = merged(terms)
    if not terms:
        return ", moved by nothing so far"
    first, *others = terms
    said = [("-" if first["delta"] < 0 else "") + term_text(first)]
    said += [("- " if term["delta"] < 0 else "+ ") + term_text(term) for term in others]
    return f" = {' '.join(said)}"


def term_text(term: Mapping[str, Any]) -> str:
    jobs = term["job_ids"]
    named = ", ".join(f"job {job}" for job in jobs[:JOBS_NAMED_MAX])
    more = f" and {len(jobs) - JOBS_NAMED_MAX} more" if len(jobs) > JOBS_NAMED_MAX else ""
    return f"{abs(term['delta'])} {term['cause'].replace('_', ' ')}" + (f" ({named}{more})" if jobs else "")


def merged(terms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_cause: dict[str, dict[str, Any]] = {}
    for term in terms:
        known = by_cause.setdefault(term["cause"], term | {"delta": 0, "count": 0, "job_ids": []})
        known["delta"] += term["delta"]
        known["count"] += term["count"]
        known["job_ids"] = [*known["job_ids"], *term["job_ids"]]
    return list(by_cause.values())


def standing_text(answer: Mapping[str, Any]) -> str:
    pending = f"{answer['pending_minutes']} min of 60 are worked towards the next point."
    if answer["can_monetize"]:
        return f"{pending} Its earnings are paid out."
    return (
        f"{pending} Earnings wait in escrow: {answer['karma_deficit']} more to payouts, "
        f"about {answer['hours_until_monetization']:g} h of work."
    )
