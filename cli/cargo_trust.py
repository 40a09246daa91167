"""`archipelago cargo …`, for those who use and publish cargos: why to trust one, and what to say about it.

Registered in `cli.cargo`.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import say, show_fields, show_json, show_table
from cli.typed_name import program

EVIDENCE_SHOWN: Final = 3

Slug = Annotated[str, typer.Argument(metavar="CARGO", help="The cargo's name, as in `cargo list`.")]
Answer = dict[str, Any]


def trust(
    slug: Slug, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Explain a cargo's trust level and reputation: what they rest on, and what it lacks for the next level."""
    from cli.coordinator import ask

    path = f"/workloads/{quote(slug, safe='')}/trust"
    answer = ask(url, key, data_dir, lambda coordinator: coordinator.get(path))
    if as_json:
        show_json(plain(answer))
    else:
        show_trust(answer)


def show_trust(answer: Answer) -> None:
    show_fields(standing_of(answer))
    for condition in answer["missing"]:
        say(f"For the next level it needs {condition}.")
    rows = (
        (
            change["at"],
            change["what"],
            some_of(change["evidence"]),
            f"{change['position']}.{change['index']}",
        )
        for change in answer["history"]
    )
    say()
    show_table(("WHEN", "WHAT", "BY", "EVENT"), rows)


def some_of(evidence: list[str]) -> str:
    """The first few; --json has them all."""
    more = len(evidence) - EVIDENCE_SHOWN
    return ", ".join(evidence[:EVIDENCE_SHOWN]) + (f" and {more} more" if more > 0 else "")


def standing_of(answer: Answer) -> Iterator[tuple[str, object]]:
    counted = answer["counted"]
    state = "killed" if answer["killed"] else "runs" if answer["enabled"] else "disabled"
    level = (
        f"{answer['trust_level']} of the {answer['asked_trust_level']} it asks for, {answer['sandbox_tier']}"
    )
    yield "cargo", f"{answer['slug']} {answer['version']}, {state}"
    yield "trust level", level
    yield "publisher", "the operator" if answer["first_party"] else answer["publisher_tier"]
    yield "reputation", f"{answer['reputation']:.3f} of 5, {answer['band']}"
    yield "score", f"{answer['score']:.3f} of 5 (60 % success, 25 % reliability, 15 % feedback)"
    ended = ("succeeded", "failed", "timed_out", "cancelled")
    yield "counted", ", ".join(f"{counted[how]} {how.replace('_', ' ')}" for how in ended)
    ratings = f"{counted['positive_ratings']} of {counted['ratings']} ratings positive"
    yield "said", f"{ratings}, {counted['complaints']} complaints"
    yield "review", "waits for staff" if answer["awaits_review"] else None


def rate(
    slug: Slug,
    stars: Annotated[
        int, typer.Argument(metavar="STARS", min=1, max=5, help="1 to 5; 4 and 5 are positive.")
    ],
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Rate a cargo that you have run. A later rating takes the place of an earlier one."""
    answer = post(slug, "ratings", {"stars": stars}, url=url, key=key, data_dir=data_dir)
    said = "Thank you." if answer["counted"] else "You had said the same before; nothing changed."
    tell(answer, f"{said} Its reputation is {answer['reputation']:.3f}.", as_json=as_json)


def complain(
    slug: Slug,
    text: Annotated[str, typer.Option("--text", help="What is wrong. Staff read it; it is recorded.")],
    *,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Complain of a cargo that you have run. One complaint in seven days counts."""
    answer = post(slug, "complaints", {"text": text}, url=url, key=key, data_dir=data_dir)
    said = (
        "Recorded." if answer["counted"] else "You have complained in the last seven days; that one stands."
    )
    tell(answer, f"{said} Its reputation is {answer['reputation']:.3f}.", as_json=as_json)


def ask_review(
    slug: Slug, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Ask staff to review a cargo of yours, for trust level 2 or to have it enabled again."""
    answer = post(slug, "review-requests", {}, url=url, key=key, data_dir=data_dir)
    sentence = f"It waits for staff. Where it stands: {program()} cargo trust {slug}"
    tell(answer, sentence, as_json=as_json)


def post(slug: str, what: str, body: dict[str, Any], *, url: str, key: str, data_dir: DataDir) -> Answer:
    from cli.coordinator import ask

    path = f"/workloads/{quote(slug, safe='')}/{what}"
    return ask(url, key, data_dir, lambda coordinator: coordinator.post(path, body))


def tell(answer: Answer, sentence: str, *, as_json: bool) -> None:
    if as_json:
        show_json(plain(answer))
    else:
        say(sentence)


def plain(answer: Answer) -> Answer:
    """Without the copy that SDKs read."""
    return {name: value for name, value in answer.items() if name != "data"}
