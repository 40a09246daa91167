"""Which user key each of our roles has, and which it had before. Kept in the operator's folder, public keys only.

Used by `deployment.py`. A role has one key at a time: whatever key of it is no longer in its folder, replaced or lost,
is worth nothing from the next start of the server on. So a folder that was copied in secret, or lost on the way, is
made harmless by making it anew.
"""

import json
from typing import Final

from adapters.nats.accounts.key_folder import KeyFolder, KeysUnusable
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import PERMISSIONS, Home, Role

FILE: Final = "users.json"


class RoleUsers:
    """`{role: [public key, …]}`, the present one last."""

    def __init__(self, operator: KeyFolder) -> None:
        self._operator = operator

    def pair(self, role: Role, folder: KeyFolder) -> NKey:
        """The role's key pair, made where there is none or only one from before. Raises `KeysUnusable`."""
        known = self._read()
        issued = known.get(role, [])
        user = folder.pair_or_new(seed_name(role), Kind.USER)
        if user.public in issued[:-1]:  # Brought back from an old copy.
            folder.remove(f"{seed_name(role)}.seed")
            user = folder.pair_or_new(seed_name(role), Kind.USER)
        if user.public not in issued:
            self._operator.write(FILE, json.dumps({**known, role: [*issued, user.public]}, indent=1))
        return user

    def revoked(self, home: Home) -> list[str]:
        """The public keys that no role of this account has any more. Raises `KeysUnusable`."""
        known = self._read()
        return [key for role in Role if PERMISSIONS[role].home is home for key in known.get(role, [])[:-1]]

    def _read(self) -> dict[str, list[str]]:
        if not self._operator.has(FILE):
            return {}
        path = self._operator.path / FILE
        try:
            found = json.loads(path.read_text())
            return {str(role): [str(key) for key in keys] for role, keys in found.items()}
        except (OSError, ValueError, AttributeError, TypeError) as fault:
            raise KeysUnusable(f"{path}: cannot be read ({fault}); restore it from a copy") from fault


def seed_name(role: Role) -> str:
    """The name of the role's key pair in its folder."""
    return f"{role}-user"
