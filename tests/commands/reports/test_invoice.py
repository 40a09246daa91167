"""What an invoice tells of what an account did, line by line."""

from typing import Any

import pytest

from commands.reports import account_past
from commands.reports.order import NothingKnown, ReportTooLong
from commands.reports.period import month_of
from commands.reports.report import Kind
from domain.account import ACCOUNT
from domain.account_commands import CorrectCredits
from domain.job import JOB
from domain.job_commands import SucceedAttempt
from domain.job_events import Usage
from domain.pricing import MICRO_PER_CREDIT, PriceUnit
from tests import examples
from tests.commands.reports.orders import account, figures, made, rows
from tests.examples import BID_MICRO, CARGO, CUSTOMER, JOB_ID, OTHER_JOB_ID, OWNER, PRICE_MICRO, T0_MS
from tests.paying_histories import DAY_MS
from tests.story import GRANT_MICRO, Story

JANUARY, FEBRUARY = month_of("2027-01"), month_of("2027-02")


def correction(story: Story, amount_micro: int) -> CorrectCredits:
    return CorrectCredits(
        account_id=CUSTOMER,
        correction_id="ticket-7",
        original="9.0",
        amount_micro=amount_micro,
        reason="told to an operator",
        now_ms=story.now_ms,
    )


def paid_job(**fields: Any) -> Story:
    """One job of the customer, done and paid."""
    story = Story()
    story.join("island-1", asks={"_default": PRICE_MICRO})
    story.submit(**fields)
    story.wait()
    story.start()
    story.succeed()
    return story


async def test_a_charge_names_job_cargo_price_units_and_who_gets_what_of_it() -> None:
    report = await made(paid_job(), Kind.INVOICE, account(CUSTOMER))
    assert rows(report, "charges") == [
        {
            "event": "13.0",
            "at": "2027-01-15T08:00:00.000Z",
            "job_id": JOB_ID,
            "cargo": "wasm-hash",
            "cargo_version": "1.0.0",
            "units": 1,
            "price_unit": "job",
            "unit_price_micro": PRICE_MICRO,
            "held_micro": BID_MICRO,
            "released_micro": BID_MICRO - PRICE_MICRO,
            "charged_micro": PRICE_MICRO,
            "platform_fee_micro": 400_000,
            "publisher_micro": 200_000,
            "island_micro": 3_400_000,
            "island_id": "island-1",
            "price_rules": 2,
        }
    ]
    found = figures(report)
    assert found["opening_micro"] == 0
    assert found["added_micro"] == GRANT_MICRO
    assert found["charged_micro"] == -PRICE_MICRO
    assert found["closing_micro"] == found["free_micro"] == GRANT_MICRO - PRICE_MICRO
    assert report.rules == {"price": (2,), "compensation": ()}


async def test_an_open_job_is_no_line_and_its_hold_is_still_the_account_s() -> None:
    story = Story()
    story.submit()
    found = figures(await made(story, Kind.INVOICE, account(CUSTOMER)))
    assert found["closing_micro"] == GRANT_MICRO
    assert (found["free_micro"], found["held_micro"]) == (GRANT_MICRO - BID_MICRO, BID_MICRO)
    assert (found["jobs"], found["charged_micro"]) == (0, 0)


async def test_a_job_that_was_cancelled_in_time_costs_nothing() -> None:
    story = Story()
    story.submit()
    story.cancel()
    report = await made(story, Kind.INVOICE, account(CUSTOMER))
    assert rows(report, "charges") == []
    assert figures(report)["held_micro"] == 0


async def test_units_of_a_metered_cargo_are_charged_at_the_price_of_one() -> None:
    story = Story()
    story.join("island-1", asks={"_default": 300_000})
    story.submit(cargo=examples.cargo_with(price_unit=PriceUnit.SECOND), unit_bid_micro=300_000)
    story.wait()
    story.start()
    story.now_ms += 9_000
    usage = Usage(wall_ms=7_400)
    story.do(JOB, JOB_ID, SucceedAttempt(**story.attempt(), output=examples.OUTPUT, usage=usage))
    [charge] = rows(await made(story, Kind.INVOICE, account(CUSTOMER)), "charges")
    assert (charge["units"], charge["price_unit"], charge["unit_price_micro"]) == (8, "second", 300_000)
    assert charge["charged_micro"] == 8 * 300_000


