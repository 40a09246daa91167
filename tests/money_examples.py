"""One example of everything that is put right in the books: corrections, refunds, compensation, collected fees."""

from typing import Any, Final

from domain import account_events, refund, treasury_events
from domain.compensation import Cause
from domain.refund import ChargePart
from tests.examples import CUSTOMER, ISLAND, JOB_ID, OWNER, PUBLISHER, at_ms

SETTLEMENT: Final = "12.0"
CORRECTED: Final = account_events.CreditsCorrected(
    account_id=CUSTOMER,
    correction_id="ticket-7",
    original="2.1",
    amount_micro=-1_500_000,
    reason="granted twice",
    corrected_at_ms=at_ms(9),
)
TAKEN_BACK: Final = account_events.EarningTakenBack(
    account_id=OWNER,
    job_id=JOB_ID,
    part=ChargePart.ISLAND,
    island_id=ISLAND,
    original=SETTLEMENT,
    payer_id=CUSTOMER,
    from_escrow_micro=3_000_000,
    from_free_micro=300_000,
    missing_micro=100_000,
    taken_at_ms=at_ms(9),
)
REFUNDED: Final = account_events.ChargeRefunded(
    account_id=CUSTOMER,
    job_id=JOB_ID,
    refund_id="island",
    original=SETTLEMENT,
    amount_micro=3_300_000,
    refunded_at_ms=at_ms(9),
)
COMPENSATED: Final = account_events.CompensationPaid(
    account_id=CUSTOMER,
    job_id=JOB_ID,
    amount_micro=500_000,
    reason="lost",
    compensation_rules_version=1,
    evidence=("7.0", "9.0", "11.0"),
    paid_at_ms=at_ms(9),
)
RAN_LOW: Final = account_events.BalanceRanLow(
    account_id=CUSTOMER, free_micro=9_000_000, limit_micro=10_000_000, ran_low_at_ms=at_ms(9)
)
RECOVERED: Final = account_events.BalanceRecovered(
    account_id=CUSTOMER, free_micro=12_000_000, recovered_at_ms=at_ms(10)
)
REQUESTED: Final = refund.RefundRequested(
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
    requested_at_ms=at_ms(9),
)
COLLECTED: Final = treasury_events.FeesCollected(
    after_position=0, through_position=12, amount_micro=400_000, collected_at_ms=at_ms(9)
)
GRANTED: Final = treasury_events.CompensationGranted(
    job_id=JOB_ID,
    account_id=CUSTOMER,
    cause=Cause.LOST,
    amount_micro=500_000,
    compensation_rules_version=1,
    evidence=("7.0", "9.0", "11.0"),
    granted_at_ms=at_ms(9),
)
COVERED: Final = treasury_events.RefundCovered(
    job_id=JOB_ID,
    part=ChargePart.PLATFORM,
    account_id=CUSTOMER,
    original=SETTLEMENT,
    amount_micro=400_000,
    covered_at_ms=at_ms(9),
)
OWED: Final = treasury_events.RefundOwed(
    job_id=JOB_ID,
    part=ChargePart.ISLAND,
    account_id=CUSTOMER,
    original=SETTLEMENT,
    amount_micro=100_000,
    owed_at_ms=at_ms(9),
)
EXAMPLES: Final[tuple[Any, ...]] = (
    CORRECTED,
    TAKEN_BACK,
    REFUNDED,
    COMPENSATED,
    RAN_LOW,
    RECOVERED,
    REQUESTED,
    COLLECTED,
    GRANTED,
    COVERED,
    OWED,
)
