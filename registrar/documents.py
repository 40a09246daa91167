"""Handing out what islands connect with. Asked by the API on `registrar.documents.{island_id}`.

An answer comes when the books hold the fact that was asked about and the server knows the account, so an island can
connect with its document at once. The other side, with all codes: `adapters.nats.registrar_client`.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

from adapters.nats.accounts.island_keys import IslandKeys
from adapters.nats.registrar_client import DocumentsRefusal
from adapters.nats.replies import Refused, Unanswered
from domain.island_state import Membership
from registrar.agreement import Agreement
from registrar.island_books import IslandBook, IslandBooks
from registrar.island_facts import IslandFacts
from registrar.tasks import end

SUBJECT: Final = "registrar.documents.*"
WAIT_S_MAX: Final = 5.0
QUESTIONS_MAX: Final = 256
"""Answered at the same time; the rest is told at once to try again."""
VALID_S: Final = 86_400

log = logging.getLogger(__name__)


class Question(msgspec.Struct, frozen=True):
    position: int


class DocumentDesk:
    def __init__(
        self,
        books: IslandBooks,
        *,
        facts: IslandFacts,
        agreement: Agreement,
        keys: IslandKeys,
        now_ms: Callable[[], int],
    ) -> None:
        self._books = books
        self._facts = facts
        self._agreement = agreement
        self._keys = keys
        self._now_ms = now_ms
        self._answers: set[asyncio.Task[None]] = set()

    async def keep(self, client: Client) -> None:
        """Answers until cancelled. `client` is connected as `registrar-core`; the books must be followed meanwhile."""
        await client.subscribe(SUBJECT, queue="registrar", cb=self._receive)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await end(self._answers)

    async def _receive(self, message: Msg) -> None:
        if len(self._answers) >= QUESTIONS_MAX:
            await message.respond(told({"error": DocumentsRefusal.UNAVAILABLE}))
            return
        task = asyncio.create_task(self._respond(message))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _respond(self, message: Msg) -> None:
        island_id = message.subject.split(".")[2]
        try:
            async with asyncio.timeout(WAIT_S_MAX):
                answer = await self._documents(island_id, message.data)
        except (TimeoutError, Unanswered, Refused, Error, msgspec.MsgspecError) as fault:
            log.warning("documents_unavailable", extra={"island_id": island_id, "error": repr(fault)})
            answer = {"error": DocumentsRefusal.UNAVAILABLE}
        await message.respond(told(answer))

    async def _documents(self, island_id: str, body: bytes) -> dict[str, Any]:
        question = msgspec.json.decode(body, type=Question)
        await self._facts.wait(question.position)
        self._books.asked(island_id, self._now_ms())
        if (refusal := refusal_of(self._books.get(island_id))) is None:
            await self._agreement.agree_on(island_id)
        book = self._books.get(island_id)  # It may have been revoked meanwhile.
        if (refusal := refusal_of(book)) is not None:
            return {"error": refusal}
        assert book is not None
        return self._signed(book)

    def _signed(self, book: IslandBook) -> dict[str, Any]:
        """One with a password is told only when to ask again: the door signs for it whenever it connects."""
        now_s = self._now_ms() // 1_000
        answer: dict[str, Any] = {"expires_at_s": now_s + VALID_S}
        if book.user_key is not None:
            answer["user_jwt"] = self._keys.user_jwt(
                book.account, issued_at_s=now_s, expires_at_s=now_s + VALID_S
            )
        return answer


def refusal_of(book: IslandBook | None) -> DocumentsRefusal | None:
    """Why that island has no documents, if so."""
    match book.membership if book else Membership.UNKNOWN:
        case Membership.UNKNOWN:
            return DocumentsRefusal.ISLAND_UNKNOWN
        case Membership.REMOVED:
            return DocumentsRefusal.ISLAND_REMOVED
        case Membership.REVOKED:
            return DocumentsRefusal.KEY_REVOKED
        case Membership.PENDING | Membership.PAIRED:
            return None


def told(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer).encode()
