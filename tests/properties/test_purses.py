"""Every command of an account in any order, twice and late, with the ledger folded beside it.

`test_money.py` lets jobs and processes ask for what they ask for. Here nobody behaves: whatever may be asked of an
account is asked, of two accounts, and still each balance is the sum of its entries, nothing is overdrawn, and what was
decided once is never decided again.
"""

from collections import Counter
from dataclasses import replace
from typing import Any, Final, get_args

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.account import ACCOUNT, Account
from domain.account_commands import (
    AccountCommand,
    CorrectCredits,
    EarnCredits,
    EarnedShare,
    GrantCredits,
    HoldCredits,
    OpenAccount,
    ReceiveCompensation,
    ReceiveRefund,
    ReleaseEscrow,
    ReleaseHold,
    RenameAccount,
    SaveBid,
    SettleHold,
    SplitHold,
    TakeBackEarning,
)
from domain.account_events import AccountEvent, HoldSettled
from domain.ids import AccountId, CargoSlug, IslandId, JobId
from domain.refund import ChargePart
from domain.rejection import Rejected
from projections.postings import Leg, escrow, free, held, posting_of
from tests.examples import OWNER, PUBLISHER, T0_MS

ACCOUNTS: Final = (AccountId("ann"), AccountId("ben"))
MAY_BE_ASKED_AGAIN: Final = (RenameAccount, SaveBid)
"""A bid may be saved, changed and saved again, and names are never compared; everything else happens once."""

accounts = st.sampled_from(ACCOUNTS)
amounts_micro = st.integers(1, 40) | st.integers(1_000_000, 30_000_000)
jobs = st.integers(1, 6).map(lambda number: JobId(f"j-{number}"))
islands = st.sampled_from([IslandId("harbour"), IslandId("attic")])
names = st.sampled_from(["one", "other"])
shares = st.builds(EarnedShare, island_id=st.none() | islands, amount_micro=amounts_micro)
common: Final[dict[str, Any]] = {"account_id": accounts, "now_ms": st.just(T0_MS)}
COMMANDS: Final[dict[type, st.SearchStrategy[Any]]] = {
    OpenAccount: st.builds(OpenAccount, **common, name=names),
    GrantCredits: st.builds(GrantCredits, **common, grant_id=names, amount_micro=amounts_micro, reason=names),
    HoldCredits: st.builds(HoldCredits, **common, job_id=jobs, amount_micro=amounts_micro),
    SplitHold: st.builds(SplitHold, **common, job_id=jobs, into_job_id=jobs, amount_micro=amounts_micro),
    SettleHold: st.builds(
        SettleHold,
        **common,
        job_id=jobs,
        charge_micro=amounts_micro,
        island_id=islands,
        owner_id=st.just(OWNER),
        publisher_id=st.just(PUBLISHER),
    ),
    ReleaseHold: st.builds(ReleaseHold, **common, job_id=jobs),
    EarnCredits: st.builds(
        EarnCredits, **common, job_id=jobs, shares=st.tuples(shares) | st.tuples(shares, shares)
    ),
    ReleaseEscrow: st.builds(ReleaseEscrow, **common, island_id=islands),
    CorrectCredits: st.builds(
        CorrectCredits,
        **common,
        correction_id=names,
        original=st.just("1.0"),
        amount_micro=amounts_micro | amounts_micro.map(lambda amount: -amount),
        reason=names,
    ),
    TakeBackEarning: st.builds(
        TakeBackEarning,
        **common,
        job_id=jobs,
        part=st.sampled_from(ChargePart),
        island_id=st.none() | islands,
        original=st.just("1.0"),
        payer_id=accounts,
        amount_micro=amounts_micro,
    ),
    ReceiveRefund: st.builds(
        ReceiveRefund,
        **common,
        job_id=jobs,
        refund_id=names,
        original=st.just("1.0"),
        amount_micro=amounts_micro,
    ),
    ReceiveCompensation: st.builds(
        ReceiveCompensation,
        **common,
        job_id=jobs,
        amount_micro=amounts_micro,
        reason=names,
        compensation_rules_version=st.just(1),
        evidence=st.just(("1.0",)),
    ),
    RenameAccount: st.builds(RenameAccount, **common, name=names),
    SaveBid: st.builds(SaveBid, **common, slug=names.map(CargoSlug), bid_micro=st.none() | amounts_micro),
}


