"""`archipelago webhook …`: addresses of one's own that are told what happens, and what they were told."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from cli.api_key import without_data
from cli.failure import CommandFailed
from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import note, say, show_json, show_table
from cli.webhook_views import show_deliveries, show_webhook

if TYPE_CHECKING:
    from cli.coordinator import Coordinator

app = typer.Typer(help="Webhooks: addresses of yours that are told what happens, without being connected.")

TESTED_WITHIN_S: Final = 20.0
"""Two attempts to look for it and the 10 s that a receiver has."""
TEST_LOOK_S: Final = 0.25
LOOKED_AT_MAX: Final = 100

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id, as `webhook list` shows it.")]
Events = Annotated[
    list[str] | None,
    typer.Option(
        "--event",
        metavar="NAME",
        help="What it is told of, as job.succeeded, or a whole category, as job. Repeat it for more.",
    ),
]


@app.command("add")
def add(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where to tell it: https://…")],
    *,
    event: Events = None,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add a webhook. It is told of your jobs unless --event says otherwise. Its secret is shown this once."""
    from cli.coordinator import ask

    body = {"url": address} | ({"events": event} if event else {})
    added = ask(url, key, data_dir, lambda coordinator: coordinator.post("/webhooks", body))
    if as_json:
        show_json(without_data(added))
        return
    show_webhook(added)
    note(f"The secret is shown once: keep it now. Try it: archipelago webhook test {added['id']}")


