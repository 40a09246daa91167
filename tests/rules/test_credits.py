"""The rules of credits in the numbers that people are told, each over every part that it takes.

How a charge is shared to the last micro-credit stands in `tests/domain/test_pricing.py`, holds and escrow in
`tests/domain/test_account.py`, the books in `tests/projections/test_ledger.py`, and that it holds in any order in
`tests/properties/test_money.py`.
"""

from domain.account_events import CreditsHeld, HoldSettled
from domain.failure import Failure
from domain.ids import IslandId, JobId
from domain.island import ISLAND as ISLANDS
from domain.island_commands import CreditWork
from domain.job_state import Phase
from domain.pricing import SIGN_UP_GRANT_MICRO
from tests.examples import OTHER_JOB_ID, OWNER, PUBLISHER
from tests.story import Story

CREDIT_MICRO = 1_000_000
GRANTED = 100 * CREDIT_MICRO


def served(ask_micro: int = 3 * CREDIT_MICRO, bid_micro: int = 5 * CREDIT_MICRO) -> Story:
    """A job that an island with this ask has done for this bid."""
    story = Story()
    story.join("harbour", asks={"_default": ask_micro})
    story.submit(bid_micro=bid_micro)
    story.wait()
    story.start()
    story.succeed()
    return story


def work(story: Story, island: str, hours: float) -> None:
    command = CreditWork(
        island_id=IslandId(island),
        job_id=JobId(f"elsewhere-{len(story.commits)}"),
        attempt=1,
        worked_ms=round(hours * 3_600_000),
        now_ms=story.now_ms,
    )
    story.do(ISLANDS, island, command)


def test_who_signs_up_is_given_ten_thousand_credits() -> None:
    assert SIGN_UP_GRANT_MICRO == 10_000 * CREDIT_MICRO


def test_the_bid_is_held_at_submission_and_is_nobody_else_s() -> None:
    story = Story()
    story.submit(bid_micro=60 * CREDIT_MICRO)
    assert story.account().free_micro == 40 * CREDIT_MICRO
    story.submit(OTHER_JOB_ID, bid_micro=40 * CREDIT_MICRO + 1)
    assert len(story.events(CreditsHeld)) == 1
    assert story.job(OTHER_JOB_ID).phase is Phase.UNSUBMITTED


def test_the_charge_is_the_winner_s_ask_and_the_rest_of_the_bid_comes_back() -> None:
    account = served(ask_micro=3 * CREDIT_MICRO, bid_micro=5 * CREDIT_MICRO).account()
    assert (account.free_micro, account.holds_micro) == (GRANTED - 3 * CREDIT_MICRO, {})


def test_of_a_charge_the_network_takes_ten_percent_and_the_publisher_five() -> None:
    story = served(ask_micro=3 * CREDIT_MICRO)
    [charge] = story.events(HoldSettled)
    assert (charge.platform_fee_micro, charge.price_rules_version) == (300_000, 2)
    assert story.account(PUBLISHER).free_micro == 150_000
    assert story.account(OWNER).escrow_micro == {"harbour": 2_550_000}


def test_the_smallest_charge_goes_to_the_island_alone() -> None:
    story = served(ask_micro=1)
    assert story.account(OWNER).escrow_micro == {"harbour": 1}
    assert story.account(PUBLISHER).free_micro == 0
    assert story.account().free_micro == GRANTED - 1


def test_a_job_that_failed_costs_nothing() -> None:
    story = Story()
    story.join("harbour")
    story.submit()
    story.wait()
    story.start()
    story.fail(Failure.CRASHED)
    account = story.account()
    assert (account.free_micro, account.holds_micro) == (GRANTED, {})
    assert story.account(OWNER).escrow_micro == {}


def test_cancelling_is_free_before_the_first_output_and_costs_the_full_ask_from_then_on() -> None:
    for has_output, charge_micro in ((False, 0), (True, 4 * CREDIT_MICRO)):
        story = Story()
        story.join("harbour")
        story.submit()
        story.wait()
        story.start()
        story.cancel(has_output=has_output)
        story.cancel(has_output=True)
        assert story.account().free_micro == GRANTED - charge_micro


def test_earnings_wait_until_the_island_has_ten_karma_and_then_all_of_them_are_the_owner_s() -> None:
    story = served()
    work(story, "harbour", 6)
    assert (story.island("harbour").standing.karma, story.account(OWNER).free_micro) == (9, 0)
    work(story, "harbour", 1)
    assert story.island("harbour").standing.karma == 10
    assert (story.account(OWNER).free_micro, story.account(OWNER).escrow_micro) == (2_550_000, {})
    story.submit(OTHER_JOB_ID)
    story.wait()
    story.start(OTHER_JOB_ID)
    story.succeed(OTHER_JOB_ID)
    assert story.account(OWNER).free_micro == 2 * 2_550_000


def test_an_island_gets_only_jobs_at_or_above_its_ask_which_it_may_change_at_any_time() -> None:
    story = Story()
    story.join("harbour", asks={"_default": 5 * CREDIT_MICRO + 1})
    story.submit(bid_micro=5 * CREDIT_MICRO)
    story.wait()
    assert story.job().phase is Phase.SUBMITTED
    story.beat("harbour", asks_micro={"_default": 1, "wasm-hash": 5 * CREDIT_MICRO})
    story.wait(1)
    assert (story.job().phase, story.job().price_micro) == (Phase.ASSIGNED, 5 * CREDIT_MICRO)
