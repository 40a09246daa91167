"""`archipelago marketplace …`: what publishers offer, what customers say of it, and the way of a cargo into it.

Anybody may look around. The commands about submissions stand in `cli.submission` and `cli.submission_oversight`.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from cli import submission, submission_oversight
from cli.cargo import price_text
from cli.cargo_trust import Slug, plain
from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import say, show_fields, show_json, show_table
from cli.typed_name import program

app = typer.Typer(help="The marketplace: look around, review, and submit a cargo of your own.")

REVIEWS_SHOWN: Final = 5
NEEDS: Final = {"ram_mb": "MB of memory", "vram_mb": "MB of GPU memory", "cpu_cores": "CPU cores"}
ENDS: Final = ("succeeded", "failed", "timed_out")
Answer = dict[str, Any]


@app.command("list")
def list_marketplace(
    *,
    category: Annotated[str, typer.Option(help="Only cargos of this category.")] = "",
    search: Annotated[str, typer.Option(help="Only cargos with all of these words in their texts.")] = "",
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List what can be run, newest first, as its publishers show it."""
    from cli.coordinator import PAGE_ROWS, ask

    query = {name: text for name, text in (("category", category), ("search", search)) if text}
    answer = ask(url, key, data_dir, lambda asked: asked.get("/marketplace", limit=PAGE_ROWS, **query))
    if as_json:
        show_json([plain(row) for row in answer["workloads"]])
    elif not answer["workloads"]:
        say("Nothing fits. Without --category and --search everything is listed.")
    else:
        show_cards(answer["workloads"])


def show_cards(cards: list[Answer]) -> None:
    rows = (
        (card["slug"], card["name"], card["category"], price_text(card), stars_text(card), card["tagline"])
        for card in cards
    )
    show_table(("CARGO", "NAME", "CATEGORY", ">CREDITS", "STARS", "IN SHORT"), rows)


def stars_text(card: Answer) -> str:
    """`4.5 of 5 (2)`; nothing where nobody has reviewed."""
    return f"{card['average_rating']:.1f} of 5 ({card['review_count']})" if card["review_count"] else ""


@app.command("show")
def show(slug: Slug, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show a cargo's page: what it does, costs and needs, how its runs went, and its newest reviews."""
    from cli.coordinator import Coordinator, ask

    path = f"/marketplace/{quote(slug, safe='')}"

    async def read(coordinator: Coordinator) -> tuple[Answer, list[Answer]]:
        page = await coordinator.get(path)
        reviews = await coordinator.get(f"{path}/reviews", limit=REVIEWS_SHOWN)
        return page, reviews["reviews"]

    page, reviews = ask(url, key, data_dir, read)
    if as_json:
        show_json({**plain(page), "reviews": [plain(row) for row in reviews]})
    else:
        show_page(page, reviews)


def show_page(page: Answer, reviews: list[Answer]) -> None:
    show_fields(facts_of(page))
    for text in (page["description"], page["readme"]):
        if text:
            say()
            say(text)
    for review in reviews:
        say()
        title = review["title"] or "(no title)"
        bought = "" if review["verified_purchase"] else ", no run of theirs has succeeded"
        say(f"{review['rating']} of 5, {review['created_at'][:10]}{bought}: {title}")
        if review["comment"]:
            say(review["comment"])


def facts_of(page: Answer) -> Iterator[tuple[str, object]]:
    stats = page["stats"]
    yield "cargo", f"{page['slug']} {page['version']}, {page['runtime_type']}"
    yield "name", page["name"]
    yield "in short", page["tagline"] or None
    yield "category", page["category"]
    yield "tags", ", ".join(page["tags"]) or None
    yield "credits", price_text(page)
    yield "needs", ", ".join(needs_of(page["requirements"])) or None
    yield "trust level", page["trust_level"]
    yield "publisher", "the operator" if page["developer"].get("first_party") else "a customer"
    yield "stars", stars_text(page) or "nobody has reviewed it"
    yield "runs", ", ".join(f"{stats[end]} {end.replace('_', ' ')}" for end in ENDS)
    yield "icon", page.get("icon_url")
    yield "pictures", ", ".join(page["screenshots"]) or None


def needs_of(requirements: dict[str, int]) -> Iterator[str]:
    for name, amount in requirements.items():
        yield f"{amount} {NEEDS.get(name, name)}"


@app.command("review")
def review(
    slug: Slug,
    stars: Annotated[int, typer.Argument(metavar="STARS", min=1, max=5, help="1 to 5.")],
    *,
    title: Annotated[str | None, typer.Option(help="One line. Anybody can read it.")] = None,
    comment: Annotated[str | None, typer.Option(help="As long as it takes. Anybody can read it.")] = None,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Review a cargo that you have run. A second review of yours takes the place of the first."""
    from cli.coordinator import ask

    texts = {name: text for name, text in (("title", title), ("comment", comment)) if text is not None}
    body = {"review": {"rating": stars, **texts}}
    path = f"/marketplace/{quote(slug, safe='')}/reviews"
    answer = ask(url, key, data_dir, lambda coordinator: coordinator.post(path, body))
    if as_json:
        show_json(plain(answer))
    else:
        say(f"Your review of {slug} is there: {program()} marketplace show {slug}")


app.command("submit")(submission.submit)
app.command("submissions")(submission.submissions)
app.command("withdraw")(submission.withdraw)
app.command("pending")(submission_oversight.pending)
app.command("approve")(submission_oversight.approve)
app.command("reject")(submission_oversight.reject)
app.command("suspend")(submission_oversight.suspend)
app.command("scan")(submission_oversight.scan)
