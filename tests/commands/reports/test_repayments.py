"""What came back to an account is held against the rules: not above the charge or the bid, and once."""

from typing import Any, Final

import pytest

from commands.reports.period import Span
from commands.reports.repayments import Repayments
from domain.account import ACCOUNT
from domain.account_events import ChargeRefunded, CompensationPaid
from domain.ids import JobId
from tests.examples import BID_MICRO, CUSTOMER, JOB_ID, OWNER, PRICE_MICRO, T0_MS, held, settled
from tests.histories import History
from tests.paying_histories import paying_history

STREAM: Final = ACCOUNT.stream(CUSTOMER)
CHARGE: Final = "2.0"


def refunded(amount_micro: int = PRICE_MICRO, **fields: Any) -> ChargeRefunded:
    plain: dict[str, Any] = {"job_id": JOB_ID, "refund_id": "island", "original": CHARGE}
    return ChargeRefunded(
        account_id=CUSTOMER, amount_micro=amount_micro, refunded_at_ms=T0_MS, **(plain | fields)
    )


def compensated(
    amount_micro: int = BID_MICRO // 10, version: int = 1, job: JobId = JOB_ID
) -> CompensationPaid:
    return CompensationPaid(
        account_id=CUSTOMER,
        job_id=job,
        amount_micro=amount_micro,
        reason="lost",
        compensation_rules_version=version,
        evidence=("1.0",),
        paid_at_ms=T0_MS,
    )


def faults(*events: Any, span: Span | None = None) -> list[tuple[str, str]]:
    """Of what follows a hold (1.0) and its settlement (2.0), each event a commit."""
    history = History()
    for event in (held(), settled(), *events):
        history.add(STREAM, event)
    repayments = Repayments(STREAM, span or Span(after=0, through=99, is_closed=False))
    for commit in history.commits:
        repayments.take(commit)
    return [(fault.address, fault.told) for fault in repayments.faults]


def test_what_the_rules_give_is_no_fault() -> None:
    halves = [refunded(PRICE_MICRO // 2, refund_id=part) for part in ("island", "platform")]
    assert faults(*halves, compensated()) == []


@pytest.mark.parametrize(
    ("events", "address", "told"),
    [
        ([refunded(PRICE_MICRO + 1)], "3.0", "came back, charged were 4000000"),
        ([refunded(1), refunded(PRICE_MICRO, refund_id="other")], "4.0", "4000001 of 2.0 came back"),
        ([refunded(1), refunded(1)], "4.0", "came back before"),
        ([refunded(original="1.0")], "3.0", "puts right 1.0, which is no charge"),
        ([refunded(job_id=JobId("another"))], "3.0", "puts right 2.0, which is no charge for job another"),
        ([compensated(BID_MICRO)], "3.0", "5000000 compensate a bid of 5000000, at most 500000 may"),
        ([compensated(1, job=JobId("another"))], "3.0", "a bid of 0, at most 0 may"),
        ([compensated(), compensated()], "4.0", "was compensated before"),
        ([compensated(version=2)], "3.0", "there are no compensation rules of version 2"),
    ],
)
def test_what_they_do_not_give_is_told_with_the_event(events: list[Any], address: str, told: str) -> None:
    [(found, text)] = faults(*events)
    assert found == address
    assert told in text


def test_a_fault_of_another_month_is_not_told_again() -> None:
    assert faults(refunded(PRICE_MICRO + 1), span=Span(after=3, through=9, is_closed=False)) == []
    assert faults(refunded(PRICE_MICRO + 1), span=Span(after=0, through=2, is_closed=False)) == []


def test_other_accounts_are_passed_over() -> None:
    history = History()
    history.add(ACCOUNT.stream(OWNER), refunded())
    repayments = Repayments(STREAM, Span(after=0, through=9, is_closed=False))
    for commit in history.commits:
        repayments.take(commit)
    assert repayments.faults == []


def test_the_histories_repay_in_both_ways() -> None:
    kinds = {type(event) for commit in paying_history(50) for event in commit.events}
    assert {ChargeRefunded, CompensationPaid} <= kinds
