"""Changing secrets of a network that exists: the yearly key, and a folder that was lost or seen by others.

Used by `archipelago keys`. Each step may be interrupted and done again. A server that runs knows nothing of it until it
is started with the new settings (`Deployment.server_settings`); docs/recovery.md has the steps around it.
"""

import shutil
from enum import StrEnum
from pathlib import Path
from typing import Final, assert_never

from adapters.nats.accounts.deployment import (
    COORDINATOR,
    DOOR,
    OPERATOR_SIGNING,
    PASSWORD_ISLANDS_MASTER,
    PREVIOUS_SIGNING,
    REGISTRAR,
    Deployment,
)
from adapters.nats.accounts.jwt import BadDocument, read
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.role_users import seed_name
from adapters.nats.accounts.roles import Home, Role

ACCOUNTS_NAMED_MAX: Final = 3


class Holder(StrEnum):
    """Who holds secrets that can be made anew."""

    COORDINATOR = COORDINATOR  # A folder with credentials and nothing else.
    REGISTRAR = REGISTRAR  # The folder with the keys that sign for islands.
    DOOR = DOOR  # The folder with the keys that sign for islands with passwords.
    DEPLOY = Role.DEPLOY  # A person's credentials, in the operator's folder.


class RotationRefused(Exception):
    """The step would cut somebody off, or there is nothing to do; the text says which and what comes first."""


def rotate(deployment: Deployment) -> str:
    """A new key to sign accounts with, beside the old one, which stays good until `finish_rotation`.

    Returns the new public key. Raises `RotationRefused` while a rotation is under way, and `KeysUnusable`.
    """
    folder = deployment.registrar
    present = folder.pair(OPERATOR_SIGNING, Kind.OPERATOR)
    previous = _previous(deployment)
    if previous and previous.public != present.public:
        raise RotationRefused("a rotation is under way; end it with `archipelago keys finish-rotation`")
    folder.write(f"{PREVIOUS_SIGNING}.seed", present.seed)
    new = NKey.new(Kind.OPERATOR)
    folder.write(f"{OPERATOR_SIGNING}.seed", new.seed)
    return new.public


def finish_rotation(deployment: Deployment, accounts: Path) -> str:
    """The old key is worth nothing from the next start of the server on.

    `accounts` is where the server keeps its accounts. Returns the old public key. Raises `RotationRefused` where an
    account is still signed with it, because the server would not believe that account any more; and `KeysUnusable`.
    """
    previous = _previous(deployment)
    if previous is None:
        raise RotationRefused("no rotation is under way; begin one with `archipelago keys rotate`")
    signers = signers_of(accounts)
    if deployment.account(Home.CORE) not in signers:
        raise RotationRefused(f"{accounts}: is not where a server keeps the accounts of this network")
    behind = [account for account, signer in signers.items() if signer == previous.public]
    if behind:
        raise RotationRefused(
            f"{len(behind)} accounts are still signed with the old key ({', '.join(behind[:ACCOUNTS_NAMED_MAX])}); "
            "start NATS with the new settings and the registrar with its new folder, then try again"
        )
    deployment.registrar.remove(f"{PREVIOUS_SIGNING}.seed")
    return previous.public


def signers_of(accounts: Path) -> dict[str, str]:
    """Who has signed each account in a server's folder, both as public keys. Raises `RotationRefused`."""
    try:
        documents = [read(path.read_text()) for path in sorted(accounts.glob("*.jwt"))]
    except (OSError, BadDocument) as fault:
        raise RotationRefused(f"{accounts}: holds an account that cannot be read ({fault})") from fault
    return {str(one["sub"]): str(one["iss"]) for one in documents}


def replace(deployment: Deployment, holder: Holder) -> Deployment:
    """Everything this holder has, made anew; what it had is worth nothing from the next start of the server on.

    Islands stay islands: after a new registrar's folder they fetch new documents by HTTPS, by themselves. The folder
    may be missing altogether. Raises `KeysUnusable`.
    """
    root = deployment.operator.path.parent
    match holder:
        case Holder.DEPLOY:
            deployment.operator.remove(f"{seed_name(Role.DEPLOY)}.seed")
        case Holder.COORDINATOR:
            _put_away(deployment.coordinator.path)
        case Holder.REGISTRAR:
            _put_away(deployment.registrar.path)
        case Holder.DOOR:
            # Both hold this one; the registrar's is the original.
            deployment.registrar.remove(f"{PASSWORD_ISLANDS_MASTER}.master")
            _put_away(deployment.door.path)
        case _:
            assert_never(holder)
    return Deployment.open(root)


def _previous(deployment: Deployment) -> NKey | None:
    folder = deployment.registrar
    return folder.pair(PREVIOUS_SIGNING, Kind.OPERATOR) if folder.has(f"{PREVIOUS_SIGNING}.seed") else None


def _put_away(folder: Path) -> None:
    """Out of sight in one step, then gone: an interruption leaves no folder with half of its secrets."""
    going = folder.with_name(f".{folder.name}.replaced")
    shutil.rmtree(going, ignore_errors=True)
    if folder.exists():
        folder.rename(going)
        shutil.rmtree(going)
