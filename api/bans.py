"""Who is banned: asked at the door for everything that is more than reading.

Held by `api.edge`. Read from the log, since work is taken in while the read side is away. Known for a moment only, so a
ban reaches every coordinator within `KEPT_MS`, and the one that served the operator at once.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from api.errors import ApiError, ErrorCode
from commands.handle import CommandHandler
from domain.ids import AccountId
from domain.person import PERSON

KEPT_MS: Final = 2_000
KEPT_MAX: Final = 5_000


class Bans:
    def __init__(self, handler: CommandHandler, now_ms: Callable[[], int]) -> None:
        self._handler = handler
        self._now_ms = now_ms
        self._known: OrderedDict[AccountId, tuple[int, bool]] = OrderedDict()

    async def check(self, account_id: AccountId) -> None:
        """Raises `ApiError` (forbidden) for who is banned; the reason is read at /verification/status."""
        if await self._is_banned(account_id):
            raise ApiError(
                ErrorCode.FORBIDDEN,
                "this account is banned: GET /verification/status says why; reading goes on",
            )

    def forget(self, account_id: AccountId) -> None:
        """It may have changed just now."""
        self._known.pop(account_id, None)

    async def _is_banned(self, account_id: AccountId) -> bool:
        known = self._known.get(account_id)
        if known is not None and self._now_ms() - known[0] < KEPT_MS:
            return known[1]
        is_banned = (await self._handler.state(PERSON, account_id)).is_banned
        self._known[account_id] = (self._now_ms(), is_banned)
        self._known.move_to_end(account_id)
        while len(self._known) > KEPT_MAX:
            self._known.popitem(last=False)
        return is_banned