@app.command("list")
def list_webhooks(url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List your webhooks, oldest first. Shows no secret."""
    from cli.coordinator import ask

    rows = ask(url, key, data_dir, lambda coordinator: coordinator.get("/webhooks"))["webhooks"]
    if as_json:
        show_json([without_data(row) for row in rows])
        return
    table = (
        (row["id"], row["url"], ", ".join(row["events"]), row.get("paused_because", "active")) for row in rows
    )
    show_table(("WEBHOOK", "ADDRESS", "EVENTS", "STATE"), table)


@app.command("show")
def show(
    webhook_id: WebhookId, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Show a webhook, whether it is paused, and how much waits for it."""
    from cli.coordinator import ask

    found = ask(url, key, data_dir, lambda coordinator: coordinator.get(path_of(webhook_id)))
    if as_json:
        show_json(without_data(found))
        return
    show_webhook(found)
    if not found["active"]:
        note(f"What happens meanwhile waits. Go on: archipelago webhook resume {webhook_id}")


@app.command("log")
def log(
    webhook_id: WebhookId,
    *,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many to show.")] = 20,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List what a webhook was told and is still to be told, newest first."""
    from cli.coordinator import ask

    path = f"{path_of(webhook_id)}/deliveries"
    page = ask(url, key, data_dir, lambda coordinator: coordinator.get(path, limit=limit))
    if as_json:
        show_json([without_data(row) for row in page["deliveries"]])
        return
    show_deliveries(page["deliveries"])
    older = page["meta"]["total"] - page["count"]
    if older:
        note(f"Older ones that are not shown: {older}.")


@app.command("change")
def change(
    webhook_id: WebhookId,
    *,
    address: Annotated[
        str | None, typer.Option("--address", metavar="ADDRESS", help="Where to tell it from now on.")
    ] = None,
    event: Events = None,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Change where a webhook leads and what it is told of. What is left out stays."""
    body = ({"url": address} if address is not None else {}) | ({"events": event} if event else {})
    changed = changed_webhook(url, key, data_dir, webhook_id, body)
    if as_json:
        show_json(without_data(changed))
        return
    show_webhook(changed)


@app.command("pause")
def pause(webhook_id: WebhookId, url: Url = "", key: Key = "", data_dir: DataDir = None) -> None:
    """Send nothing for now. What happens meanwhile waits until it is resumed."""
    changed_webhook(url, key, data_dir, webhook_id, {"active": False})
    say(f"Paused {webhook_id}.")


@app.command("resume")
def resume(webhook_id: WebhookId, url: Url = "", key: Key = "", data_dir: DataDir = None) -> None:
    """Send what waits, and everything that happens from now on."""
    changed_webhook(url, key, data_dir, webhook_id, {"active": True})
    say(f"Resumed {webhook_id}.")


@app.command("test")
def send_test(
    webhook_id: WebhookId, url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Send a delivery of the event webhook.tested, whatever it wants, and wait for the answer."""
    from cli.coordinator import ask

    path = path_of(webhook_id)

    async def send(coordinator: "Coordinator") -> dict[str, Any]:
        sent = await coordinator.post(f"{path}/test", {})
        return await tried_delivery(coordinator, path, sent["delivery_id"])

    row = ask(url, key, data_dir, send)
    if as_json:
        show_json(without_data(row))
    elif row["state"] == "delivered":
        say(f"Delivered: the receiver answered {row['status']}.")
    else:
        raise not_delivered(row)


@app.command("replay")
def replay(
    webhook_id: WebhookId,
    *,
    position: Annotated[
        int,
        typer.Option("--from", metavar="POSITION", min=1, help="A position of the log, as `log` shows it."),
    ],
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
) -> None:
    """Send once more everything it was to be told from that position on, at most 10 000 facts."""
    from cli.coordinator import ask

    path, body = f"{path_of(webhook_id)}/replay", {"from_position": position}
    ask(url, key, data_dir, lambda coordinator: coordinator.post(path, body))
    say(f"From position {position} on, {webhook_id} is told everything once more.")


@app.command("rotate-secret")
def rotate_secret(webhook_id: WebhookId, url: Url = "", key: Key = "", data_dir: DataDir = None) -> None:
    """Make another secret, which signs from now on. It is shown once, alone on standard output."""
    from cli.coordinator import ask

    path = f"{path_of(webhook_id)}/secret"
    say(ask(url, key, data_dir, lambda coordinator: coordinator.post(path, {}))["secret"])
    note("Shown once: keep it now. Deliveries are signed with it from now on.")


@app.command("remove")
def remove(webhook_id: WebhookId, url: Url = "", key: Key = "", data_dir: DataDir = None) -> None:
    """Remove a webhook; what waits for it is never sent."""
    from cli.coordinator import ask

    removed = ask(url, key, data_dir, lambda coordinator: coordinator.delete(path_of(webhook_id)))
    say(f"Removed {removed['id']}.")


def path_of(webhook_id: str) -> str:
    return f"/webhooks/{quote(webhook_id, safe='')}"


def changed_webhook(
    url: str, key: str, data_dir: DataDir, webhook_id: str, body: dict[str, Any]
) -> dict[str, Any]:
    from cli.coordinator import ask

    return ask(url, key, data_dir, lambda coordinator: coordinator.patch(path_of(webhook_id), body))


async def tried_delivery(coordinator: "Coordinator", path: str, delivery_id: str) -> dict[str, Any]:
    """The delivery once it was tried. Raises CommandFailed where it is not in time."""
    deadline_s = time.monotonic() + TESTED_WITHIN_S
    while time.monotonic() < deadline_s:
        page = await coordinator.get(f"{path}/deliveries", limit=LOOKED_AT_MAX)
        for row in page["deliveries"]:
            if row["id"] == delivery_id and row["attempts"]:
                return dict(row)
        await asyncio.sleep(TEST_LOOK_S)
    raise CommandFailed(
        f"delivery {delivery_id}: was not tried within {TESTED_WITHIN_S:.0f} s",
        next_step="look again in a moment: `archipelago webhook log`",
    )


def not_delivered(row: dict[str, Any]) -> CommandFailed:
    why = f"answered {row['status']}" if "status" in row else f"gave no answer ({row['problem']})"
    return CommandFailed(
        f"webhook: the receiver {why}",
        next_step="mend the receiver: it must answer with a status from 200 to 299; the test is repeated by itself",
    )
