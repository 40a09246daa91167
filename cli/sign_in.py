"""`archipelago sign-in` and `sign-out`: a session on this machine instead of a key that is passed each time."""

import platform
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.failure import CommandFailed, wrong_usage
from cli.options import DataDir, Url
from cli.terminal import note, say

if TYPE_CHECKING:
    from cli.coordinator import Coordinator

LINK: Final = re.compile(r"sl_[0-9A-Za-z]+")
NAME_CHARACTERS_MAX: Final = 100


def sign_in(
    email: Annotated[str, typer.Argument(metavar="ADDRESS", help="Your e-mail address.")],
    *,
    url: Url = "",
    data_dir: DataDir = None,
) -> None:
    """Have a link sent to your mailbox, paste it here, and act for your account for 30 days.

    Where nobody has an account with this address yet, the link opens one, if the network takes newcomers. On the
    network of this machine the mail is printed by `archipelago up`.
    """
    from cli.coordinator import ask
    from cli.saved_session import SavedSession

    async def enter(coordinator: "Coordinator") -> tuple[str, dict[str, Any]]:
        sent = await coordinator.post("/sign-in", {"email": email})
        note(f"{sent['message'].capitalize()}.")
        request = {"token": pasted_link(), "name": f"Terminal on {platform.node()}"[:NAME_CHARACTERS_MAX]}
        return coordinator.url, await coordinator.post("/sessions", request)

    address, opened = ask(url, "", data_dir, enter)
    if "token" not in opened:
        say(f"{opened['message'].capitalize()}. Sign in by it: archipelago sign-in {email}")
        return
    SavedSession(address).write(opened["token"])
    say(
        f"Signed in until {opened['expires_at'][:10]}. Without --key, commands for {address} act for you now."
    )
    note("End it with: archipelago sign-out")


def pasted_link() -> str:
    """What the person pastes: the whole link or its text. Raises CommandFailed where it holds none."""
    note("Paste the link here:")
    found = LINK.search(sys.stdin.readline())
    if found is None:
        raise wrong_usage(
            "link", "that holds no sl_…", next_step="type the command again and paste the whole link"
        )
    return found[0]


def sign_out(*, url: Url = "", data_dir: DataDir = None) -> None:
    """End the session of this machine, here and at the coordinator."""
    from cli.coordinator import Refused, ask
    from cli.saved_session import SavedSession

    async def leave(coordinator: "Coordinator") -> None:
        saved = SavedSession(coordinator.url)
        if not saved.read():
            raise CommandFailed(
                f"nobody is signed in to {coordinator.url} on this machine",
                next_step="sign in with: archipelago sign-in ADDRESS",
            )
        try:
            await coordinator.post("/sign-out", {})
        except Refused as refused:
            if refused.error != "unauthenticated":  # Ended elsewhere, or its time was over.
                raise
        saved.remove()
        say(f"Signed out of {coordinator.url}.")

    ask(url, "", data_dir, leave)
