"""The rules of the treasury: fees come in once, refunds go first, nothing is paid that was not collected."""

from dataclasses import replace

import pytest

from domain.compensation import DAY_MS, PER_DAY_MICRO_MAX, Cause, compensation_micro, is_late
from domain.ids import AccountId, JobId
from domain.pricing import MICRO_PER_CREDIT
from domain.refund import ChargePart
from domain.rejection import Rejection
from domain.treasury import TREASURY, CollectFees, CoverRefund, GrantCompensation
from domain.treasury_events import FeesCollected
from tests.examples import CUSTOMER, JOB_ID, OTHER_JOB_ID, T0_MS, at_ms
from tests.money_examples import COLLECTED, COVERED, EXAMPLES, GRANTED, OWED, SETTLEMENT
from tests.scenario import Scenario

treasury = Scenario(TREASURY)


def collected(amount_micro: int, after: int = 0, through: int = 12) -> FeesCollected:
    return replace(COLLECTED, amount_micro=amount_micro, after_position=after, through_position=through)


def collect(amount_micro: int, after: int = 0, through: int = 12) -> CollectFees:
    return CollectFees(
        after_position=after, through_position=through, amount_micro=amount_micro, now_ms=at_ms(9)
    )


def grant(
    amount_micro: int = 500_000, job_id: JobId = JOB_ID, now_ms: int = at_ms(9), account: AccountId = CUSTOMER
) -> GrantCompensation:
    return GrantCompensation(
        job_id=job_id,
        account_id=account,
        cause=Cause.LOST,
        amount_micro=amount_micro,
        evidence=GRANTED.evidence,
        now_ms=now_ms,
    )


def cover(amount_micro: int = 400_000, part: ChargePart = ChargePart.PLATFORM) -> CoverRefund:
    return CoverRefund(
        job_id=JOB_ID,
        part=part,
        account_id=CUSTOMER,
        original=SETTLEMENT,
        amount_micro=amount_micro,
        now_ms=at_ms(9),
    )


def test_the_fees_of_a_stretch_of_the_log_are_collected_once() -> None:
    treasury.when(collect(400_000)).then(collected(400_000))
    treasury.given(collected(400_000)).when(collect(400_000)).then_nothing()
    treasury.given(collected(400_000)).when(collect(500_000, through=20)).then_nothing()
    treasury.given(collected(400_000)).when(collect(7, after=12, through=20)).then(collected(7, 12, 20))


def test_no_fees_are_no_collection() -> None:
    treasury.when(collect(0)).then_nothing()


def test_compensation_is_granted_once_a_job() -> None:
    treasury.given(collected(500_000)).when(grant()).then(GRANTED)
    treasury.given(collected(5_000_000), GRANTED).when(grant()).then_nothing()


@pytest.mark.parametrize("balance_micro", [0, 499_999])
def test_compensation_is_never_paid_from_nothing(balance_micro: int) -> None:
    given = [collected(balance_micro)] if balance_micro else []
    treasury.given(*given).when(grant()).then_rejected(Rejection.TREASURY_SHORT)


def test_nothing_is_compensated_while_a_refund_is_owed() -> None:
    treasury.given(collected(600_000), OWED).when(grant()).then_rejected(Rejection.TREASURY_SHORT)


def test_an_account_gets_only_so_much_a_day() -> None:
    most = PER_DAY_MICRO_MAX[1]
    had = replace(GRANTED, amount_micro=most - 1, job_id=OTHER_JOB_ID)
    rich = collected(10 * most)
    [last] = treasury.given(rich, had).when(grant()).decided()
    assert last == replace(GRANTED, amount_micro=1)
    treasury.given(rich, had, last).when(grant(job_id=JobId("third"))).then_rejected(
        Rejection.COMPENSATION_CAPPED
    )
    tomorrow = T0_MS - T0_MS % DAY_MS + DAY_MS
    next_day = treasury.given(rich, had, last).when(grant(job_id=JobId("third"), now_ms=tomorrow))
    assert len(next_day.decided()) == 1
    other = treasury.given(rich, had, last).when(grant(job_id=JobId("third"), account=AccountId("other")))
    assert len(other.decided()) == 1


def test_a_refund_is_covered_once() -> None:
    treasury.given(collected(400_000)).when(cover()).then(COVERED)
    treasury.given(collected(900_000), COVERED).when(cover()).then_nothing()


def test_what_cannot_be_covered_is_owed_and_asked_for_once() -> None:
    owed = replace(OWED, part=ChargePart.PLATFORM, amount_micro=400_000)
    treasury.given(collected(399_999)).when(cover()).then(owed)
    treasury.given(collected(399_999), owed).when(cover()).then_nothing()


def test_the_next_fees_pay_what_is_owed_the_oldest_first_and_no_more_than_there_is() -> None:
    second = replace(OWED, part=ChargePart.PUBLISHER, amount_micro=50_000)
    paid = replace(COVERED, part=ChargePart.ISLAND, amount_micro=100_000)
    treasury.given(OWED, second).when(collect(149_999)).then(collected(149_999), paid)
    treasury.given(OWED, second).when(collect(50_000)).then(collected(50_000))
    after = TREASURY.fold([OWED, second, collected(149_999), paid])
    assert (after.balance_micro, after.owed) == (49_999, (second,))


def test_a_later_refund_does_not_overtake_an_owed_one() -> None:
    decided = treasury.given(OWED, collected(99_999)).when(cover(1)).decided()
    assert [type(event).__name__ for event in decided] == ["RefundOwed"]


def test_compensation_is_a_tenth_of_the_bid_and_at_most_ten_credits() -> None:
    assert compensation_micro(5 * MICRO_PER_CREDIT) == MICRO_PER_CREDIT // 2
    assert compensation_micro(1_000 * MICRO_PER_CREDIT) == 10 * MICRO_PER_CREDIT
    assert compensation_micro(9) == 0


def test_late_is_later_than_twice_the_time_that_a_run_may_take() -> None:
    assert not is_late(120_000, 60_000)
    assert is_late(120_001, 60_000)


def test_folding_never_fails() -> None:
    known = [event for event in EXAMPLES if type(event).__module__ == "domain.treasury_events"]
    assert TREASURY.fold([*known, *known[::-1]]).balance_micro != 0
