"""Whose certificates this island believes: the file it was given when it joined counts for later starts, too.

Called by the composition root before the island speaks with anybody. A copy lies in the state directory.
"""

from pathlib import Path
from typing import Final

from adapters.tls import client_context
from island.settings import Settings
from island.state_store import StateStore

AUTHORITY_FILE: Final = "authority.pem"


def authority_file(settings: Settings, store: StateStore) -> Path | None:
    """None where the system's list counts. Raises `TlsUnusable`."""
    if settings.ca_file is not None:
        client_context(settings.ca_file)
        store.write(AUTHORITY_FILE, settings.ca_file.read_bytes())
    elif settings.joins_again:
        store.remove(AUTHORITY_FILE)
    return store.path(AUTHORITY_FILE) if store.read(AUTHORITY_FILE) is not None else None
