"""Who calls: from the text of an API key to the account and the scopes it stands for.

Used by every route and by open WebSockets. Keys seen lately stay in a small memory for at most a minute; a
revocation, heard from the event log or made here, ends a key at once, open WebSockets included.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from api.api_key_text import is_api_key, sha256_of
from domain.api_key import ApiKeyRevoked, Scope
from domain.ids import AccountId
from projections.read_model import ReadModel

KEYS_CACHED_MAX: Final = 5_000
REVOKED_REMEMBERED_MAX: Final = 50_000
RECHECK_MS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    key_id: str
    account_id: AccountId
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class _Seen:
    caller: Caller
    looked_up_at_ms: int


class KeyRing:
    def __init__(self, reads: ReadModel, now_ms: Callable[[], int]) -> None:
        self._reads = reads
        self._now_ms = now_ms
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        # The read side may show a key for a moment after its revocation was heard; this outlives that moment.
        self._revoked: OrderedDict[str, None] = OrderedDict()
        self._listeners: dict[str, set[Callable[[], None]]] = {}

    async def caller(self, text: str) -> Caller | None:
        """Who shows this key, or None where it is no valid key."""
        if not is_api_key(text):
            return None
        digest = sha256_of(text)
        seen = self._seen.get(digest)
        if seen is None or self._now_ms() - seen.looked_up_at_ms >= RECHECK_MS:
            seen = await self._look_up(digest)
        if seen is None or seen.caller.key_id in self._revoked:
            self._seen.pop(digest, None)
            return None
        self._seen[digest] = seen
        self._seen.move_to_end(digest)
        while len(self._seen) > KEYS_CACHED_MAX:
            self._seen.popitem(last=False)
        return seen.caller

    async def _look_up(self, digest: str) -> _Seen | None:
        row = await self._reads.api_key_by_hash(digest)
        if row is None or row.revoked_at_ms is not None:
            return None
        caller = Caller(
            key_id=row.key_id, account_id=row.account_id, scopes=frozenset(map(Scope, row.scopes))
        )
        return _Seen(caller, self._now_ms())

    def is_revoked(self, key_id: str) -> bool:
        return key_id in self._revoked

    def take(self, event: object) -> None:
        """Hears of a revocation in the log."""
        if isinstance(event, ApiKeyRevoked):
            self.revoke(event.key_id)

    def revoke(self, key_id: str) -> None:
        """From now on the key is nobody."""
        self._revoked[key_id] = None
        while len(self._revoked) > REVOKED_REMEMBERED_MAX:
            self._revoked.popitem(last=False)
        for tell in tuple(self._listeners.get(key_id, ())):
            tell()

    def on_revocation(self, key_id: str, tell: Callable[[], None]) -> Callable[[], None]:
        """Calls `tell` when the key is revoked. Returns what ends that."""
        listeners = self._listeners.setdefault(key_id, set())
        listeners.add(tell)

        def forget() -> None:
            listeners.discard(tell)
            if not listeners and self._listeners.get(key_id) is listeners:
                del self._listeners[key_id]

        return forget
