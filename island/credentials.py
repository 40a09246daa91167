"""What an island has been given by its coordinator: where the network is and the document that lets it in.

Made by `island.enrolment`, kept in the state directory, readable by the owner alone. The link connects with the newest
document, `island.renewal` replaces it, `island.pairing` notes whether the island has an owner who lets it work.
"""

from typing import Final

import msgspec

from island.identity import Identity
from island.state_store import StateStore

CREDENTIALS_FILE: Final = "credentials.json"
FAREWELL_FILE: Final = "farewell"


class Credentials(msgspec.Struct, kw_only=True, frozen=True):
    """`host_id` is the island's own id, as the coordinator knows it; `user_jwt` is for `user_key` and worth nothing
    after `expires_at_s` (Unix seconds). At `pair_url` its owner types in a code.
    """

    host_id: str
    user_key: str
    name: str
    coordinator_url: str
    nats_url: str
    user_jwt: str
    expires_at_s: int
    pair_url: str
    is_paired: bool


def stored_credentials(
    store: StateStore, identity: Identity, coordinator_url: str | None
) -> Credentials | None:
    """Those of an earlier enrolment of this very island and key; with a URL, at that coordinator."""
    content = store.read(CREDENTIALS_FILE)
    if content is None:
        return None
    try:
        credentials = msgspec.json.decode(content, type=Credentials)
    except msgspec.DecodeError:
        return None
    if (credentials.host_id, credentials.user_key) != (identity.island_id, identity.user.public):
        return None
    is_elsewhere = coordinator_url is not None and credentials.coordinator_url != coordinator_url
    return None if is_elsewhere else credentials


def stored_farewell(store: StateStore) -> str | None:
    """Why the network has sent this island away, in words for its owner; None unless it has."""
    content = store.read(FAREWELL_FILE)
    return None if content is None else content.decode(errors="replace")


class KeptCredentials:
    """The newest credentials, in memory and on the disk."""

    def __init__(self, store: StateStore, credentials: Credentials) -> None:
        """`credentials` are on the disk from now on, and no farewell is."""
        self._store = store
        self.replace(credentials)
        store.remove(FAREWELL_FILE)

    @property
    def newest(self) -> Credentials:
        return self._newest

    def replace(self, credentials: Credentials) -> None:
        self._newest = credentials
        self._store.write(CREDENTIALS_FILE, msgspec.json.encode(credentials))

    def note_pairing(self, *, is_paired: bool) -> None:
        if self._newest.is_paired is not is_paired:
            self.replace(msgspec.structs.replace(self._newest, is_paired=is_paired))

    def give_up(self, farewell: str) -> None:
        """They are worth nothing any more, and a later start shall say why."""
        self._store.write(FAREWELL_FILE, farewell.encode())
        self._store.remove(CREDENTIALS_FILE)
