"""What the log says of each island, as far as its account on NATS depends on it. Pure: facts in, wanted accounts out.

Folded by the registrar and by the door, each from the whole log at its start. Who belongs is the domain's to say
(`domain.island_state`); added here are the moments from which older documents are worth nothing. `wanted` is a function
of the facts and of the present minute alone, so making the server agree with it twice is no change.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, assert_never

from adapters.nats.accounts.layout import IslandAccount
from adapters.nats.accounts.nkey import Kind, is_public_key
from domain.island_events import (
    FloodPenalized,
    IslandEnrolled,
    IslandKeyReplaced,
    IslandPaired,
    IslandReinstated,
    IslandRemoved,
    IslandRevoked,
    IslandSuspended,
)
from domain.island_state import Island, Membership, evolve

PENDING_MS_MAX: Final = 24 * 3_600_000
"""An island that nobody vouches for within a day is forgotten by the server until it asks again."""
SECOND_MS: Final = 1_000

Fact = (
    IslandEnrolled
    | IslandPaired
    | IslandKeyReplaced
    | IslandRemoved
    | IslandRevoked
    | IslandSuspended
    | IslandReinstated
    | FloodPenalized
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandBook:
    """One island. `user_key` is the last one it had, also where it was revoked; times in Unix milliseconds.

    `worthless_before_ms`: whatever was signed for the island before counts no more. `asked_at_ms`: when it last joined
    or asked for its documents. `flooded_at_ms`: when it was last penalized for a flood.
    """

    island_id: str
    island: Island = Island()
    user_key: str | None = None
    changed_at_ms: int = 0
    worthless_before_ms: int = 0
    asked_at_ms: int = 0
    flooded_at_ms: int = 0

    @property
    def membership(self) -> Membership:
        return self.island.membership

    @property
    def is_barred(self) -> bool:
        """Whether connections that it had before must not go on as they are."""
        return self.island.is_suspended or self.membership is Membership.REVOKED

    @property
    def may_enter(self) -> bool:
        """Whether an island with a password is let in at the door."""
        is_member = self.membership in (Membership.PENDING, Membership.PAIRED)
        return is_member and not self.is_barred and self.island.password_sha256 is not None

    def is_lapsed(self, now_ms: int) -> bool:
        """Whether it has waited too long for somebody to vouch for it."""
        return self.membership is Membership.PENDING and now_ms - self.asked_at_ms > PENDING_MS_MAX

    @property
    def account(self) -> IslandAccount:
        return IslandAccount(
            island_id=self.island_id,
            user_key=self.user_key,
            local_id=self.island.local_id,
            is_paired=self.island.is_paired and not self.island.is_suspended,
            revoked_before_s=self.worthless_before_ms // SECOND_MS,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the server shall have of one island. Without an account it shall have nothing.

    `issued_at_s` dates the document; `has_queue`: a durable on `JOBS`; `is_barred`: no connection from before;
    `flooded_at_ms`: no connection from before this moment.
    """

    account: IslandAccount | None = None
    issued_at_s: int = 0
    has_queue: bool = False
    is_barred: bool = False
    flooded_at_ms: int = 0


def wanted(book: IslandBook, now_ms: int) -> Wanted:
    if book.membership is Membership.REMOVED or book.is_lapsed(now_ms):
        return Wanted()
    account = book.account
    return Wanted(
        account=account,
        issued_at_s=book.changed_at_ms // SECOND_MS,
        has_queue=account.is_paired and account.user_key is not None,
        is_barred=book.is_barred,
        flooded_at_ms=book.flooded_at_ms,
    )


class IslandBooks:
    """All islands, as of `position` of the log."""

    def __init__(self) -> None:
        self.position = 0
        self._books: dict[str, IslandBook] = {}
        self._by_local_id: dict[str, str] = {}

    def __iter__(self) -> Iterator[IslandBook]:
        return iter(tuple(self._books.values()))

    def get(self, island_id: str) -> IslandBook | None:
        return self._books.get(island_id)

    def at_home(self, local_id: str) -> IslandBook | None:
        """The island that calls itself so."""
        return self._books.get(self._by_local_id.get(local_id, ""))

    def take(self, position: int, events: Iterable[Any]) -> list[str]:
        """The facts of one commit. Returns the islands whose account may have to change.

        What is no account's key (an island of a network before accounts) has none and is left out.
        """
        changed: list[str] = []
        for event in events:
            if isinstance(event, Fact) and is_public_key(event.island_id, Kind.ACCOUNT):
                self._keep(folded(self._books.get(event.island_id), event))
                changed.append(event.island_id)
        self.position = position
        return changed

    def asked(self, island_id: str, now_ms: int) -> None:
        """The island has asked for its documents: it is there, and has another day."""
        if book := self._books.get(island_id):
            self._books[island_id] = replace(book, asked_at_ms=max(book.asked_at_ms, now_ms))

    def _keep(self, book: IslandBook) -> None:
        self._books[book.island_id] = book
        if book.island.local_id is not None:
            self._by_local_id[book.island.local_id] = book.island_id


def folded(book: IslandBook | None, fact: Fact) -> IslandBook:
    """The book after that fact."""
    before = book or IslandBook(island_id=fact.island_id)
    at_ms = instant(fact)
    if isinstance(fact, FloodPenalized):
        # Its documents stay as they are, so the moment of their last change does too.
        return replace(before, flooded_at_ms=at_ms)
    after = replace(
        before, island=evolve(before.island, fact), changed_at_ms=max(before.changed_at_ms, at_ms)
    )
    match fact:
        case IslandEnrolled():
            return replace(after, user_key=fact.user_key, asked_at_ms=at_ms)
        case IslandKeyReplaced():
            # The documents of the key before must not open anything any more.
            return replace(after, user_key=fact.user_key, asked_at_ms=at_ms, worthless_before_ms=at_ms)
        case IslandRemoved() | IslandRevoked():
            return replace(after, worthless_before_ms=at_ms)
        case IslandPaired() | IslandSuspended() | IslandReinstated():
            return after
        case _:
            assert_never(fact)


def instant(fact: Fact) -> int:
    """When it happened, in Unix milliseconds."""
    match fact:
        case IslandEnrolled():
            return fact.enrolled_at_ms
        case IslandPaired():
            return fact.paired_at_ms
        case IslandKeyReplaced():
            return fact.replaced_at_ms
        case IslandRemoved():
            return fact.removed_at_ms
        case IslandRevoked():
            return fact.revoked_at_ms
        case IslandSuspended():
            return fact.suspended_at_ms
        case IslandReinstated():
            return fact.reinstated_at_ms
        case FloodPenalized():
            return fact.penalized_at_ms
        case _:
            assert_never(fact)
