"""Histories in which credits go every way they can, over several months: for tests of reports and of past balances.

As `tests.histories`, and besides: several runs of one job, batches, metered cargos, refunds, corrections, collected
fees, compensation, islands that change hands, and time that leaps by days. The same for the same seed.
"""

import random
from collections.abc import Sequence
from typing import Any, Final

from commands.batch_parts import job_of
from commands.event_log import Commit
from commands.process import CancelPart, Order, Reaction, SubmitPart
from commands.processes.batching import BATCHING
from commands.processes.collecting import Collecting
from commands.processes.compensating import Compensating
from commands.processes.expiring import Expiring
from commands.processes.repaying import REPAYING
from commands.replicas import RefundResult, refund_command
from domain.account import ACCOUNT
from domain.account_commands import CorrectCredits, HoldCredits, OpenAccount, ReleaseEscrow, SplitHold
from domain.account_events import HoldSettled
from domain.batch import BATCH
from domain.batch_events import Part
from domain.ids import NETWORK_ACCOUNT, AccountId, IslandId, JobId
from domain.island import ISLAND
from domain.island_commands import RemoveIsland
from domain.job import JOB
from domain.job_commands import CancelJob, SubmitJob
from domain.job_events import JobSubmitted
from domain.pricing import MICRO_PER_CREDIT, PriceUnit
from domain.refund import REFUND
from tests import batch_examples, examples
from tests.histories import FOLLOWING, Chance, Network, grant

DAY_MS: Final = 86_400_000
LEAP_DAYS_MAX: Final = 4
OPEN_JOBS_MAX: Final = 12
BATCH_PARTS: Final = 3


class PayingNetwork(Network):
    """What follows from a command is carried out to its end, refunds and batches included."""

    following = (*FOLLOWING, BATCHING, REPAYING)

    def __init__(self) -> None:
        super().__init__()
        self.open_jobs: list[JobId] = []
        self.settled: list[HoldSettled] = []
        self.planners = (Collecting(), Compensating(), Expiring())

    def add(self, stream: str, *events: Any) -> Commit:
        commit = super().add(stream, *events)
        for planner in self.planners:
            planner.take(commit)
        self.open_jobs += [event.job_id for event in events if isinstance(event, JobSubmitted)]
        self.settled += [event for event in events if isinstance(event, HoldSettled)]
        return commit

    def look(self) -> None:
        """The planners look once."""
        for planner in self.planners:
            for order in planner.plan(self.now_ms):
                events = self.do(order.decider, order.aggregate_id, order.command)
                if not events:
                    planner.failed(order)

    def refund(self, settled: HoldSettled) -> None:
        paid = [commit for commit in self.commits if commit.stream == ACCOUNT.stream(settled.account_id)]
        asked = RefundResult(job_id=settled.job_id, account_id=settled.account_id, now_ms=self.now_ms)
        command = refund_command(paid, asked)
        if command is not None:
            self.do(REFUND, settled.job_id, command)

    def _carry_out(self, reaction: Reaction) -> tuple[Any, ...]:
        match reaction:
            case SubmitPart():
                return self._submit_part(reaction)
            case CancelPart():
                cancel = CancelJob(
                    job_id=reaction.job_id,
                    account_id=reaction.account_id,
                    has_output=False,
                    now_ms=self.now_ms,
                )
                return self._decide(Order(decider=JOB, aggregate_id=reaction.job_id, command=cancel))
            case _:
                return super()._carry_out(reaction)

    def _submit_part(self, reaction: SubmitPart) -> tuple[Any, ...]:
        batch = self.state(BATCH, reaction.batch_id)
        of, index = batch.submitted, batch.running.get(reaction.job_id)
        if of is None or index is None:
            return ()
        share = SplitHold(
            account_id=of.account_id,
            job_id=of.batch_id,
            into_job_id=reaction.job_id,
            amount_micro=of.bid_micro,
            now_ms=self.now_ms,
        )
        job = job_of(of, index, self.now_ms)
        split = self._decide(Order(decider=ACCOUNT, aggregate_id=of.account_id, command=share))
        return split + self._decide(Order(decider=JOB, aggregate_id=reaction.job_id, command=job))


