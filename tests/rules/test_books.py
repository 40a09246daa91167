"""The rules of putting things right, in the numbers that people are told, each over every part that it takes.

The treasury's own rules stand in `tests/domain/test_treasury.py`, who is compensated in
`tests/commands/processes/test_compensating.py`, the way of a refund in `tests/commands/processes/test_repaying.py`, and
what PostgreSQL refuses in `tests/projections/test_ledger_laws.py`.
"""

from typing import Any

from commands.event_log import Commit
from commands.process import Order
from commands.processes.collecting import COLLECTED_EVERY_MS, Collecting
from commands.processes.compensating import Compensating
from commands.processes.repaying import REPAYING
from domain.account import ACCOUNT
from domain.account_commands import CorrectCredits
from domain.account_events import BalanceRanLow, CompensationPaid, CreditsCorrected
from domain.failure import Failure
from domain.ids import AccountId
from domain.job_state import Phase
from domain.refund import REFUND, RequestRefund
from domain.treasury import TREASURY, TREASURY_ID
from domain.treasury_events import CompensationGranted, FeesCollected
from projections.ledger import entries_of
from tests.examples import CUSTOMER, JOB_ID, OTHER_JOB_ID, OWNER, PUBLISHER
from tests.story import Story

CREDIT_MICRO = 1_000_000
GRANTED = 100 * CREDIT_MICRO


class Books(Story):
    """A story in which credits also find their way back."""

    def __init__(self) -> None:
        self.collecting = Collecting()
        self.compensating = Compensating()
        super().__init__()

    def add(self, stream: str, *events: Any) -> Commit:
        commit = super().add(stream, *events)
        self.collecting.take(commit)
        self.compensating.take(commit)
        return commit

    def do(self, decider: Any, aggregate_id: str, command: Any) -> tuple[Any, ...]:
        events = super().do(decider, aggregate_id, command)
        for event in events:
            self.follow(event)
        return events

    def follow(self, event: Any) -> None:
        for order in REPAYING.react(event, self.now_ms):
            if isinstance(order, Order):
                self.do(order.decider, order.aggregate_id, order.command)

    def look(self) -> None:
        """The planners of the treasury look once, a minute later."""
        self.now_ms += COLLECTED_EVERY_MS
        for planner in (self.collecting, self.compensating):
            for order in planner.plan(self.now_ms):
                self.do(order.decider, order.aggregate_id, order.command)

    def balance_micro(self, account: str) -> int:
        return sum(
            entry.amount_micro
            for commit in self.commits
            for entry in entries_of(commit)
            if entry.account == account
        )

    def charged(self, job_id: Any = JOB_ID) -> None:
        """An island does a job for 40 credits."""
        self.submit(job_id, bid_micro=40 * CREDIT_MICRO)
        self.wait()
        self.start(job_id)
        self.succeed(job_id)

    def failed(self, job_id: Any, bid_micro: int) -> None:
        """Three attempts at a job fail by the islands' fault."""
        self.submit(job_id, bid_micro=bid_micro)
        for code in (Failure.UNCLASSIFIED, Failure.RUNTIME_MISSING, Failure.UNCLASSIFIED):
            self.wait(1)
            self.start(job_id)
            self.fail(code, job_id)
        assert self.job(job_id).phase is Phase.FAILED


def network(islands: int = 4) -> Books:
    books = Books()
    for number in range(islands):
        books.join(f"island-{number}", asks={"_default": 40 * CREDIT_MICRO})
    return books


def test_fees_are_collected_once_a_minute_and_only_once() -> None:
    books = network(1)
    books.charged()
    assert (books.balance_micro("fees"), books.balance_micro("treasury")) == (4 * CREDIT_MICRO, 0)
    books.look()
    books.look()
    assert len(books.events(FeesCollected)) == 1
    assert (books.balance_micro("fees"), books.balance_micro("treasury")) == (0, 4 * CREDIT_MICRO)
    assert books.state(TREASURY, TREASURY_ID).balance_micro == 4 * CREDIT_MICRO


def test_a_refund_gives_all_of_a_charge_back_and_names_the_settlement() -> None:
    books = network(1)
    books.charged()
    books.look()
    request = RequestRefund(
        job_id=JOB_ID,
        account_id=CUSTOMER,
        original="9.0",
        platform_fee_micro=4 * CREDIT_MICRO,
        publisher_micro=2 * CREDIT_MICRO,
        island_micro=34 * CREDIT_MICRO,
        island_id=next(iter(books.account(OWNER).escrow_micro)),
        owner_id=OWNER,
        publisher_id=PUBLISHER,
        reason="the result was wrong",
        now_ms=books.now_ms,
    )
    books.do(REFUND, JOB_ID, request)
    books.do(REFUND, JOB_ID, request)
    assert books.account().free_micro == GRANTED
    assert (books.account(OWNER).escrow_micro, books.account(PUBLISHER).free_micro) == ({}, 0)
    assert [books.balance_micro(name) for name in ("fees", "treasury", "clearing")] == [0, 0, 0]
    refunds = [entry for commit in books.commits for entry in entries_of(commit) if entry.kind == "refunded"]
    assert {entry.original for entry in refunds} == {"9.0"}


def test_credits_are_corrected_by_new_events_that_name_the_original() -> None:
    books = Books()
    command = CorrectCredits(
        account_id=AccountId(CUSTOMER),
        correction_id="ticket-7",
        original="2.0",
        amount_micro=-CREDIT_MICRO,
        reason="granted twice",
        now_ms=books.now_ms,
    )
    before = list(books.commits)
    books.do(ACCOUNT, CUSTOMER, command)
    [corrected] = books.events(CreditsCorrected)
    assert (corrected.original, corrected.amount_micro) == ("2.0", -CREDIT_MICRO)
    assert books.commits[: len(before)] == before
    assert books.account().free_micro == GRANTED - CREDIT_MICRO


def test_who_falls_below_ten_credits_is_warned() -> None:
    books = Books()
    books.submit(bid_micro=90 * CREDIT_MICRO)
    assert books.events(BalanceRanLow) == []
    books.submit(OTHER_JOB_ID, bid_micro=1)
    assert len(books.events(BalanceRanLow)) == 1
    assert books.account().is_low


def test_a_job_that_islands_failed_three_times_brings_a_tenth_of_its_bid_out_of_fees() -> None:
    books = network()
    books.charged()
    books.look()
    books.failed(OTHER_JOB_ID, 40 * CREDIT_MICRO)
    books.look()
    [granted] = books.events(CompensationGranted)
    [paid] = books.events(CompensationPaid)
    assert (paid.amount_micro, paid.compensation_rules_version) == (4 * CREDIT_MICRO, 1)
    assert len(paid.evidence) == 3
    assert granted.evidence == paid.evidence
    assert books.account().free_micro == GRANTED - 40 * CREDIT_MICRO + 4 * CREDIT_MICRO
    assert (books.balance_micro("treasury"), books.balance_micro("clearing")) == (0, 0)


def test_nothing_is_compensated_before_fees_were_collected() -> None:
    books = network()
    books.failed(JOB_ID, 40 * CREDIT_MICRO)
    books.look()
    books.look()
    assert books.events(CompensationPaid) == []
    assert books.account().free_micro == GRANTED
