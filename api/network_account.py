"""The account of the network itself: it pays for second looks at results, out of what an operator grants it.

Called by `api.coordinator` whenever a coordinator begins to lead. Every step repeats harmlessly. With no credits left
results are no longer compared, and the verdicts say so.
"""

from adapters import clock
from commands.event_log import Origin
from commands.handle import CommandHandler
from domain.account import ACCOUNT
from domain.account_commands import AccountCommand, GrantCredits, OpenAccount
from domain.ids import NETWORK_ACCOUNT
from domain.pricing import MICRO_PER_CREDIT


async def ensure_network_account(handler: CommandHandler, granted: int) -> None:
    """Opens the account and grants it so many credits, once for every number of them. 0 grants none."""
    now_ms = clock.now_ms()
    commands: list[AccountCommand] = [OpenAccount(account_id=NETWORK_ACCOUNT, name="Network", now_ms=now_ms)]
    if granted:
        commands.append(
            GrantCredits(
                account_id=NETWORK_ACCOUNT,
                grant_id=f"checks-{granted}",
                amount_micro=granted * MICRO_PER_CREDIT,
                reason="checking of results",
                now_ms=now_ms,
            )
        )
    for command in commands:
        origin = Origin(command_id=clock.new_id(), actor="start")
        await handler.handle(ACCOUNT, NETWORK_ACCOUNT, command, origin=origin)
