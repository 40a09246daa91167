"""Making the NATS server agree with the books: every island's account, its durable, and no connection that may not be.

An island is compared with what was last made so; what differs is pushed, what fails is tried again for ever, and doing
anything twice is no change. Facts that have just come go before the long pass over all islands, so that a barred island
is gone within milliseconds also while thousands are pushed.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Final
from weakref import WeakValueDictionary

from nats.aio.client import Client
from nats.errors import Error

from adapters.nats.accounts.island_keys import IslandKeys
from adapters.nats.accounts.system import SystemAccount
from adapters.nats.replies import Refused, Unanswered
from adapters.nats.streams import create_jobs_consumer, delete_jobs_consumer
from domain.ids import IslandId
from registrar.island_books import IslandBook, IslandBooks, Wanted, wanted
from registrar.tasks import first_of

WORKERS: Final = 16
RETRY_S: Final = 1.0
RETRY_DOUBLINGS_MAX: Final = 6
LAPSED_EVERY_S: Final = 60.0
RECONNECTION_SEEN_S: Final = 0.2
PROGRESS_EVERY: Final = 1_000
UNACKNOWLEDGED_JOBS_MAX: Final = 256
"""The server's bound on an island's unacknowledged jobs; placement keeps an island within its own slots."""

log = logging.getLogger(__name__)


class Agreement:
    def __init__(
        self,
        books: IslandBooks,
        *,
        system: Client,
        core: Client,
        keys: IslandKeys,
        now_ms: Callable[[], int],
    ) -> None:
        """`system` is connected as `registrar`, `core` as `registrar-core`."""
        self._books = books
        self._client = system
        self._system = SystemAccount(system)
        self._core = core
        self._keys = keys
        self._now_ms = now_ms
        self._agreed: dict[str, tuple[int, Wanted]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._all = PassOverAll(())
        self._failures: Counter[str] = Counter()
        self._changed: deque[str] = deque()
        self._has_work = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        await first_of(
            self._agree_after_each_connection(),
            self._forget_lapsed(),
            *(self._work_off() for _ in range(WORKERS)),
        )

    def changed(self, island_ids: Iterable[str]) -> None:
        """The books have changed for these islands."""
        self._changed.extend(island_ids)
        self._has_work.set()

    async def agree_on(self, island_id: str) -> None:
        """The server knows the island as the books do when this returns. Raises `Unanswered`, `Refused` and `Error`."""
        async with self._locks.setdefault(island_id, asyncio.Lock()):
            book = self._books.get(island_id)
            if book is None:
                return
            connection, now = self._connection, wanted(book, self._now_ms())
            agreed_on, before = self._agreed.pop(island_id, (None, Wanted()))
            if (agreed_on, before) != (connection, now):
                is_known = agreed_on == connection
                was_barred = is_known and before.is_barred
                # Not at a start: floods of long ago end no connection of today.
                has_flooded = is_known and before.flooded_at_ms < now.flooded_at_ms
                await self._make_so(book, now, ends=has_flooded or (now.is_barred and not was_barred))
            self._agreed[island_id] = (connection, now)

    @property
    def _connection(self) -> int:
        """Another number after each reconnection: what was agreed on with the server before counts no more."""
        return self._client.stats["reconnects"]

    async def _make_so(self, book: IslandBook, now: Wanted, *, ends: bool) -> None:
        """`ends`: also its connections."""
        island_id = IslandId(book.island_id)
        if now.account is None:
            order = self._keys.deletion_jwt([island_id], issued_at_s=self._now_ms() // 1_000)
            await self._system.delete(order)
            await delete_jobs_consumer(self._core, island_id)
            return
        await self._system.push(self._keys.account_jwt(now.account, issued_at_s=now.issued_at_s))
        if ends:
            await self._system.kick(island_id)
        if now.has_queue:
            await create_jobs_consumer(self._core, island_id, slots=UNACKNOWLEDGED_JOBS_MAX)

    async def _work_off(self) -> None:
        """Changes first, so that a barred island does not wait for a pass over all."""
        while True:
            while not (self._changed or self._all.left):
                self._has_work.clear()
                await self._has_work.wait()
            if self._changed:
                await self._try(self._changed.popleft())
            else:
                await self._go_on(self._all)

    async def _go_on(self, over_all: "PassOverAll") -> None:
        is_agreed = await self._try(over_all.left.popleft())
        over_all.failed += not is_agreed
        over_all.done += 1
        over_all.tell()

    async def _try(self, island_id: str) -> bool:
        try:
            await self.agree_on(island_id)
        except (Unanswered, Refused, Error) as fault:
            log.warning("account_not_pushed", extra={"island_id": island_id, "error": repr(fault)})
            pause_s = RETRY_S * 2 ** self._failures[island_id]
            self._failures[island_id] = min(self._failures[island_id] + 1, RETRY_DOUBLINGS_MAX)
            asyncio.get_running_loop().call_later(pause_s, self.changed, [island_id])
            return False
        self._failures.pop(island_id, None)
        return True

    async def _agree_after_each_connection(self) -> None:
        """A server that has come back may have come back with an older folder of accounts."""
        agreed_on = None
        while True:
            connection = self._connection
            if connection != agreed_on:
                agreed_on = connection
                await self._begin_anew()
            await asyncio.sleep(RECONNECTION_SEEN_S)

    async def _begin_anew(self) -> None:
        """Every island anew, in place of a pass that is not done yet.

        What the log calls removed is deleted, because an old copy of the server's folder brings it back; accounts that
        the log does not know are left alone.
        """
        try:
            kept = await self._system.accounts()
        except (Unanswered, Refused, Error) as fault:
            log.warning("accounts_not_listed", extra={"error": repr(fault)})
            kept = frozenset(book.island_id for book in self._books)
        now_ms = self._now_ms()
        self._all = PassOverAll(
            book.island_id
            for book in self._books
            if book.island_id in kept or wanted(book, now_ms).account is not None
        )
        self._all.tell()
        self._has_work.set()

    async def _forget_lapsed(self) -> None:
        """Deletes the accounts of islands for which nobody has vouched in time."""
        while True:
            await asyncio.sleep(LAPSED_EVERY_S)
            now_ms = self._now_ms()
            self.changed([book.island_id for book in self._books if book.is_lapsed(now_ms)])


class PassOverAll:
    """Islands to compare with the server one by one, and how far that has come."""

    def __init__(self, island_ids: Iterable[str]) -> None:
        self.left = deque(island_ids)
        self.done = 0
        self.failed = 0
        self._count = len(self.left)

    def tell(self) -> None:
        """A line in the log now and then, and one at the end; recovery waits for that."""
        if self.done == self._count:
            log.info("accounts_pushed", extra={"count": self.done - self.failed, "failed": self.failed})
        elif self.done and self.done % PROGRESS_EVERY == 0:
            log.info("accounts_being_pushed", extra={"done": self.done, "count": self._count})
