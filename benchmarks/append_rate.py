"""Appending through the whole write path against publishing the same bytes raw.

Both sides send the same subjects, bodies and expectations to the same server, in turns, so noise hits both. `raw` is
nats-py alone: `request` with the expectation header. `handled` is `CommandHandler` on `JetStreamEventLog`.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from nats.aio.client import Client

from adapters import codec
from adapters.nats import subjects
from adapters.nats.accounts.roles import Role
from adapters.nats.connection import connect
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.streams import deploy_streams
from benchmarks.network import nats_server
from commands.event_log import Origin
from commands.handle import CommandHandler
from domain.account import ACCOUNT, decide, evolve
from domain.account_commands import GrantCredits, OpenAccount
from domain.ids import AccountId

ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendRate:
    """Appends per second, medians over the rounds; `ratio` is the median of the rounds' own ratios."""

    window: int
    raw_per_s: float
    handled_per_s: float
    ratio: float


def grants(account: AccountId, count: int) -> list[OpenAccount | GrantCredits]:
    return [
        OpenAccount(account_id=account, name="benchmark", now_ms=1),
        *(
            GrantCredits(account_id=account, grant_id=f"g{n}", amount_micro=5, reason="bench", now_ms=n)
            for n in range(count - 1)
        ),
    ]


async def raw(client: Client, accounts: list[AccountId], each: int) -> None:
    """One chain of expected appends per account; the decisions are made beforehand by the same decider."""
    bodies = [prepared_bodies(account, each) for account in accounts]

    async def chain(account: AccountId, messages: list[bytes]) -> None:
        expected = 0
        for body in messages:
            reply = await client.request(
                f"evt.account.{account}", body, headers={subjects.EXPECTED: str(expected)}, timeout=10
            )
            expected = int(reply.data.split(b'"seq":')[1].split(b",")[0].rstrip(b"} "))

    await asyncio.gather(
        *(chain(account, messages) for account, messages in zip(accounts, bodies, strict=True))
    )


def prepared_bodies(account: AccountId, each: int) -> list[bytes]:
    state, bodies = ACCOUNT.initial, []
    for command in grants(account, each):
        events = decide(state, command)
        for event in events:
            state = evolve(state, event)
        bodies.append(codec.encode(events))
    return bodies


async def handled(client: Client, accounts: list[AccountId], each: int) -> None:
    handler = CommandHandler(JetStreamEventLog(client))

    async def chain(account: AccountId) -> None:
        for n, command in enumerate(grants(account, each)):
            await handler.handle(ACCOUNT, account, command, origin=Origin(command_id=f"{account}-{n}"))

    await asyncio.gather(*(chain(account) for account in accounts))


async def timed(work: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def run(window: int, appends: int) -> AppendRate:
    """`window` aggregates are appended to at once, `appends` messages in all per round and side."""
    each = appends // window
    raw_rates, handled_rates = [], []
    async with nats_server() as server:
        await deploy_streams(server.access(Role.DEPLOY))
        client = await connect(server.access(Role.COORDINATOR), "append-rate")
        for number in range(ROUNDS):
            names = [AccountId(f"r{number}-{n}") for n in range(window)]
            others = [AccountId(f"h{number}-{n}") for n in range(window)]
            raw_rates.append(window * each / await timed(partial(raw, client, names, each)))
            handled_rates.append(window * each / await timed(partial(handled, client, others, each)))
        await client.close()
    return AppendRate(
        window=window,
        raw_per_s=statistics.median(raw_rates),
        handled_per_s=statistics.median(handled_rates),
        ratio=statistics.median(h / r for h, r in zip(handled_rates, raw_rates, strict=True)),
    )


async def main() -> None:
    for window, appends in ((1, 1_000), (100, 5_000)):
        rate = await run(window, appends)
        print(
            f"append, {window} at once: raw {rate.raw_per_s:,.0f}/s, through handle() "
            f"{rate.handled_per_s:,.0f}/s, ratio {rate.ratio:.2f}"
        )


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
