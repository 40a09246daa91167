"""The numbers of this island's claims: each higher than every earlier one, whatever happens to process and clock.

Given to the link by the composition root. Coordinators refuse claims with old numbers as replays. Numbers are taken
from blocks that the disk knows of before they are used; what is left of a block at the end of a process is skipped. A
fresh state directory begins at the clock's milliseconds, so that an island restored without this file goes on, too.
"""

import logging
from typing import Final

from island.state_store import StateStore

NUMBERS_FILE: Final = "claim-numbers"
BLOCK: Final = 1_000_000

log = logging.getLogger(__name__)


class ClaimNumbers:
    def __init__(self, store: StateStore, *, now_ms: int) -> None:
        self._store = store
        self._next = self._block_end = max(now_ms, _stored(store))

    def next(self) -> int:
        if self._next == self._block_end:
            self._block_end += BLOCK
            self._store.write(NUMBERS_FILE, str(self._block_end).encode())
        self._next += 1
        return self._next - 1


def _stored(store: StateStore) -> int:
    content = store.read(NUMBERS_FILE)
    try:
        return int(content or 0)
    except ValueError:
        log.warning("claim_numbers_unreadable")
        return 0
