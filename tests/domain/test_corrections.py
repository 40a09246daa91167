"""Putting an account right: corrections, what is taken back, what arrives, and the warning about a low balance."""

from dataclasses import replace

import pytest

from domain.account import ACCOUNT
from domain.account_commands import (
    AccountCommand,
    CorrectCredits,
    HoldCredits,
    ReceiveCompensation,
    ReceiveRefund,
    ReleaseHold,
    TakeBackEarning,
)
from domain.account_events import (
    AccountEvent,
    BalanceRanLow,
    BalanceRecovered,
    CreditsEarned,
    CreditsHeld,
    HoldReleased,
)
from domain.pricing import LOW_BALANCE_MICRO, MICRO_PER_CREDIT
from domain.refund import REFUND, ChargePart, RequestRefund
from domain.rejection import Rejection
from tests.examples import (
    CUSTOMER,
    ISLAND,
    JOB_ID,
    OTHER_ISLAND,
    OWNER,
    PUBLISHER,
    T0_MS,
    at_ms,
    granted,
    opened,
)
from tests.money_examples import COMPENSATED, CORRECTED, REFUNDED, REQUESTED, SETTLEMENT, TAKEN_BACK
from tests.scenario import Scenario

account = Scenario(ACCOUNT)
rich = (opened(), granted())


def correct(amount_micro: int = -1_500_000) -> CorrectCredits:
    return CorrectCredits(
        account_id=CUSTOMER,
        correction_id="ticket-7",
        original="2.1",
        amount_micro=amount_micro,
        reason="granted twice",
        now_ms=at_ms(9),
    )


def take_back(amount_micro: int = 3_400_000) -> TakeBackEarning:
    return TakeBackEarning(
        account_id=OWNER,
        job_id=JOB_ID,
        part=ChargePart.ISLAND,
        island_id=ISLAND,
        original=SETTLEMENT,
        payer_id=CUSTOMER,
        amount_micro=amount_micro,
        now_ms=at_ms(9),
    )


def earned(amount_micro: int, *, escrowed: bool = True, island: str = ISLAND) -> CreditsEarned:
    return CreditsEarned(
        account_id=OWNER,
        job_id=JOB_ID,
        island_id=type(ISLAND)(island),
        amount_micro=amount_micro,
        escrowed=escrowed,
        earned_at_ms=at_ms(7),
    )


def test_a_correction_goes_both_ways_and_names_what_it_corrects() -> None:
    account.given(*rich).when(correct()).then(CORRECTED)
    account.given(*rich).when(correct(7)).then(replace(CORRECTED, amount_micro=7))
    assert ACCOUNT.fold([*rich, CORRECTED]).free_micro == 98_500_000


def test_a_correction_is_made_once_and_its_id_is_not_used_for_another() -> None:
    account.given(*rich, CORRECTED).when(correct()).then_nothing()
    account.given(*rich, CORRECTED).when(correct(-1)).then_rejected(Rejection.CORRECTION_REUSED)


def test_no_more_is_taken_back_than_is_free() -> None:
    few = (opened(), granted(1_499_999))
    account.given(*few).when(correct()).then_rejected(Rejection.CORRECTION_ABOVE_FREE)
    account.given(opened(), granted(1_500_000)).when(correct()).then(CORRECTED)


@pytest.mark.parametrize(
    ("past", "escrow", "free", "missing"),
    [
        ([earned(5_000_000)], 3_400_000, 0, 0),
        ([earned(3_000_000), granted(300_000, account_id=OWNER)], 3_000_000, 300_000, 100_000),
        ([earned(9_000_000, escrowed=False)], 0, 3_400_000, 0),
        ([earned(9_000_000, island=OTHER_ISLAND)], 0, 0, 3_400_000),
        ([], 0, 0, 3_400_000),
    ],
    ids=["escrow", "all there is", "free", "another island's escrow", "nothing"],
)
def test_an_earning_is_taken_back_as_far_as_it_is_still_there(
    past: list[CreditsEarned], escrow: int, free: int, missing: int
) -> None:
    expected = replace(TAKEN_BACK, from_escrow_micro=escrow, from_free_micro=free, missing_micro=missing)
    account.given(opened(OWNER), *past).when(take_back()).then(expected)


def test_an_earning_is_taken_back_once_even_where_nothing_was_there() -> None:
    nothing = replace(TAKEN_BACK, from_escrow_micro=0, from_free_micro=0, missing_micro=3_400_000)
    account.given(opened(OWNER), nothing, earned(5_000_000)).when(take_back()).then_nothing()


def test_a_refund_and_a_compensation_arrive_once() -> None:
    refund = ReceiveRefund(
        account_id=CUSTOMER,
        job_id=JOB_ID,
        refund_id="island",
        original=SETTLEMENT,
        amount_micro=3_300_000,
        now_ms=at_ms(9),
    )
    compensation = ReceiveCompensation(
        account_id=CUSTOMER,
        job_id=JOB_ID,
        amount_micro=500_000,
        reason="lost",
        compensation_rules_version=1,
        evidence=("7.0", "9.0", "11.0"),
        now_ms=at_ms(9),
    )
    commands: tuple[tuple[AccountCommand, AccountEvent], ...] = (
        (refund, REFUNDED),
        (compensation, COMPENSATED),
    )
    for command, event in commands:
        account.given(*rich).when(command).then(event)
        account.given(*rich, event).when(command).then_nothing()


def test_a_refund_is_requested_once() -> None:
    command = RequestRefund(
        job_id=JOB_ID,
        account_id=CUSTOMER,
        original=SETTLEMENT,
        platform_fee_micro=400_000,
        publisher_micro=200_000,
        island_micro=3_400_000,
        island_id=ISLAND,
        owner_id=OWNER,
        publisher_id=PUBLISHER,
        reason="the result was wrong",
        now_ms=at_ms(9),
    )
    Scenario(REFUND).when(command).then(REQUESTED)
    Scenario(REFUND).given(REQUESTED).when(command).then_nothing()


def hold(amount_micro: int) -> HoldCredits:
    return HoldCredits(account_id=CUSTOMER, job_id=JOB_ID, amount_micro=amount_micro, now_ms=T0_MS)


def test_falling_below_ten_credits_is_said_once_and_so_is_coming_back() -> None:
    assert LOW_BALANCE_MICRO == 10 * MICRO_PER_CREDIT
    taken = 90 * MICRO_PER_CREDIT + 1
    held, low = account.given(*rich).when(hold(taken)).decided()
    assert low == BalanceRanLow(
        account_id=CUSTOMER,
        free_micro=LOW_BALANCE_MICRO - 1,
        limit_micro=LOW_BALANCE_MICRO,
        ran_low_at_ms=T0_MS,
    )
    past = (*rich, held, low)
    assert [type(event) for event in account.given(*past).when(correct(-1_000)).decided()] == [
        type(CORRECTED)
    ]
    release = ReleaseHold(account_id=CUSTOMER, job_id=JOB_ID, now_ms=at_ms(9))
    released, back = account.given(*past).when(release).decided()
    assert isinstance(released, HoldReleased)
    assert back == BalanceRecovered(account_id=CUSTOMER, free_micro=100_000_000, recovered_at_ms=at_ms(9))


def test_ten_credits_left_are_enough_and_who_never_had_ten_is_not_warned() -> None:
    [held] = account.given(*rich).when(hold(90 * MICRO_PER_CREDIT)).decided()
    assert isinstance(held, CreditsHeld)
    poor = (opened(), granted(LOW_BALANCE_MICRO - 1))
    assert len(account.given(*poor).when(hold(1)).decided()) == 1