class Purses(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.states: dict[AccountId, Account] = dict.fromkeys(ACCOUNTS, ACCOUNT.initial)
        self.balances_micro: Counter[str] = Counter()
        self.held_micro: Counter[tuple[str, JobId | None]] = Counter()
        self.done: list[Any] = []

    @initialize(amount_micro=st.integers(20_000_000, 90_000_000))
    def open(self, amount_micro: int) -> None:
        for account_id in ACCOUNTS:
            self.ask(OpenAccount(account_id=account_id, name=account_id, now_ms=T0_MS))
            self.ask(
                GrantCredits(
                    account_id=account_id,
                    grant_id="sign-up",
                    amount_micro=amount_micro,
                    reason="",
                    now_ms=T0_MS,
                )
            )

    def decided(self, command: Any) -> list[AccountEvent]:
        try:
            return ACCOUNT.decide(self.states[command.account_id], command)
        except Rejected:
            return []

    @rule(command=st.one_of(*COMMANDS.values()))
    def ask(self, command: Any) -> None:
        events = self.decided(command)
        if not events:
            return
        for event in events:
            self.book(event)
        self.states[command.account_id] = ACCOUNT.fold(events, self.states[command.account_id])
        assert self.decided(command) == [] or isinstance(command, RenameAccount)
        self.done.append(command)

    @precondition(lambda self: self.done)
    @rule(data=st.data(), later_ms=st.integers(0, 10**9))
    def ask_again(self, data: st.DataObject, later_ms: int) -> None:
        command = data.draw(st.sampled_from(self.done))
        if not isinstance(command, MAY_BE_ASKED_AGAIN):
            assert self.decided(replace(command, now_ms=T0_MS + later_ms)) == []

    @precondition(lambda self: any(state.holds_micro for state in self.states.values()))
    @rule(data=st.data(), share=st.integers(1, 4), into=jobs)
    def split_a_hold(self, data: st.DataObject, share: int, into: JobId) -> None:
        """Amounts at random rarely fit a hold; these do."""
        account_id, job_id = data.draw(st.sampled_from(self.open_holds()))
        amount_micro = max(1, self.states[account_id].holds_micro[job_id] * share // 4)
        self.ask(
            SplitHold(
                account_id=account_id,
                job_id=job_id,
                into_job_id=into,
                amount_micro=amount_micro,
                now_ms=T0_MS,
            )
        )

    def open_holds(self) -> list[tuple[AccountId, JobId]]:
        return [(account_id, job) for account_id in ACCOUNTS for job in self.states[account_id].holds_micro]

    def book(self, event: AccountEvent) -> None:
        """L1: every transaction balances, and no leg is zero. L8: no charge above its hold."""
        if isinstance(event, HoldSettled):
            hold_micro = self.states[event.account_id].holds_micro[event.job_id]
            assert 0 < event.charged_micro <= hold_micro
            assert event.charged_micro + event.released_micro == hold_micro
        posting = posting_of(event)
        if posting is None:
            return
        assert sum(leg.amount_micro for leg in posting.legs) == 0
        assert all(leg.amount_micro for leg in posting.legs)
        for leg in posting.legs:
            self.balances_micro[leg.account] += leg.amount_micro
            self.held_micro[leg.account, job_of(leg, posting.job_id)] += leg.amount_micro

    @invariant()
    def credits_come_from_the_mint_and_from_clearing_alone(self) -> None:
        assert self.balances_micro.total() == 0

    @invariant()
    def nothing_is_overdrawn_and_each_balance_is_the_sum_of_its_entries(self) -> None:
        for account_id, state in self.states.items():
            assert min([state.free_micro, *state.holds_micro.values(), *state.escrow_micro.values()]) >= 0
            assert self.balances_micro[free(account_id)] == state.free_micro
            assert self.balances_micro[held(account_id)] == sum(state.holds_micro.values())
            assert self.balances_micro[escrow(account_id)] == sum(state.escrow_micro.values())

    @invariant()
    def what_is_held_for_a_job_is_the_sum_of_its_entries(self) -> None:
        for account_id, state in self.states.items():
            of_jobs = {
                job: amount
                for (account, job), amount in self.held_micro.items()
                if account == held(account_id)
            }
            assert {job: amount for job, amount in of_jobs.items() if amount} == dict(state.holds_micro)

    @invariant()
    def a_snapshot_is_the_state_itself(self) -> None:
        for state in self.states.values():
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=Account) == state


def job_of(leg: Leg, job_id: JobId | None) -> JobId | None:
    return leg.job_id or job_id


def test_every_command_of_an_account_is_asked() -> None:
    assert set(COMMANDS) == set(get_args(AccountCommand))


TestPurses = Purses.TestCase
TestPurses.settings = settings(max_examples=150, stateful_step_count=40, report_multiple_bugs=False)
