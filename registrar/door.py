"""The door as a program: `python -m registrar.door`. Lets in islands that know only a user name and a password.

The server asks it about every connection without a document of its own. Who passes becomes a user of that island's own
account for an hour, with the rights of any other island. Several doors may run side by side; with none, such islands
wait outside and all others notice nothing. It holds the signing keys of islands with a password and no others.
"""

import contextlib
import hashlib
import hmac
import logging
import secrets
import sys
from collections.abc import Callable
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

from adapters import clock
from adapters.nats.accounts.door_keys import Caller, DoorKeys, caller_of
from adapters.nats.accounts.jwt import BadDocument
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.roles import Role
from registrar.island_books import IslandBook, IslandBooks
from registrar.island_facts import IslandFacts
from registrar.program import connected, run_program, until_closed
from registrar.settings import DoorSettings
from registrar.tasks import first_of

QUESTIONS: Final = "$SYS.REQ.USER.AUTH"
QUEUE: Final = "door"
WAITING_MAX: Final = 1_000
"""Questions that wait; a server gives up on each after two seconds, so more would be answered in vain."""
VALID_S: Final = 3_600

log = logging.getLogger(__name__)


def main() -> int:
    return run_program(DoorSettings, serve)


async def serve(settings: DoorSettings) -> None:
    """Keeps one door until cancelled. Raises `KeysUnusable`, `TlsUnusable`, `ClosedForGood` and `codec.Unknown`."""
    keys = DoorKeys.of_door(KeyFolder(settings.nats_keys))
    async with connected(settings, Role.DOOR) as client, connected(settings, Role.DOOR_CORE) as core:
        books = IslandBooks()
        door = Door(books, keys=keys, now_s=lambda: clock.now_ms() // 1_000)
        await first_of(door.keep(client, IslandFacts(core, books)), until_closed(client, core))


class Door:
    def __init__(self, books: IslandBooks, *, keys: DoorKeys, now_s: Callable[[], int]) -> None:
        self.books = books
        self._keys = keys
        self._now_s = now_s
        # What an unknown user's password is compared with, so that the answer takes no less time.
        self._nobody = secrets.token_hex(32)

    async def keep(self, client: Client, facts: IslandFacts) -> None:
        """Judges from now on, until cancelled. `client` is connected as `door`."""
        await facts.read()
        await client.subscribe(QUESTIONS, queue=QUEUE, cb=self._receive, pending_msgs_limit=WAITING_MAX)
        with contextlib.suppress(
            Error
        ):  # Only so that the line below is true: a server may be away at this moment.
            await client.flush()
        log.info("door_open", extra={"position": self.books.position})
        async for _ in facts.follow():
            pass

    async def _receive(self, message: Msg) -> None:
        try:
            caller = caller_of(message.data.decode())
        except (BadDocument, UnicodeDecodeError) as fault:
            log.warning("question_unreadable", extra={"error": repr(fault)})
            return
        await message.respond(self.answer(caller).encode())

    def answer(self, caller: Caller) -> str:
        """The document that the server is told. A wrong password and an unknown user are told alike."""
        book = self._judged(caller)
        now_s = self._now_s()
        if book is None:
            return self._keys.refusal(caller, issued_at_s=now_s)
        return self._keys.admission(caller, book.account, issued_at_s=now_s, expires_at_s=now_s + VALID_S)

    def _judged(self, caller: Caller) -> IslandBook | None:
        """The island that may come in, if any.

        One round of SHA-256 is enough: we make the passwords, of 192 random bits, so there is nothing to guess. Where
        people choose them it takes a slow hash.
        """
        book = self.books.at_home(caller.user)
        known = book.island.password_sha256 if book is not None and book.may_enter else None
        told = hashlib.sha256(caller.password.encode(errors="surrogatepass")).hexdigest()
        is_right = hmac.compare_digest(told, known or self._nobody)
        return book if is_right and known is not None else None


if __name__ == "__main__":
    sys.exit(main())
