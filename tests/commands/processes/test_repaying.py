"""A refund finds its way: each part from where it went, the rest from the treasury, all of it once."""

from typing import Any

import pytest

from commands.handle import CommandHandler
from commands.process import Process, ReactionCarrier, advance
from commands.processes.repaying import REPAYING
from commands.processes.settling import SETTLING
from domain.account import ACCOUNT, Account
from domain.account_commands import GrantCredits, HoldCredits, OpenAccount, ReleaseEscrow, SettleHold
from domain.decider import Decider
from domain.ids import AccountId
from domain.pricing import MICRO_PER_CREDIT
from domain.refund import REFUND, RequestRefund
from domain.treasury import TREASURY, TREASURY_ID, CollectFees, Treasury
from projections.ledger import entries_of
from projections.postings import CLEARING
from tests.commands.mailboxes import Prints, RecordingMailbox
from tests.examples import BID_MICRO, CUSTOMER, ISLAND, JOB_ID, OTHER_JOB_ID, OWNER, PUBLISHER, T0_MS, origin
from tests.memory_log import MemoryEventLog

CHARGE_MICRO = 4 * MICRO_PER_CREDIT
FEE_MICRO, PUBLISHER_MICRO, ISLAND_MICRO = 400_000, 200_000, 3_400_000
GRANT_MICRO = 100 * MICRO_PER_CREDIT


class Network:
    """Accounts, the treasury and the two processes that move credits, on a log in memory."""

    def __init__(self) -> None:
        self.log = MemoryEventLog()
        self.handler = CommandHandler(self.log)
        self.carrier = ReactionCarrier(self.handler, RecordingMailbox(), Prints())
        self.number = 0

    async def do(self, decider: Decider[Any, Any, Any], aggregate_id: str, command: Any) -> None:
        self.number += 1
        await self.handler.handle(decider, aggregate_id, command, origin=origin(f"test-{self.number}"))

    async def follow(self, *processes: Process) -> None:
        """Takes the whole log through the processes until nothing more comes of it."""
        last = -1
        while last != await self.log.last_position():
            last = await self.log.last_position()
            for process in processes:
                async for commits in self.log.read(after=0):
                    await advance(process, commits, self.carrier)

    async def paid(self) -> None:
        """A customer has paid a job; the island's part waits in escrow."""
        for account_id in (CUSTOMER, OWNER, PUBLISHER):
            opened = OpenAccount(account_id=account_id, name=account_id, now_ms=T0_MS)
            await self.do(ACCOUNT, account_id, opened)
        granted = GrantCredits(
            account_id=CUSTOMER, grant_id="first", amount_micro=GRANT_MICRO, reason="test", now_ms=T0_MS
        )
        held = HoldCredits(account_id=CUSTOMER, job_id=JOB_ID, amount_micro=BID_MICRO, now_ms=T0_MS)
        settled = SettleHold(
            account_id=CUSTOMER,
            job_id=JOB_ID,
            charge_micro=CHARGE_MICRO,
            island_id=ISLAND,
            owner_id=OWNER,
            publisher_id=PUBLISHER,
            now_ms=T0_MS,
        )
        for command in (granted, held, settled):
            await self.do(ACCOUNT, CUSTOMER, command)
        await self.follow(SETTLING)

    async def collect(self, amount_micro: int, *, after: int = 0) -> None:
        command = CollectFees(
            after_position=after, through_position=after + 1, amount_micro=amount_micro, now_ms=T0_MS
        )
        await self.do(TREASURY, TREASURY_ID, command)

    async def refund(self) -> None:
        command = RequestRefund(
            job_id=JOB_ID,
            account_id=CUSTOMER,
            original="6.0",
            platform_fee_micro=FEE_MICRO,
            publisher_micro=PUBLISHER_MICRO,
            island_micro=ISLAND_MICRO,
            island_id=ISLAND,
            owner_id=OWNER,
            publisher_id=PUBLISHER,
            reason="the result was wrong",
            now_ms=T0_MS,
        )
        await self.do(REFUND, JOB_ID, command)
        await self.follow(REPAYING)

    async def account(self, account_id: AccountId) -> Account:
        return await self.handler.state(ACCOUNT, account_id)

    async def treasury(self) -> Treasury:
        return await self.handler.state(TREASURY, TREASURY_ID)

    async def cleared_micro(self) -> int:
        """What is on its way between accounts."""
        return sum(
            [
                entry.amount_micro
                async for commits in self.log.read(after=0)
                for commit in commits
                for entry in entries_of(commit)
                if entry.account == CLEARING
            ]
        )


@pytest.fixture
async def network() -> Network:
    network = Network()
    await network.paid()
    return network


async def test_all_of_a_charge_comes_back_from_where_it_went(network: Network) -> None:
    await network.collect(FEE_MICRO)
    await network.refund()
    assert (await network.account(CUSTOMER)).free_micro == GRANT_MICRO
    assert (await network.account(OWNER)).escrow_micro == {}
    assert (await network.account(PUBLISHER)).free_micro == 0
    assert (await network.treasury()).balance_micro == 0
    assert await network.cleared_micro() == 0


async def test_a_refund_that_is_repeated_from_any_step_gives_nothing_twice(network: Network) -> None:
    await network.collect(10 * FEE_MICRO)
    await network.refund()
    last = await network.log.last_position()
    await network.refund()
    assert await network.log.last_position() == last
    assert (await network.account(CUSTOMER)).free_micro == GRANT_MICRO


async def test_the_treasury_covers_what_the_island_s_owner_has_spent(network: Network) -> None:
    unlocked = ReleaseEscrow(account_id=OWNER, island_id=ISLAND, now_ms=T0_MS)
    spent = HoldCredits(account_id=OWNER, job_id=OTHER_JOB_ID, amount_micro=3_000_000, now_ms=T0_MS)
    await network.do(ACCOUNT, OWNER, unlocked)
    await network.do(ACCOUNT, OWNER, spent)
    await network.collect(FEE_MICRO + 3_000_000)
    await network.refund()
    assert (await network.account(CUSTOMER)).free_micro == GRANT_MICRO
    owner = await network.account(OWNER)
    assert (owner.free_micro, owner.holds_micro) == (0, {OTHER_JOB_ID: 3_000_000})
    assert (await network.treasury()).balance_micro == 0


async def test_what_the_treasury_lacks_arrives_with_the_next_fees(network: Network) -> None:
    await network.refund()
    assert (await network.account(CUSTOMER)).free_micro == GRANT_MICRO - FEE_MICRO
    await network.collect(FEE_MICRO)
    await network.follow(REPAYING)
    assert (await network.account(CUSTOMER)).free_micro == GRANT_MICRO
    assert await network.cleared_micro() == 0
