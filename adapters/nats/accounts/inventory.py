"""What keys a network has, for people: names, public keys and how old they are. Never a secret.

Used by `archipelago keys`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.nats.accounts.deployment import COORDINATOR, DOOR, OPERATOR, PREVIOUS_SIGNING, REGISTRAR
from adapters.nats.accounts.key_folder import KeysUnusable
from adapters.nats.accounts.nkey import BadKey, Kind, NKey

FOLDERS: Final = (OPERATOR, REGISTRAR, DOOR, COORDINATOR)
SECRET_SUFFIXES: Final = (".seed", ".master")
NS_A_MILLISECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One secret by its name. `public` is None where it is no key pair; `made_at_ms` are Unix milliseconds."""

    folder: str
    name: str
    public: str | None
    made_at_ms: int

    @property
    def is_outgoing(self) -> bool:
        """Whether it is the old key of a rotation under way."""
        return self.name == f"{PREVIOUS_SIGNING}.seed"


def secrets_below(root: Path) -> list[Secret]:
    """Every secret below the folder of a whole network, or of one machine of it. Raises `KeysUnusable`."""
    paths = [
        path
        for folder in FOLDERS
        for path in sorted((root / folder).glob("*"))
        if path.suffix in SECRET_SUFFIXES
    ]
    if not paths:
        raise KeysUnusable(f"{root}: holds no keys; make them with `archipelago keys refresh`")
    return [described(path) for path in paths]


def described(path: Path) -> Secret:
    """Raises `KeysUnusable`."""
    try:
        return Secret(
            folder=path.parent.name,
            name=path.name,
            public=public_key(path.read_text()) if path.suffix == ".seed" else None,
            made_at_ms=path.stat().st_mtime_ns // NS_A_MILLISECOND,
        )
    except OSError as fault:
        raise KeysUnusable(f"{path}: {fault.strerror}") from fault
    except BadKey as fault:
        raise KeysUnusable(f"{path}: {fault}; restore it from a copy") from fault


def public_key(seed: str) -> str:
    """The public key of a seed of any kind. Raises `BadKey`."""
    for kind in Kind:
        try:
            return NKey.from_seed(seed, kind).public
        except BadKey:
            continue
    raise BadKey("not a seed")
