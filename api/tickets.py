"""Tickets for WebSockets: what a web page sends instead of its key, good for one use within 30 seconds.

Kept in the memory of this process; a page whose ticket another process made asks for a new one.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from api.key_ring import Caller

LIFE_S: Final = 30
TICKETS_MAX: Final = 10_000
TICKET_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class _Ticket:
    caller: Caller
    ends_at_ms: int


class Tickets:
    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._open: OrderedDict[str, _Ticket] = OrderedDict()

    def issue(self, caller: Caller) -> str:
        text = secrets.token_urlsafe(TICKET_BYTES)
        self._open[text] = _Ticket(caller, self._now_ms() + LIFE_S * 1000)
        while len(self._open) > TICKETS_MAX:
            self._open.popitem(last=False)
        return text

    def redeem(self, text: str) -> Caller | None:
        """Whose ticket this is; from then on nobody's."""
        ticket = self._open.pop(text, None)
        return ticket.caller if ticket and self._now_ms() < ticket.ends_at_ms else None
