"""Who this island is: an account key of its own, made once and kept in the state directory.

The public half is the island's id everywhere (`A` and 55 characters), so an id cannot be chosen, only owned. Whoever
loses the seed file has a new island without karma.
"""

import secrets
from dataclasses import dataclass
from typing import Final

import nkeys  # type: ignore[import-untyped]  # the library ships no types

from domain.ids import IslandId
from island.state_store import StateStore

SEED_FILE: Final = "account.seed"
SEED_BYTES: Final = 32


class IdentityUnusable(Exception):
    """The seed file is there and is no account seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    island_id: IslandId
    is_new: bool


def load_or_make(store: StateStore) -> Identity:
    """Raises `IdentityUnusable`: a damaged identity is never silently replaced."""
    seed = store.read(SEED_FILE)
    is_new = seed is None
    if seed is None:
        seed = bytes(nkeys.encode_seed(secrets.token_bytes(SEED_BYTES), nkeys.PREFIX_BYTE_ACCOUNT))
        store.write(SEED_FILE, seed)
    return Identity(island_id=_public_key(seed), is_new=is_new)


def _public_key(seed: bytes) -> IslandId:
    try:
        public_key = nkeys.from_seed(bytearray(seed.strip())).public_key.decode()
    except (nkeys.NkeysError, ValueError) as fault:
        raise IdentityUnusable(
            f"{SEED_FILE}: is damaged; restore it, or delete it to become a new island"
        ) from fault
    if not public_key.startswith("A"):
        raise IdentityUnusable(f"{SEED_FILE}: must hold the seed of an account, not of something else")
    return IslandId(public_key)