async def test_a_job_is_charged_in_the_month_in_which_the_log_recorded_its_end() -> None:
    story = Story()
    story.now_ms = JANUARY.until_ms or 0
    story.now_ms -= 1
    story.join("island-1", asks={"_default": PRICE_MICRO})
    story.submit()
    story.wait()
    story.start()
    story.now_ms += 1
    story.succeed()
    january = figures(await made(story, Kind.INVOICE, account(CUSTOMER), JANUARY))
    february = figures(await made(story, Kind.INVOICE, account(CUSTOMER), FEBRUARY))
    assert (january["charged_micro"], january["held_micro"]) == (0, BID_MICRO)
    assert february["charged_micro"] == -PRICE_MICRO
    assert february["opening_micro"] == january["closing_micro"] == GRANT_MICRO


async def test_a_correction_stands_in_the_month_in_which_it_was_made_and_names_what_it_puts_right() -> None:
    story = paid_job()
    story.now_ms += 31 * DAY_MS
    story.do(ACCOUNT, CUSTOMER, correction(story, MICRO_PER_CREDIT))
    january = await made(story, Kind.INVOICE, account(CUSTOMER), JANUARY)
    february = await made(story, Kind.INVOICE, account(CUSTOMER), FEBRUARY)
    assert "corrected_micro" not in figures(january)
    [line] = rows(february, "movements")
    assert (line["movement"], line["original"], line["amount_micro"]) == (
        "corrected",
        "9.0",
        MICRO_PER_CREDIT,
    )
    assert figures(february)["movement_micro"] == MICRO_PER_CREDIT


async def test_runs_of_one_job_are_charged_each_out_of_its_own_part_of_the_one_bid() -> None:
    story = Story()
    for number in (1, 2):
        owner = examples.OWNER if number == 1 else examples.PUBLISHER
        story.join(f"island-{number}", owner_id=owner, asks={"_default": MICRO_PER_CREDIT})
    story.submit(redundancy=2)
    story.wait()
    replica = next(job for job in story.placing.picture.running if job != JOB_ID)
    for job in (JOB_ID, replica):
        story.start(job)
        story.succeed(job)
    report = await made(story, Kind.INVOICE, account(CUSTOMER))
    charges = rows(report, "charges")
    assert {charge["job_id"] for charge in charges} == {JOB_ID, replica}
    assert [charge["held_micro"] for charge in charges] == [BID_MICRO // 2, BID_MICRO // 2]
    assert sum(charge["held_micro"] for charge in charges) == BID_MICRO
    assert {charge["cargo"] for charge in charges} == {CARGO.slug}


async def test_what_an_account_earns_stands_on_its_invoice_too_and_may_wait_for_karma() -> None:
    found = figures(await made(paid_job(), Kind.INVOICE, account(OWNER)))
    assert found["earned_micro"] == found["closing_micro"] == found["escrow_micro"] == 3_400_000


async def test_charges_are_summed_by_day_and_by_cargo() -> None:
    story = paid_job()
    story.now_ms += DAY_MS
    story.beat("island-1")
    story.submit(OTHER_JOB_ID)
    story.wait()
    story.start(OTHER_JOB_ID)
    story.succeed(OTHER_JOB_ID)
    report = await made(story, Kind.INVOICE, account(CUSTOMER))
    assert rows(report, "by_day") == [
        {"day": "2027-01-15", "jobs": 1, "charged_micro": PRICE_MICRO},
        {"day": "2027-01-16", "jobs": 1, "charged_micro": PRICE_MICRO},
    ]
    [both] = rows(report, "by_cargo")
    assert (both["cargo"], both["jobs"], both["charged_micro"]) == ("wasm-hash", 2, 2 * PRICE_MICRO)


async def test_an_account_that_nobody_opened_by_then_has_no_invoice() -> None:
    with pytest.raises(NothingKnown, match="account nobody"):
        await made(Story(), Kind.INVOICE, account("nobody"))
    with pytest.raises(NothingKnown):
        await made(Story(), Kind.INVOICE, account(CUSTOMER), month_of("2026-12"))


async def test_more_lines_than_a_report_may_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_past, "LINES_MAX", 1)
    with pytest.raises(ReportTooLong, match="more than 1 lines"):
        await made(paid_job(), Kind.INVOICE, account(CUSTOMER))


def test_the_story_begins_in_january() -> None:
    assert JANUARY.since_ms < T0_MS < (JANUARY.until_ms or 0)