class PayingChance(Chance):
    def __init__(self, network: PayingNetwork, draw: random.Random, *, trouble: float) -> None:
        super().__init__(network, draw, accounts=4, islands=5, trouble=trouble)
        self.paying = network
        self.open = network.open_jobs
        self.number = 0

    def populate(self) -> None:
        super().populate()
        now = self.network.now_ms
        opening = OpenAccount(account_id=NETWORK_ACCOUNT, name="network", now_ms=now)
        self.network.do(ACCOUNT, NETWORK_ACCOUNT, opening)
        self.network.do(ACCOUNT, NETWORK_ACCOUNT, grant(NETWORK_ACCOUNT, now))

    def submit_something(self) -> None:
        self.number += 1
        job = JobId(f"job-{self.number:05}")
        account = self.draw.choice([*self.accounts, *self.accounts, NETWORK_ACCOUNT])
        bid = self.draw.randint(5, 90) * MICRO_PER_CREDIT + self.draw.randint(0, 999_999)
        unit = self.draw.choice(list(PriceUnit))
        if self.draw.random() < 0.15:
            self.submit_batch(job, account, bid)
            return
        self.hold(account, job, bid)
        submission: SubmitJob = examples.submit_job(
            job_id=job,
            account_id=account,
            cargo=examples.cargo_with(price_unit=unit),
            bid_micro=bid,
            redundancy=self.draw.choice([1, 1, 1, 2, 3]),
            request_sha256=str(job),
            now_ms=self.network.now_ms,
        )
        self.network.do(JOB, job, submission)

    def submit_batch(self, batch_id: JobId, account: AccountId, bid_micro: int) -> None:
        parts = tuple(
            Part(job_id=JobId(f"{batch_id}-{number}"), input_json="{}") for number in range(BATCH_PARTS)
        )
        command = batch_examples.submit_batch(
            batch_id=batch_id,
            account_id=account,
            parts=parts,
            bid_micro=bid_micro,
            now_ms=self.network.now_ms,
        )
        self.hold(account, batch_id, bid_micro * BATCH_PARTS, is_batch=True)
        self.network.do(BATCH, batch_id, command)

    def hold(self, account: AccountId, job: JobId, amount_micro: int, *, is_batch: bool = False) -> None:
        command = HoldCredits(
            account_id=account,
            job_id=job,
            amount_micro=amount_micro,
            is_batch=is_batch,
            now_ms=self.network.now_ms,
        )
        self.network.do(ACCOUNT, account, command)

    def step(self) -> None:
        if self.open:
            super().step()
        drawn = self.draw.random()
        if drawn < 0.06:
            self.network.now_ms += self.draw.randint(1, LEAP_DAYS_MAX * DAY_MS)
        elif drawn < 0.12:
            self.paying.look()
        elif drawn < 0.16:
            self.correct()
        elif drawn < 0.20 and self.paying.settled:
            self.paying.refund(self.draw.choice(self.paying.settled))
        elif drawn < 0.22:
            self.hand_over(self.draw.choice(self.islands))
        elif drawn < 0.24:
            self.release_escrow(self.draw.choice(self.islands))

    def release_escrow(self, island: IslandId) -> None:
        """As if it had reached the karma for payouts: that takes hours of work."""
        owner = self.owners[island]
        command = ReleaseEscrow(account_id=owner, island_id=island, now_ms=self.network.now_ms)
        self.network.do(ACCOUNT, owner, command)

    def correct(self) -> None:
        amount = self.draw.choice([-1, 1]) * self.draw.randint(1, 5_000_000)
        account = self.draw.choice(self.accounts)
        command = CorrectCredits(
            account_id=account,
            correction_id=f"ticket-{len(self.network.commits)}",
            original="2.0",
            amount_micro=amount,
            reason="put right",
            now_ms=self.network.now_ms,
        )
        self.network.do(ACCOUNT, account, command)

    def hand_over(self, island: IslandId) -> None:
        """Its owner removes it, and another account joins with it."""
        now = self.network.now_ms
        leaving = RemoveIsland(island_id=island, owner_id=self.owners[island], now_ms=now)
        if self.network.do(ISLAND, island, leaving):
            self.owners[island] = self.draw.choice(self.accounts)
            self.enrol(island)


def paying_history(jobs: int, *, seed: int = 0, trouble: float = 0.2) -> Sequence[Commit]:
    """The commits of a network in which `jobs` jobs or batches were submitted; a few may not have ended."""
    network = PayingNetwork()
    chance = PayingChance(network, random.Random(seed), trouble=trouble)
    chance.populate()
    while chance.number < jobs or len(network.open_jobs) > OPEN_JOBS_MAX // 2:
        if chance.number < jobs and len(network.open_jobs) < OPEN_JOBS_MAX:
            chance.submit_something()
        else:
            chance.step()
    network.now_ms += DAY_MS
    network.look()
    return network.commits
