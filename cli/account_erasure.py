"""`archipelago account erase`: says what would be lost, and does it only with `--yes`."""

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from cli.options import AsJson, DataDir, Key, Url
from cli.terminal import say, show_fields, show_json

if TYPE_CHECKING:
    from cli.coordinator import Coordinator


def erase(
    account_id: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The id of the account.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Nothing can bring the account back.")] = False,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Erase an account: what its person wrote becomes unreadable everywhere, what was booked stays.

    Your own, or with an operator's key any. Without --yes it only says what would be lost.
    """
    from cli.coordinator import ask

    async def look_and_erase(coordinator: "Coordinator") -> dict[str, Any]:
        own = (await coordinator.get("/account"))["account_id"]
        path = "/account" if own == account_id else f"/accounts/{quote(account_id, safe='')}"
        found = await coordinator.get(f"{path}/erasure")
        if yes:
            found |= await coordinator.post(f"{path}/erase", {"confirm": found["confirm"]})
        return {name: value for name, value in found.items() if name != "data"}

    found = ask(url, key, data_dir, look_and_erase)
    if as_json:
        show_json(found)
    elif yes:
        say(f"{account_id} is erased: its keys end now, and what was written cannot be read any more.")
    else:
        show_fields(
            (
                ("account", f"{found['name']} ({account_id})"),
                ("jobs to be cancelled", found["open_jobs"]),
                ("API keys to be revoked", found["keys"]),
                ("islands in the way", found["islands"]),
                ("credits nobody can spend then", found["credits_left"]),
            )
        )
        say(f"Nothing was changed. To erase it for good: archipelago account erase {account_id} --yes")
