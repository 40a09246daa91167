"""The account of whoever runs the embedded network: opened, funded and given its key at the first start.

Called by `api/main.py` when settings name a local key. Every step repeats harmlessly, so each start does all of them.
"""

import hashlib
from typing import Final

from adapters import clock
from commands.event_log import Origin
from commands.handle import CommandHandler
from domain.account import ACCOUNT
from domain.account_commands import GrantCredits, OpenAccount
from domain.api_key import API_KEY, IssueApiKey, Scope
from domain.ids import AccountId
from domain.pricing import SIGN_UP_GRANT_MICRO

LOCAL_ACCOUNT: Final = AccountId("local")
KEY_PREFIX_CHARACTERS: Final = 11  # `ak_` and the eight characters of the key's id.


async def ensure_local_account(handler: CommandHandler, key: str) -> int:
    """Returns the position behind which the account and its key exist."""
    now_ms = clock.now_ms()
    prefix = key[:KEY_PREFIX_CHARACTERS]
    key_id = prefix.removeprefix("ak_")
    opened = OpenAccount(account_id=LOCAL_ACCOUNT, name="Local account", now_ms=now_ms)
    granted = GrantCredits(
        account_id=LOCAL_ACCOUNT,
        grant_id="sign-up",
        amount_micro=SIGN_UP_GRANT_MICRO,
        reason="sign-up grant",
        now_ms=now_ms,
    )
    issued = IssueApiKey(
        key_id=key_id,
        account_id=LOCAL_ACCOUNT,
        name="Local key",
        prefix=prefix,
        secret_sha256=hashlib.sha256(key.encode()).hexdigest(),
        scopes=tuple(Scope),
        now_ms=now_ms,
    )
    for command in (opened, granted):
        await handler.handle(
            ACCOUNT, LOCAL_ACCOUNT, command, origin=Origin(command_id=clock.new_id(), actor="start")
        )
    handled = await handler.handle(
        API_KEY, key_id, issued, origin=Origin(command_id=clock.new_id(), actor="start")
    )
    return handled.position
