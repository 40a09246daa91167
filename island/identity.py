"""Who this island is: two keys of its own, made once and kept in the state directory. Their seeds never leave it.

The account key is the identity: its public half is the island's id everywhere (`A` and 55 characters), so an id cannot
be chosen, only owned. Whoever loses its seed has a new island without karma. The user key is what the island connects
and signs with; a lost or revoked one is replaced by joining again.
"""

from dataclasses import dataclass
from typing import Final

from adapters.nats.accounts.nkey import BadKey, Kind, NKey
from domain.ids import IslandId
from island.state_store import StateStore

ACCOUNT_SEED_FILE: Final = "account.seed"
USER_SEED_FILE: Final = "user.seed"
IF_LOST: Final = {
    Kind.ACCOUNT: "restore it, or delete it to become a new island",
    Kind.USER: "restore it, or delete it and join again",
}


class IdentityUnusable(Exception):
    """A seed file is there and holds no such seed; the text names it and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """`is_new`: there was no account key before."""

    account: NKey
    user: NKey
    is_new: bool

    @property
    def island_id(self) -> IslandId:
        return IslandId(self.account.public)


def load_or_make(store: StateStore) -> Identity:
    """Raises `IdentityUnusable`: a damaged seed is never silently replaced."""
    account = _stored(store, ACCOUNT_SEED_FILE, Kind.ACCOUNT)
    return Identity(
        account=account or _made(store, ACCOUNT_SEED_FILE, Kind.ACCOUNT),
        user=_stored(store, USER_SEED_FILE, Kind.USER) or _made(store, USER_SEED_FILE, Kind.USER),
        is_new=account is None,
    )


def with_new_user_key(store: StateStore, identity: Identity) -> Identity:
    """The same island, for a coordinator that no longer takes its old user key."""
    user = _made(store, USER_SEED_FILE, Kind.USER)
    return Identity(account=identity.account, user=user, is_new=identity.is_new)


def _stored(store: StateStore, name: str, kind: Kind) -> NKey | None:
    seed = store.read(name)
    if seed is None:
        return None
    try:
        return NKey.from_seed(seed.decode(), kind)
    except (BadKey, UnicodeDecodeError) as fault:
        raise IdentityUnusable(f"{name}: is damaged ({fault}); {IF_LOST[kind]}") from fault


def _made(store: StateStore, name: str, kind: Kind) -> NKey:
    key = NKey.new(kind)
    store.write(name, key.seed.encode())
    return key
