"""`archipelago cargo …`, for the operator: scan, review, kill and revive cargos, and say who their publishers are.

Registered in `cli.cargo`. Every command needs a key with the scope `admin`.
"""

from typing import Annotated, Literal
from urllib.parse import quote

import typer

from cli.cargo_trust import Slug, plain, post, tell
from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import say, show_json, show_table
from cli.typed_name import program

Note = Annotated[str, typer.Option("--note", help="What was seen. It is recorded.")]
Count = Annotated[int, typer.Option(min=0, help="Findings of this severity.")]


def kill(
    slug: Slug,
    reason: Annotated[
        str, typer.Option("--reason", help="Why. It is recorded, and stands in every stopped job.")
    ],
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Switch a cargo off for everybody (operator): waiting and running jobs end now, and nobody is charged."""
    answer = post(slug, "kill", {"reason": reason}, url=url, key=key, data_dir=data_dir)
    tell(answer, f"{slug} is killed. To undo it: {program()} cargo revive {slug}", as_json=as_json)


def revive(
    slug: Slug, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Let a cargo take jobs again (operator), whatever disabled it."""
    answer = post(slug, "revive", {}, url=url, key=key, data_dir=data_dir)
    tell(answer, f"{slug} takes jobs.", as_json=as_json)


def scan(
    slug: Slug,
    scanner: Annotated[str, typer.Option("--scanner", help="Which scanner, and its version.")],
    *,
    critical: Count = 0,
    high: Count = 0,
    medium: Count = 0,
    low: Count = 0,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Record what a scan of the latest version found (operator). Critical and high findings take it to level 0."""
    body = {"scanner": scanner, "critical": critical, "high": high, "medium": medium, "low": low}
    answer = post(slug, "scans", body, url=url, key=key, data_dir=data_dir)
    tell(answer, f"{slug} has trust level {answer['trust_level']}.", as_json=as_json)


def reviews(url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the cargos that wait for a review (operator), the longest waiting first."""
    from cli.coordinator import ask

    answer = ask(url, key, data_dir, lambda coordinator: coordinator.get("/reviews"))
    if as_json:
        show_json([plain(row) for row in answer["reviews"]])
    elif not answer["reviews"]:
        say("No cargo waits for a review.")
    else:
        rows = (
            (
                row["slug"],
                row["version"],
                f"{row['trust_level']} -> {row['asked_trust_level']}",
                row["waits_since"],
                row.get("disabled_reason", ""),
            )
            for row in answer["reviews"]
        )
        show_table(("CARGO", "VERSION", "LEVEL", "WAITS SINCE", "DISABLED BECAUSE"), rows)


def review(
    slug: Slug,
    note: Note,
    *,
    passed: Annotated[bool, typer.Option("--pass/--refuse", help="Whether the cargo passes.")],
    signature: Annotated[
        str, typer.Option("--signature", help="sha256:… of the signature that you checked; needed to pass.")
    ] = "",
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Record a review of the latest version (operator). One that passes enables what complaints disabled."""
    body = {"passed": passed, "note": note, "signature_digest": signature or None}
    answer = post(slug, "reviews", body, url=url, key=key, data_dir=data_dir)
    tell(answer, f"{slug} has trust level {answer['trust_level']}.", as_json=as_json)


def incident(
    slug: Slug,
    note: Note,
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Record a critical incident (operator); it costs half a point of reputation. To stop the cargo: cargo kill."""
    answer = post(slug, "incidents", {"note": note}, url=url, key=key, data_dir=data_dir)
    tell(answer, f"The reputation of {slug} is {answer['reputation']:.3f}.", as_json=as_json)


def tier(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The publisher's account id.")],
    tier: Annotated[
        Literal["individual", "verified", "organization", "partner"],
        typer.Argument(metavar="TIER", help="individual (3 cargos), verified (10), organization or partner."),
    ],
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say what is known of a publisher (operator): how many cargos it may have, and whether they reach level 1."""
    from cli.coordinator import ask

    path = f"/publishers/{quote(account, safe='')}/tier"
    answer = ask(url, key, data_dir, lambda coordinator: coordinator.post(path, {"tier": tier}))
    bound = answer.get("cargos_max", "any number")
    tell(
        answer, f"{account} is {answer['tier']}: {answer['cargos']} cargos, at most {bound}.", as_json=as_json
    )
