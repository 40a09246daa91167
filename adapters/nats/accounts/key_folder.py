"""One folder of secrets for each program: seeds, master secrets and credentials, made once, readable by the owner.

Whoever deploys makes and refreshes all of them (`deployment.py`); each program is given its own folder and no other.

    operator/     who may change the layout: operator, accounts, `deploy`; what personal texts are sealed with.
                  Needed at deployment only; may lie offline
    registrar/    the operator's signing key, activation tokens, the islands' signing keys
    door/         the signing keys of islands that know only a password
    coordinator/  credentials, the secret by which e-mail addresses are found, and a copy of what personal texts are
                  sealed with
"""

import os
import secrets
from pathlib import Path
from typing import Final

from adapters.nats.accounts.nkey import BadKey, Kind, NKey

MASTER_BYTES: Final = 32
CREDENTIALS: Final = """\
-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""


class KeysUnusable(Exception):
    """A secret is missing, damaged or unreadable; the text names the file and what to do."""


class KeyFolder:
    def __init__(self, path: Path) -> None:
        """Touches nothing yet."""
        self.path = path

    def make(self) -> None:
        """The folder itself, closed to everybody else. Raises `KeysUnusable`."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as fault:
            raise KeysUnusable(f"{self.path}: {fault.strerror}") from fault

    def pair(self, name: str, kind: Kind) -> NKey:
        """The key pair of that name. Raises `KeysUnusable` where there is none."""
        try:
            return NKey.from_seed(self._read(f"{name}.seed"), kind)
        except BadKey as fault:
            raise KeysUnusable(f"{self.path / name}.seed: {fault}; restore it from a copy") from fault

    def pair_or_new(self, name: str, kind: Kind) -> NKey:
        """The key pair of that name, made where there is none yet."""
        if not self.has(f"{name}.seed"):
            self.write(f"{name}.seed", NKey.new(kind).seed)
        return self.pair(name, kind)

    def master(self, name: str) -> bytes:
        """A secret from which others are derived. Raises `KeysUnusable` where there is none."""
        try:
            return bytes.fromhex(self._read(f"{name}.master"))
        except ValueError as fault:
            raise KeysUnusable(f"{self.path / name}.master: is damaged; restore it from a copy") from fault

    def master_or_new(self, name: str) -> bytes:
        if not self.has(f"{name}.master"):
            self.write(f"{name}.master", secrets.token_hex(MASTER_BYTES))
        return self.master(name)

    def credentials(self, name: str) -> Path:
        """The credentials file of a role, for the client library. Raises `KeysUnusable` where there is none."""
        path = self.path / f"{name}.creds"
        if not path.is_file():
            raise KeysUnusable(f"{path}: is missing; make it with `archipelago keys refresh`")
        return path

    def write_credentials(self, name: str, jwt: str, user: NKey) -> None:
        self.write(f"{name}.creds", CREDENTIALS.format(jwt=jwt, seed=user.seed))

    def has(self, name: str) -> bool:
        return (self.path / name).is_file()

    def write(self, name: str, text: str) -> None:
        """Whole or not at all: written beside and renamed, so that an interruption leaves no empty secret."""
        draft = self.path / f".{name}.draft"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path / name)

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def _read(self, name: str) -> str:
        try:
            return (self.path / name).read_text().strip()
        except FileNotFoundError as fault:
            raise KeysUnusable(f"{self.path / name}: is missing; restore it from a copy") from fault
        except OSError as fault:
            raise KeysUnusable(f"{self.path / name}: {fault.strerror}") from fault
