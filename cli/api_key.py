"""`archipelago api-key …`: the keys by which programs act for one's account."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import note, say, show_json, show_table

app = typer.Typer(help="The API keys of your account: what programs act with.")


@app.command("list")
def list_keys(url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the keys in force, newest first, and when each was used last. Shows no secret."""
    from cli.coordinator import ask

    rows = ask(url, key, data_dir, lambda coordinator: coordinator.get("/api-keys"))["api_keys"]
    if as_json:
        show_json([without_data(row) for row in rows])
        return
    table = (
        (
            row["key_id"],
            row["name"],
            row["scopes"],
            row["created_at"][:10],
            row.get("last_used_at", "never")[:10],
            row.get("expires_at", "never")[:10],
        )
        for row in rows
    )
    show_table(("KEY", "NAME", "SCOPES", "MADE", "LAST USED", "EXPIRES"), table)


@app.command("make")
def make(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    *,
    scopes: Annotated[
        str, typer.Option(help="What it may do: read, write, islands, admin, with commas between them.")
    ] = "read,write",
    expires: Annotated[
        str, typer.Option(metavar="TIME", help="When it ends, as 2027-01-01T00:00:00Z. Default: never.")
    ] = "",
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a key that may do no more than you do now. Its text is shown once, alone on standard output."""
    from cli.coordinator import ask

    body = {"name": name, "scopes": scopes} | ({"expires_at": expires} if expires else {})
    made = ask(url, key, data_dir, lambda coordinator: coordinator.post("/api-keys", body))
    if as_json:
        show_json(without_data(made["api_key"]))
        return
    say(made["key"])
    note(
        f"Shown once: keep it now. Take it back with: archipelago api-key revoke {made['api_key']['key_id']}"
    )


@app.command("revoke")
def revoke(
    key_id: Annotated[
        str, typer.Argument(metavar="KEY", help="Its 8 characters, as `api-key list` shows them.")
    ],
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
) -> None:
    """Revoke a key, at once and everywhere."""
    from cli.coordinator import ask

    path = f"/api-keys/{quote(key_id, safe='')}"
    revoked = ask(url, key, data_dir, lambda coordinator: coordinator.delete(path))
    say(f"Revoked {revoked['key_id']}.")


def without_data(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "data"}
