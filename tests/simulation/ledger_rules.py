"""What must be true of the money at every commit: L1 L3 L4 L5 L6 L8, on the entries that the ledger itself keeps.

A settlement is compared with the end of the job it pays for, an earning with its settlement.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from commands.event_log import Commit
from domain.account_events import (
    ChargeRefunded,
    CompensationPaid,
    CreditsEarned,
    CreditsHeld,
    EscrowReleased,
    HoldReleased,
    HoldSettled,
    HoldSplit,
)
from domain.ids import AccountId, IslandId, JobId
from domain.job_events import JobCancelled, JobSucceeded
from projections.ledger import entries_of
from projections.postings import CLEARING, FEES, MINT, TREASURY, Kind
from tests.simulation.check_rules import CheckRules
from tests.simulation.job_rules import JobRules
from tests.simulation.rule import require

FEE_PERMILLE: Final = 100
PUBLISHER_PERMILLE: Final = 50


@dataclass(slots=True)
class LedgerRules:
    jobs: JobRules
    checks: CheckRules
    balances: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    open_holds: dict[JobId, tuple[AccountId, int]] = field(default_factory=dict)
    settled: dict[JobId, HoldSettled] = field(default_factory=dict)
    closed: set[JobId] = field(default_factory=set)
    earned: set[tuple[JobId, Kind]] = field(default_factory=set)
    grants: set[tuple[AccountId, str]] = field(default_factory=set)
    refunded_micro: dict[JobId, int] = field(default_factory=lambda: defaultdict(int))
    unlocked: set[tuple[AccountId, IslandId]] = field(default_factory=set)
    compensated: set[JobId] = field(default_factory=set)
    compensated_micro: int = 0

    def see(self, commit: Commit) -> None:
        sums: dict[int, int] = defaultdict(int)
        for entry in entries_of(commit):
            sums[entry.index] += entry.amount_micro
            self.balances[entry.account] += entry.amount_micro
            if entry.kind is Kind.GRANTED and entry.account != MINT:
                self._granted(entry.account_id, entry.reference)
        about = commit.stream
        require(not any(sums.values()), "L1", about, f"a transaction sums to {dict(sums)}")
        for event in commit.events:
            self._see(event)
        minted = self.balances[MINT]
        outside = sum(amount for account, amount in self.balances.items() if account != MINT)
        require(minted + outside == 0, "L4", about, f"all accounts sum to {minted + outside}")
        for account, amount in self.balances.items():
            require(amount >= 0 or account == MINT, "L5", about, f"{account} is at {amount}")
        held = sum(amount for _, amount in self.open_holds.values())
        booked = sum(amount for account, amount in self.balances.items() if account.startswith("held:"))
        require(held == booked, "L6", about, f"{booked} are held for open holds of {held}")

    def _granted(self, account_id: AccountId | None, grant_id: str | None) -> None:
        assert account_id is not None
        assert grant_id is not None
        grant = (account_id, grant_id)
        require(grant not in self.grants, "L4", account_id, f"grant {grant_id} was given twice")
        self.grants.add(grant)

    def _see(self, event: Any) -> None:
        match event:
            case CreditsHeld():
                known = event.job_id in self.open_holds or event.job_id in self.closed
                require(not known, "L3", event.job_id, "credits were held twice")
                self.open_holds[event.job_id] = (event.account_id, event.amount_micro)
            case HoldSplit():
                account_id, held = self.open_holds[event.job_id]
                require(0 < event.amount_micro <= held, "L8", event.job_id, "split more than was held")
                self.open_holds[event.job_id] = (account_id, held - event.amount_micro)
                if event.amount_micro == held:
                    self._closed(event)
                self.open_holds[event.into_job_id] = (account_id, event.amount_micro)
            case HoldSettled():
                self._settled(event, self._closed(event))
            case HoldReleased():
                held = self._closed(event)
                require(event.released_micro == held, "L8", event.job_id, f"released of {held} held")
                job = self.jobs.jobs.get(event.job_id)
                unpaid = job is None or job.ended is None or self.due_micro(job.ended) == 0
                require(unpaid, "L6", event.job_id, "work that is due was not paid")
            case CreditsEarned():
                self._earned(event)
            case EscrowReleased():
                self.unlocked.add((event.account_id, event.island_id))
            case ChargeRefunded():
                self.refunded_micro[event.job_id] += event.amount_micro
                is_covered = event.refund_id.endswith(".treasury")
                self.compensated_micro += event.amount_micro if is_covered else 0
            case CompensationPaid():
                require(event.job_id not in self.compensated, "L3", event.job_id, "compensated twice")
                self.compensated.add(event.job_id)
                self.compensated_micro += event.amount_micro
            case _:
                pass

    def _closed(self, event: HoldSettled | HoldReleased | HoldSplit) -> int:
        require(event.job_id in self.open_holds, "L3", event.job_id, "a hold was closed that was not open")
        account_id, held = self.open_holds.pop(event.job_id)
        self.closed.add(event.job_id)
        require(account_id == event.account_id, "L3", event.job_id, "another account's hold was closed")
        return held

    def _settled(self, event: HoldSettled, held: int) -> None:
        about, charged = event.job_id, event.charged_micro
        require(0 < charged <= held, "L8", about, f"{charged} charged of {held} held")
        require(charged + event.released_micro == held, "L8", about, "the rest was not released")
        shares = (event.platform_fee_micro, event.publisher_micro, event.island_micro)
        fee, publisher = charged * FEE_PERMILLE // 1000, charged * PUBLISHER_PERMILLE // 1000
        due = (fee, publisher, charged - fee - publisher)
        require(shares == due, "L8", about, f"shared as {shares}, due are {due}")
        job = self.jobs.jobs.get(event.job_id)
        require(job and job.ended, "J4", about, "a job was paid that had not ended")
        assert job is not None
        assert job.ended is not None
        self._is_judged(job.ended)
        require(
            charged == self.due_micro(job.ended), "L8", about, f"{charged} charged, another amount is due"
        )
        assert job.last is not None
        payees = (event.island_id, event.owner_id)
        worked = (job.last.island_id, job.last.owner_id)
        require(payees == worked, "L8", about, f"{payees} are paid for the work of {worked}")
        self.settled[event.job_id] = event

    def _earned(self, event: CreditsEarned) -> None:
        about, is_island = event.job_id, event.island_id is not None
        kind = Kind.ISLAND_EARNED if is_island else Kind.PUBLISHER_EARNED
        require((about, kind) not in self.earned, "L3", about, f"{kind} twice")
        self.earned.add((about, kind))
        settled = self.settled.get(event.job_id)
        require(settled, "J4", about, "earned from no settlement")
        assert settled is not None
        to, amount = settled.publisher_id, settled.publisher_micro
        if is_island:
            to, amount = settled.owner_id, settled.island_micro
        named = (event.account_id, event.amount_micro)
        require(named == (to, amount), "L8", about, f"{named} earned, {(to, amount)} is due")
        if event.island_id is not None:
            is_free = (event.account_id, event.island_id) in self.unlocked
            require(event.escrowed != is_free, "L8", about, "escrow does not follow the island's karma")

    def check_all_is_cleared(self) -> None:
        """At the end: no hold is open, nothing waits in clearing, and everybody who worked was paid."""
        for job_id in self.open_holds:
            require(False, "L6", job_id, "a hold is still open")
        for job_id, job in self.jobs.jobs.items():
            paid = self.settled[job_id].charged_micro if job_id in self.settled else 0
            due, back = self.due_micro(job.ended), self.refunded_micro[job_id]
            if paid and job_id in self.checks.contradicted:  # What the treasury lacks, it owes.
                require(0 < back <= paid, "L6", job_id, f"{back} came back of {paid} for a wrong result")
            else:
                require(paid - back == due, "L6", job_id, f"{paid - back} paid, {due} is due")
        require(self.balances[CLEARING] == 0, "L6", CLEARING, f"{self.balances[CLEARING]} wait in clearing")
        fees = sum(settled.platform_fee_micro for settled in self.settled.values())
        kept = self.balances[FEES] + self.balances[TREASURY] + self.compensated_micro
        require(kept == fees, "L1", FEES, "the platform has other fees than it took")

    def _is_judged(self, ended: object) -> None:
        if isinstance(ended, JobSucceeded):
            is_judged = self.checks.may_be_paid(ended)
            require(is_judged, "C", ended.job_id, "paid before there was a verdict")

    def due_micro(self, ended: object) -> int:
        """What a job's end costs its account. A result that proved wrong costs nothing."""
        is_wrong = isinstance(ended, JobSucceeded) and ended.job_id in self.checks.contradicted
        return 0 if is_wrong else charge_micro(ended)


def charge_micro(ended: object) -> int:
    """What the end of a job says it costs."""
    match ended:
        case JobSucceeded():
            return ended.price_micro
        case JobCancelled():
            return ended.charge_micro
        case _:
            return 0
