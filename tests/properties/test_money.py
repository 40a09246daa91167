"""Whatever happens in whatever order, the books balance: accounts, jobs, settling and the ledger as one machine.

Two customers hold, spend and get credits back, two islands of one owner earn, and what the settling process asks for
arrives late, out of order and twice. After every step the ledger's own fold of the events must say what the accounts
themselves say, and at the end, when all has arrived, nothing may be left between them.
"""

from collections import Counter
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final, assert_never

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from commands.event_log import Commit
from commands.process import Order
from commands.processes.settling import SETTLING
from domain.account import ACCOUNT, Account
from domain.account_commands import GrantCredits, HoldCredits, OpenAccount, SettleHold
from domain.account_events import CreditsHeld, HoldSettled
from domain.decider import Decider
from domain.failure import Failure, ReturnReason
from domain.ids import AccountId, IslandId, JobId
from domain.island import ISLAND as ISLANDS
from domain.island_commands import CreditWork
from domain.island_state import Island
from domain.job import JOB, LEASE_GRACE_MS, LEASE_MS
from domain.job_commands import (
    AbandonJob,
    CancelJob,
    ExpireLease,
    FailAttempt,
    ReturnAttempt,
    StartAttempt,
    SucceedAttempt,
)
from domain.job_events import JobCancelled, JobSucceeded
from domain.job_state import ENDED, Job, Phase
from domain.karma import MINUTE_MS
from domain.rejection import Rejected
from projections.ledger import entries_of
from projections.postings import CLEARING, MINT, Kind, escrow, free, held
from tests.examples import (
    ISLAND,
    OTHER_ISLAND,
    OUTPUT,
    OWNER,
    PUBLISHER,
    T0_MS,
    USAGE,
    assign_job,
    enrolled,
    origin,
    submit_job,
)

CUSTOMERS: Final = (AccountId("ann"), AccountId("ben"))
ACCOUNTS: Final = (*CUSTOMERS, OWNER, PUBLISHER)
ENDS_OF_A_HOLD: Final = frozenset({Kind.SETTLED, Kind.RELEASED})

amounts_micro = st.integers(1, 60) | st.integers(1_000_000, 50_000_000)
customers = st.sampled_from(CUSTOMERS)
islands = st.sampled_from([ISLAND, OTHER_ISLAND])
likely = st.sampled_from([True, True, True, False])


class Move(StrEnum):
    """What may happen to a job."""

    GIVE_UP = "give up"
    ASSIGN = "assign"
    ASSIGN_CHEAPER = "assign cheaper"
    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    BREAK = "break"
    GIVE_BACK = "give back"
    LOSE = "lose"
    CANCEL = "cancel"
    CANCEL_WITH_OUTPUT = "cancel with output"


MISHAPS: Final = (Move.FAIL, Move.BREAK, Move.GIVE_BACK, Move.LOSE)
MOVES: Final = {  # What is named more often happens more often.
    Phase.UNSUBMITTED: (Move.GIVE_UP,),
    Phase.SUBMITTED: (*4 * (Move.ASSIGN_CHEAPER,), Move.ASSIGN, Move.CANCEL, Move.GIVE_UP),
    Phase.ASSIGNED: (*4 * (Move.START,), Move.SUCCEED, *MISHAPS, Move.CANCEL),
    Phase.RUNNING: (*4 * (Move.SUCCEED,), *MISHAPS, Move.CANCEL, *4 * (Move.CANCEL_WITH_OUTPUT,)),
}


