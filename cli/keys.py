"""`archipelago keys …`: see the keys of a network, make them, and change them when a year or a thief has passed.

The steps around each command are in docs/recovery.md. No command prints a secret.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from cli.failure import wrong_usage
from cli.keys_directory import KeysDir, keys_failures, keys_root, keys_to_change
from cli.options import AsJson, DataDir
from cli.terminal import note, say, show_json, show_table

if TYPE_CHECKING:
    from adapters.nats.accounts.inventory import Secret

app = typer.Typer(help="The keys of a network: who may say what on NATS.")

Holder = Literal["coordinator", "registrar", "door", "deploy"]
HOLDERS_SAID: Final[dict[Holder, str]] = {
    "coordinator": "the coordinators with their new folder",
    "registrar": "the registrar and the door with their new folders",
    "door": "the registrar and the door with their new folders",
    "deploy": "use the new operator/deploy.creds",
}
DAY_MS: Final = 86_400_000

Accounts = Annotated[
    Path | None,
    typer.Option(
        "--accounts", help="Folder where NATS keeps islands' accounts (`resolver`); a copy of it will do."
    ),
]


@app.command("show")
def show(keys_dir: KeysDir = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List what keys there are, their public halves and their ages. Shows no secret."""
    from adapters import clock
    from adapters.nats.accounts.inventory import secrets_below

    with keys_failures():
        found = secrets_below(keys_root(keys_dir, data_dir))
    if as_json:
        show_json([asdict(secret) for secret in found])
        return
    now_ms = clock.now_ms()
    rows = (
        (
            secret.folder,
            secret.name,
            secret.public or "(a secret to derive keys from)",
            f"{datetime.fromtimestamp(secret.made_at_ms / 1000, UTC):%Y-%m-%d}",
            (now_ms - secret.made_at_ms) // DAY_MS,
        )
        for secret in found
    )
    show_table(("FOLDER", "FILE", "PUBLIC KEY", "MADE", ">DAYS"), rows)
    if any(secret.is_outgoing for secret in found):
        note("A rotation is under way; end it with `archipelago keys finish-rotation`.")


@app.command("refresh")
def refresh(keys_dir: KeysDir = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Make the keys that are missing, and write all credentials anew. Changes no key that is there.

    After an upgrade this gives our own programs the rights that the new version needs. `archipelago up` does it by
    itself.
    """
    from adapters.nats.accounts.deployment import Deployment

    with keys_to_change(keys_dir, data_dir, "archipelago keys refresh") as root:
        before = known(root)
        Deployment.open(root)
        tell_made(root, before, as_json=as_json)


@app.command("config")
def config(
    keys_dir: KeysDir = None,
    data_dir: DataDir = None,
    accounts: Accounts = None,
) -> None:
    """Print what the configuration of NATS servers that you run yourself must say of accounts.

    Print it again and start the servers with it after `refresh`, `rotate`, `finish-rotation` and `replace`. It holds no
    secret.
    """
    from adapters.nats.accounts.deployment import Deployment
    from adapters.nats.accounts.inventory import secrets_below

    if accounts is None:
        raise wrong_usage("--accounts", "name the folder on the server's machine where it may keep accounts")
    with keys_failures():
        root = keys_root(keys_dir, data_dir)
        secrets_below(root)
        say(Deployment(root).server_settings(accounts), end="")


@app.command("rotate")
def rotate(keys_dir: KeysDir = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Make a new key to sign accounts with. The old one stays good until `finish-rotation`; no island notices.

    Once a year is enough. Where the old key may be in other hands, use `archipelago keys replace registrar` instead.
    """
    from adapters.nats.accounts import rotation
    from adapters.nats.accounts.deployment import Deployment

    with keys_to_change(keys_dir, data_dir, "archipelago keys rotate") as root:
        public = rotation.rotate(Deployment(root))
        Deployment.open(root)
    if as_json:
        show_json({"signing_key": public})
        return
    say(f"New signing key: {public}")
    tell_next(
        keys_dir,
        "Start NATS with the new settings, then the registrar; then `archipelago keys finish-rotation`.",
        "start `archipelago up`; when it is ready stop it, and type `archipelago keys finish-rotation`.",
    )


@app.command("finish-rotation")
def finish_rotation(
    keys_dir: KeysDir = None, data_dir: DataDir = None, accounts: Accounts = None, as_json: AsJson = False
) -> None:
    """Forget the old key. Refused while an account is still signed with it."""
    from adapters.embedded.data_directory import DataDirectory, default_root
    from adapters.nats.accounts import rotation
    from adapters.nats.accounts.deployment import Deployment

    if accounts is None and keys_dir is not None:
        raise wrong_usage("--accounts", "name the server's folder of accounts, or a copy of it, to look into")
    with keys_to_change(keys_dir, data_dir, "archipelago keys finish-rotation") as root:
        folder = accounts or DataDirectory(data_dir or default_root()).accounts
        public = rotation.finish_rotation(Deployment(root), folder)
    if as_json:
        show_json({"forgotten_key": public})
        return
    say(f"Forgotten: {public}")
    tell_next(keys_dir, "Start NATS with the new settings; the old key is worth nothing from then on.")


@app.command("replace")
def replace(
    holder: Annotated[Holder, typer.Argument(help="Whose keys were lost, or seen by others.")],
    keys_dir: KeysDir = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make everything new that one program holds. What it held is worth nothing once NATS has been started anew.

    `registrar`: islands fetch new documents by themselves and work on; `deploy` is the key of people.
    """
    from adapters.nats.accounts import rotation
    from adapters.nats.accounts.deployment import Deployment

    with keys_to_change(keys_dir, data_dir, f"archipelago keys replace {holder}") as root:
        before = known(root)
        rotation.replace(Deployment(root), rotation.Holder(holder))
        tell_made(root, before, as_json=as_json)
    if not as_json:
        tell_next(keys_dir, f"Start NATS with the new settings, then {HOLDERS_SAID[holder]}.")


def known(root: Path) -> set["Secret"]:
    """What there is before something changes; nothing before the first keys."""
    from adapters.nats.accounts.inventory import secrets_below

    return set(secrets_below(root)) if root.is_dir() and any(root.rglob("*.seed")) else set()


def tell_made(root: Path, before: set["Secret"], *, as_json: bool) -> None:
    """Which secrets are new."""
    from adapters.nats.accounts.inventory import secrets_below

    made = [f"{secret.folder}/{secret.name}" for secret in secrets_below(root) if secret not in before]
    if as_json:
        show_json({"folder": str(root), "made": made})
    elif made:
        say(f"Made in {root}:")
        for name in made:
            say(f"  {name}")
    else:
        say(f"Every key in {root} was there; the credentials are written anew.")


def tell_next(
    keys_dir: Path | None,
    by_hand: str,
    on_this_machine: str = "`archipelago up` starts everything with the new keys.",
) -> None:
    """What makes the servers take notice."""
    note(f"next: {by_hand if keys_dir else on_this_machine}")
