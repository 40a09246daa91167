"""Who calls: from the text of an API key or a session to the account and the scopes it stands for.

Used by every route and by open WebSockets. Keys and sessions seen lately stay in a small memory for at most a minute; a
revocation, heard from the event log or made here, ends them at once, open WebSockets included.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from api.api_key_text import is_api_key, sha256_of
from api.session_text import is_session_text
from domain.api_key import ApiKeyRevoked, Scope
from domain.ids import AccountId
from domain.session import SessionEnded
from projections.accounts import ApiKeyRow
from projections.read_model import ReadModel
from projections.sign_in_reads import SignInReads
from projections.sign_in_rows import SessionRow

KEYS_CACHED_MAX: Final = 5_000
REVOKED_REMEMBERED_MAX: Final = 50_000
RECHECK_MS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """`key_id` is the id of an API key or of a session; `requests_per_minute` None: as many as the network's own
    number.
    """

    key_id: str
    account_id: AccountId
    scopes: frozenset[Scope]
    is_session: bool = False
    expires_at_ms: int | None = None
    requests_per_minute: int | None = None

    @property
    def actor(self) -> str:
        """Who asked, as the log names it."""
        return f"session.{self.key_id}" if self.is_session else f"api_key.{self.key_id}"


@dataclass(frozen=True, slots=True)
class _Seen:
    caller: Caller
    looked_up_at_ms: int


class KeyRing:
    def __init__(self, reads: ReadModel, sign_ins: SignInReads, now_ms: Callable[[], int]) -> None:
        self._reads = reads
        self._sign_ins = sign_ins
        self._now_ms = now_ms
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        # The read side may show a key for a moment after its revocation was heard; this outlives that moment.
        self._revoked: OrderedDict[str, None] = OrderedDict()
        self._listeners: dict[str, set[Callable[[], None]]] = {}

    async def caller(self, text: str, *, may_look_up: bool = True) -> Caller | None:
        """Who shows this key or session, or None where it is not valid, or unseen and not to be looked up."""
        if not is_api_key(text) and not is_session_text(text):
            return None
        digest = sha256_of(text)
        seen = self._seen.get(digest)
        if may_look_up and (seen is None or self._now_ms() - seen.looked_up_at_ms >= RECHECK_MS):
            found = await self._look_up(text, digest)
            seen = None if found is None else _Seen(found, self._now_ms())
        if seen is None or not self.is_in_force(seen.caller):
            self._seen.pop(digest, None)
            return None
        self._seen[digest] = seen
        self._seen.move_to_end(digest)
        while len(self._seen) > KEYS_CACHED_MAX:
            self._seen.popitem(last=False)
        return seen.caller

    def is_in_force(self, caller: Caller) -> bool:
        """Whether it was neither revoked nor is its time over, as far as is known here."""
        is_over = caller.expires_at_ms is not None and self._now_ms() >= caller.expires_at_ms
        return not is_over and caller.key_id not in self._revoked

    async def is_recorded(self, caller: Caller) -> bool:
        """The same, as the read side says."""
        if not self.is_in_force(caller):
            return False
        if caller.is_session:
            sessions = await self._sign_ins.sessions(caller.account_id, now_ms=self._now_ms())
            return any(row.session_id == caller.key_id for row in sessions)
        return any(row.key_id == caller.key_id for row in await self._reads.api_keys(caller.account_id))

    async def _look_up(self, text: str, digest: str) -> Caller | None:
        if is_session_text(text):
            session = await self._sign_ins.session_by_hash(digest)
            return None if session is None else session_caller(session)
        key = await self._reads.api_key_by_hash(digest)
        return None if key is None else key_caller(key)

    def is_revoked(self, key_id: str) -> bool:
        return key_id in self._revoked

    def take(self, event: object) -> None:
        """Hears of a revocation in the log."""
        if isinstance(event, ApiKeyRevoked):
            self.revoke(event.key_id)
        elif isinstance(event, SessionEnded):
            self.revoke(event.session_id)

    def revoke(self, key_id: str) -> None:
        """From now on the key or session is nobody."""
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


def key_caller(row: ApiKeyRow) -> Caller:
    return Caller(
        key_id=row.key_id,
        account_id=row.account_id,
        scopes=frozenset(row.scopes),
        expires_at_ms=row.expires_at_ms,
        requests_per_minute=row.requests_per_minute,
    )


def session_caller(row: SessionRow) -> Caller:
    return Caller(
        key_id=row.session_id,
        account_id=row.account_id,
        scopes=frozenset(row.scopes),
        is_session=True,
        expires_at_ms=row.expires_at_ms,
    )