class Money(RuleBasedStateMachine):
    """`due` is what settling has asked for and nobody has carried out yet, `done` what has been carried out."""

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[str, Any] = {}
        self.balances_micro: Counter[str] = Counter()
        self.booked: set[tuple[str, JobId | None, str | None]] = set()
        self.held_micro: dict[JobId, int] = {}
        self.prices_micro: dict[JobId, int] = {}
        self.charged: set[JobId] = set()
        self.payers: dict[JobId, AccountId] = {}
        self.due: list[Order] = []
        self.done: list[Order] = []
        self.position = 0
        self.now_ms = T0_MS

    # What every event goes through.

    def carry_out(self, decider: Decider[Any, Any, Any], aggregate_id: str, command: Any) -> list[Any]:
        stream = decider.stream(aggregate_id)
        state = self.states.get(stream, decider.initial)
        events = decider.decide(state, command)
        self.record(decider, aggregate_id, *events)
        return events

    def ask(self, decider: Decider[Any, Any, Any], aggregate_id: str, command: Any) -> list[Any]:
        """A command from outside, which may be rejected."""
        try:
            return self.carry_out(decider, aggregate_id, command)
        except Rejected:
            return []

    def record(self, decider: Decider[Any, Any, Any], aggregate_id: str, *events: Any) -> None:
        stream = decider.stream(aggregate_id)
        self.states[stream] = decider.fold(events, self.states.get(stream))
        self.position += 1
        self.now_ms += 1
        self.book(
            Commit(
                position=self.position,
                stream=stream,
                events=events,
                recorded_at_ms=self.now_ms,
                origin=origin(f"c-{self.position}"),
            )
        )
        for event in events:
            self.due += [one for one in SETTLING.react(event, self.now_ms) if isinstance(one, Order)]
            self.note(event)

    def note(self, event: Any) -> None:
        """L8: what is charged is the price of the job, and never more than was held for it."""
        match event:
            case CreditsHeld():
                self.held_micro[event.job_id] = event.amount_micro
            case JobSucceeded():
                self.prices_micro[event.job_id] = event.price_micro
            case JobCancelled():
                self.prices_micro[event.job_id] = event.charge_micro
            case HoldSettled():
                self.charged.add(event.job_id)
                assert event.charged_micro == self.prices_micro[event.job_id]
                assert event.charged_micro + event.released_micro == self.held_micro[event.job_id]
                assert event.released_micro >= 0
            case _:
                pass

    def book(self, commit: Commit) -> None:
        """L1: each transaction balances and no leg is zero. L3: each is booked once."""
        transactions: dict[int, list[Any]] = {}
        for entry in entries_of(commit):
            transactions.setdefault(entry.index, []).append(entry)
        for legs in transactions.values():
            assert sum(leg.amount_micro for leg in legs) == 0
            assert all(leg.amount_micro for leg in legs)
            first = legs[0]
            if first.kind is not Kind.ESCROW_RELEASED:
                stage = "closed" if first.kind in ENDS_OF_A_HOLD else first.kind
                address = (stage, first.job_id, first.reference)
                assert address not in self.booked
                self.booked.add(address)
            for leg in legs:
                self.balances_micro[leg.account] += leg.amount_micro

    def account(self, account_id: AccountId) -> Account:
        state = self.states[ACCOUNT.stream(account_id)]
        assert isinstance(state, Account)
        return state

    def job(self, job_id: JobId) -> Job:
        state = self.states.get(JOB.stream(job_id), JOB.initial)
        assert isinstance(state, Job)
        return state

    def island(self, island_id: IslandId) -> Island:
        state = self.states.get(ISLANDS.stream(island_id), ISLANDS.initial)
        assert isinstance(state, Island)
        return state

    def open_jobs(self) -> list[JobId]:
        """Jobs that have not ended, those included that never arrived."""
        return [job_id for job_id in self.payers if self.job(job_id).phase not in ENDED]

    # What may happen.

    @initialize(grants_micro=st.tuples(amounts_micro, st.integers(100_000_000, 10**12)))
    def open(self, grants_micro: tuple[int, int]) -> None:
        for account_id in ACCOUNTS:
            opening = OpenAccount(account_id=account_id, name=account_id, now_ms=T0_MS)
            self.carry_out(ACCOUNT, account_id, opening)
        for account_id, amount_micro in zip(CUSTOMERS, grants_micro, strict=True):
            self.grant(account_id, amount_micro, "sign-up")
        for island_id in (ISLAND, OTHER_ISLAND):
            self.record(ISLANDS, island_id, *enrolled(island_id))

    @rule(account_id=customers, amount_micro=amounts_micro, name=st.sampled_from(["sign-up", "gift"]))
    def grant(self, account_id: AccountId, amount_micro: int, name: str) -> None:
        command = GrantCredits(
            account_id=account_id,
            grant_id=f"{account_id}-{name}",
            amount_micro=amount_micro,
            reason=name,
            now_ms=self.now_ms,
        )
        self.ask(ACCOUNT, account_id, command)

    @rule(account_id=customers, number=st.integers(1, 9), bid_micro=amounts_micro, arrives=likely)
    def submit(self, account_id: AccountId, number: int, bid_micro: int, *, arrives: bool) -> None:
        """The hold comes first; the job may never arrive. The same number again is the same request, or a misuse."""
        job_id = JobId(f"{account_id}-{number}")
        hold = HoldCredits(account_id=account_id, job_id=job_id, amount_micro=bid_micro, now_ms=self.now_ms)
        try:
            self.carry_out(ACCOUNT, account_id, hold)
        except Rejected:
            return
        self.payers[job_id] = account_id
        if arrives:
            submission = submit_job(
                job_id=job_id,
                account_id=account_id,
                bid_micro=bid_micro,
                request_sha256=str(bid_micro),
                now_ms=self.now_ms,
            )
            self.ask(JOB, job_id, submission)

    @precondition(lambda self: self.open_jobs())
    @rule(data=st.data(), island_id=islands, price_micro=amounts_micro, steps=st.integers(1, 6))
    def go_on_with_a_job(
        self, data: st.DataObject, island_id: IslandId, price_micro: int, steps: int
    ) -> None:
        job_id = data.draw(st.sampled_from(self.open_jobs()))
        for _ in range(steps):
            state = self.job(job_id)
            if state.phase in ENDED:
                return
            move = data.draw(st.sampled_from(MOVES[state.phase]))
            self.ask(JOB, job_id, self.command_of(move, job_id, island_id, price_micro))
            assert self.job(job_id).price_micro <= state.bid_micro

    def command_of(self, move: Move, job_id: JobId, island_id: IslandId, price_micro: int) -> Any:
        state, account_id = self.job(job_id), self.payers[job_id]
        attempt: dict[str, Any] = {
            "job_id": job_id,
            "attempt": state.attempt,
            "island_id": state.island_id,
            "now_ms": self.now_ms,
        }
        match move:
            case Move.GIVE_UP:
                return AbandonJob(job_id=job_id, account_id=account_id, now_ms=self.now_ms)
            case Move.ASSIGN | Move.ASSIGN_CHEAPER:
                price = min(price_micro, state.bid_micro) if move is Move.ASSIGN_CHEAPER else price_micro
                placing: dict[str, Any] = {"job_id": job_id, "price_micro": price, "now_ms": self.now_ms}
                return assign_job(island_id, state.attempt + 1, **placing)
            case Move.START:
                return StartAttempt(**attempt)
            case Move.SUCCEED:
                return SucceedAttempt(**attempt, output=OUTPUT, usage=USAGE)
            case Move.FAIL:
                return FailAttempt(**attempt, code=Failure.CRASHED, detail="")
            case Move.BREAK:
                return FailAttempt(**attempt, code=Failure.ENGINE_ERROR, detail="")
            case Move.GIVE_BACK:
                return ReturnAttempt(**attempt, reason=ReturnReason.HEAT)
            case Move.LOSE:
                self.now_ms += LEASE_MS + LEASE_GRACE_MS
                return ExpireLease(job_id=job_id, attempt=state.attempt, now_ms=self.now_ms)
            case Move.CANCEL | Move.CANCEL_WITH_OUTPUT:
                has_output = move is Move.CANCEL_WITH_OUTPUT
                return CancelJob(
                    job_id=job_id, account_id=account_id, has_output=has_output, now_ms=self.now_ms
                )
            case _:
                assert_never(move)

    @precondition(lambda self: not self.island(ISLAND).has_payouts)
    @rule(island_id=islands, hours=st.integers(4, 8))
    def work(self, island_id: IslandId, hours: int) -> None:
        """Work of elsewhere: enough of it, and what the island earned is paid out."""
        command = CreditWork(
            island_id=island_id,
            job_id=JobId(f"elsewhere-{self.position}"),
            attempt=1,
            worked_ms=hours * 60 * MINUTE_MS,
            now_ms=self.now_ms,
        )
        self.carry_out(ISLANDS, island_id, command)

    @precondition(lambda self: self.held_micro)
    @rule(data=st.data(), more_micro=amounts_micro)
    def overcharge(self, data: st.DataObject, more_micro: int) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.held_micro)))
        command = SettleHold(
            account_id=self.payers[job_id],
            job_id=job_id,
            charge_micro=self.held_micro[job_id] + more_micro,
            island_id=ISLAND,
            owner_id=OWNER,
            publisher_id=PUBLISHER,
            now_ms=self.now_ms,
        )
        assert self.ask(ACCOUNT, command.account_id, command) == []

    # Settling, late and out of order.

    @precondition(lambda self: self.due)
    @rule(data=st.data())
    def settle_something(self, data: st.DataObject) -> None:
        """What settling asks for is never rejected: that would stop it for good."""
        order = self.due.pop(data.draw(st.integers(0, len(self.due) - 1)))
        self.carry_out(order.decider, order.aggregate_id, order.command)
        self.done.append(order)

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def settle_again(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.done))
        late = replace(order.command, now_ms=self.now_ms)
        assert self.carry_out(order.decider, order.aggregate_id, late) == []

    # What must always be so.

    @invariant()
    def no_balance_is_negative_and_all_add_up_to_nothing(self) -> None:
        assert all(amount >= 0 for account, amount in self.balances_micro.items() if account != MINT)
        assert self.balances_micro.total() == 0

    @invariant()
    def the_ledger_says_what_the_accounts_say(self) -> None:
        for account_id in ACCOUNTS:
            state = self.account(account_id)
            assert min([state.free_micro, *state.holds_micro.values(), *state.escrow_micro.values()]) >= 0
            assert self.balances_micro[free(account_id)] == state.free_micro
            assert self.balances_micro[held(account_id)] == sum(state.holds_micro.values())
            assert self.balances_micro[escrow(account_id)] == sum(state.escrow_micro.values())

    @invariant()
    def a_job_that_has_not_ended_has_its_bid_held(self) -> None:
        for job_id in self.open_jobs():
            assert self.account(self.payers[job_id]).holds_micro[job_id] == self.held_micro[job_id]

    def teardown(self) -> None:
        """L6: once all has arrived, what was due is charged, what is held is for open jobs, and all is earned."""
        while self.due:
            order = self.due.pop()
            self.carry_out(order.decider, order.aggregate_id, order.command)
        held_for = [job for account_id in CUSTOMERS for job in self.account(account_id).holds_micro]
        assert sorted(held_for) == sorted(self.open_jobs())
        assert self.charged == {job_id for job_id, price_micro in self.prices_micro.items() if price_micro}
        assert self.balances_micro[CLEARING] == 0
        self.no_balance_is_negative_and_all_add_up_to_nothing()
        self.the_ledger_says_what_the_accounts_say()


TestMoney = Money.TestCase
TestMoney.settings = settings(max_examples=200, stateful_step_count=40, report_multiple_bugs=False)
