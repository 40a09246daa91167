"""The rules of trust in results in the numbers that people are told, each over every part that it takes.

How a check decides stands in `tests/domain/test_check.py`; here jobs are placed, run, compared, paid and judged.
"""

from collections.abc import Mapping
from typing import Any, Final

from commands.processes.probing import Probing
from domain.account_events import CreditsEarned, HoldReleased, HoldSettled
from domain.cargo_spec import Determinism
from domain.check import CHECK
from domain.check_draw import CheckReason, drawn, share_ppm
from domain.check_events import KnownAnswerJudged, Outcome, VerdictReached
from domain.ids import NETWORK_ACCOUNT, AccountId, JobId
from domain.island import ISLAND
from domain.island_commands import ConfirmResult
from domain.island_events import KarmaPenalized, ResultConfirmed, ResultContradicted
from domain.job_events import JobAssigned, JobSubmitted
from domain.karma import Penalty
from domain.refund import RefundRequested
from tests.check_examples import RIGHT, WRONG, digest
from tests.examples import BID_MICRO, CUSTOMER, JOB_ID, PRICE_MICRO, T0_MS, at_ms, cargo_with
from tests.story import Story

OWNERS: Final = tuple(AccountId(f"owner of {name}") for name in ("attic", "barn", "cellar"))
ATTIC, BARN, CELLAR = OWNERS


def network(*owners: AccountId, **offers: Any) -> Story:
    """An island for each of these owners, and credits for the network."""
    story = Story()
    for account_id in (NETWORK_ACCOUNT, *OWNERS):
        story.open(account_id)
    story.grant(NETWORK_ACCOUNT)
    for number, owner_id in enumerate(owners or OWNERS):
        story.join(f"{owner_id}, {number}", owner_id=owner_id, **offers)
    return story


def proven(story: Story, owner_id: AccountId, in_row: int) -> None:
    """So many results of the owner's island have been confirmed."""
    [island_id] = [one for one, offer in story.placing.picture.offers.items() if offer.owner_id == owner_id]
    for number in range(in_row):
        command = ConfirmResult(
            island_id=island_id,
            runtime="wasm",
            job_id=JobId(f"before-{number}"),
            attempt=1,
            now_ms=story.now_ms,
        )
        story.do(ISLAND, island_id, command)


def run_all(story: Story, says: Mapping[AccountId, str] | None = None) -> None:
    """Every job that can be placed is placed and run; each island says what its owner tells it to."""
    says = says or {}
    for _ in range(8):
        story.wait(1)
        for job_id, want in tuple(story.placing.picture.running.items()):
            assert want.job_id == job_id
            owner_id = story.job(job_id).owner_id
            assert owner_id is not None
            story.start(job_id)
            story.now_ms += 1_500
            story.succeed(job_id, digest(says.get(owner_id, RIGHT)))


def verdict(story: Story) -> VerdictReached:
    [reached] = story.events(VerdictReached)
    assert isinstance(reached, VerdictReached)
    return reached


def owners_of_runs(story: Story) -> list[AccountId]:
    return [event.owner_id for event in story.events(JobAssigned)]


def first_owner(story: Story) -> AccountId:
    """Whose island ran the job itself."""
    return owners_of_runs(story)[0]


def test_a_result_of_an_island_with_fewer_than_ten_valid_ones_is_always_checked() -> None:
    for in_row in range(10):
        assert drawn(b"secret", JOB_ID, in_row) is CheckReason.NEWCOMER
    story = network()
    story.submit()
    run_all(story)
    assert verdict(story).reason is CheckReason.NEWCOMER
    assert verdict(story).outcome is Outcome.CONFIRMED


def test_a_proven_island_is_checked_once_in_as_many_as_were_valid_and_at_least_once_in_fifty() -> None:
    assert [share_ppm(in_row) for in_row in (10, 20, 50, 51, 10**6)] == [
        100_000,
        50_000,
        20_000,
        20_000,
        20_000,
    ]
    jobs = [JobId(f"job-{number}") for number in range(20_000)]
    for in_row, share in ((10, 0.1), (1_000, 0.02)):
        drawn_jobs = sum(drawn(b"secret", job_id, in_row) is CheckReason.SAMPLED for job_id in jobs)
        assert abs(drawn_jobs / len(jobs) - share) < 0.01


def test_nobody_without_the_secret_can_foretell_which_results_are_checked() -> None:
    jobs = [JobId(f"job-{number}") for number in range(2_000)]
    ours, theirs = (
        {job_id for job_id in jobs if drawn(secret, job_id, 10)} for secret in (b"secret", b"guess")
    )
    assert len(ours & theirs) < len(ours) / 4


def test_a_valid_result_counts_for_the_runtime_of_every_island_that_gave_it() -> None:
    story = network(ATTIC, BARN)
    story.submit()
    run_all(story)
    confirmed = story.events(ResultConfirmed)
    assert [(event.runtime, event.in_row) for event in confirmed] == [("wasm", 1), ("wasm", 1)]
    assert {offer.valid_in_row["wasm"] for offer in story.placing.picture.offers.values()} == {1}


def test_members_of_a_quorum_have_different_owners() -> None:
    story = network(ATTIC, ATTIC, ATTIC, BARN, BARN, CELLAR)
    story.submit(redundancy=3, bid_micro=3 * BID_MICRO)
    run_all(story)
    assert sorted(owners_of_runs(story)) == sorted(OWNERS)
    assert verdict(story).outcome is Outcome.CONFIRMED


def test_where_one_owner_has_all_islands_nothing_is_checked() -> None:
    story = network(ATTIC, ATTIC)
    story.submit()
    run_all(story)
    assert not story.events(VerdictReached)
    assert story.events(HoldSettled)


def test_a_cargo_whose_bytes_may_differ_is_not_checked() -> None:
    story = network()
    story.submit(cargo=cargo_with(determinism=Determinism.TOLERANT))
    run_all(story)
    assert not story.events(VerdictReached)
    assert story.events(HoldSettled)


def test_a_mismatch_runs_a_third_time_elsewhere_and_the_majority_wins() -> None:
    story = network()
    story.submit()
    story.wait()
    liar = first_owner(story)
    run_all(story, {liar: WRONG})
    assert sorted(owners_of_runs(story)) == sorted(OWNERS)
    assert verdict(story).outcome is Outcome.CONTRADICTED
    assert {run.output.digest for run in verdict(story).agreeing} == {RIGHT}
    assert [run.owner_id for run in verdict(story).contradicted] == [liar]


def test_the_loser_starts_anew_and_loses_twenty_four_karma() -> None:
    story = network()
    story.submit()
    story.wait()
    liar = first_owner(story)
    proven(story, liar, 7)
    run_all(story, {liar: WRONG})
    [lost] = story.events(KarmaPenalized)
    assert (lost.penalty, lost.karma_delta) == (Penalty.QUORUM_CONTRADICTED, -24)
    assert story.island(lost.island_id).valid_in_row == {"wasm": 0}
    assert story.placing.picture.offers[lost.island_id].valid_in_row == {"wasm": 0}


def test_a_wrong_result_costs_nothing_and_earns_nothing() -> None:
    story = network()
    story.submit()
    story.wait()
    liar = first_owner(story)
    run_all(story, {liar: WRONG})
    assert story.account().free_micro == 100_000_000
    assert [event.job_id for event in story.events(HoldReleased)] == [JOB_ID]
    assert liar not in {event.account_id for event in story.events(CreditsEarned)}


def test_a_checked_result_is_paid_behind_its_verdict_and_once() -> None:
    story = network()
    story.submit()
    story.wait()
    story.start()
    story.succeed()
    assert not story.events(HoldSettled)
    run_all(story)
    paid = [event for event in story.events(HoldSettled) if event.account_id == CUSTOMER]
    assert [(event.job_id, event.charged_micro) for event in paid] == [(JOB_ID, PRICE_MICRO)]


def unchecked_id() -> JobId:
    """A job that no proven island is checked for."""
    names = (JobId(f"unchecked-{number}") for number in range(1_000))
    return next(job_id for job_id in names if drawn(b"", job_id, 1_000) is None)


def test_the_last_unchecked_results_of_the_loser_are_looked_at_again_and_paid_back() -> None:
    story = network()
    for owner in OWNERS:
        proven(story, owner, 1_000)
    first = unchecked_id()
    story.submit(first)
    story.wait()
    liar = first_owner(story)
    run_all(story, {liar: WRONG})
    assert not story.events(VerdictReached)
    story.submit(redundancy=3, bid_micro=3 * BID_MICRO)
    run_all(story, {liar: WRONG})
    [caught, caught_again] = story.events(ResultContradicted)
    assert (caught.job_id, caught.doubted, caught_again.job_id) == (JOB_ID, (first,), first)
    again = story.events(VerdictReached)[-1]
    assert (again.job_id, again.reason, again.outcome) == (first, CheckReason.RECHECK, Outcome.CONTRADICTED)
    [refund] = story.events(RefundRequested)
    assert (refund.job_id, refund.account_id) == (first, CUSTOMER)


def test_the_user_pays_once_and_one_bid_covers_all_runs() -> None:
    story = network()
    bid_micro = 3 * PRICE_MICRO + 1
    story.submit(redundancy=3, bid_micro=bid_micro)
    run_all(story)
    paid = [event for event in story.events(HoldSettled) if event.account_id == CUSTOMER]
    assert sum(event.charged_micro for event in paid) == 3 * PRICE_MICRO
    assert len(paid) == 3
    assert story.account().free_micro == 100_000_000 - 3 * PRICE_MICRO
    assert not story.account().holds_micro


def test_each_run_may_ask_for_its_part_of_the_bid_and_no_more() -> None:
    story = network()
    story.submit(redundancy=3, bid_micro=3 * PRICE_MICRO - 1)
    run_all(story)
    assert not story.events(JobAssigned)


def test_with_too_few_owners_the_verdict_says_so_and_what_ran_is_paid() -> None:
    story = network(ATTIC)
    story.submit(redundancy=2, bid_micro=2 * BID_MICRO)
    run_all(story)
    assert not story.events(VerdictReached)
    story.wait(700)
    assert verdict(story).outcome is Outcome.INCONCLUSIVE
    paid = [event.charged_micro for event in story.events(HoldSettled)]
    assert (paid, story.account().holds_micro) == ([PRICE_MICRO], {})


def test_idle_islands_are_given_jobs_with_known_answers_for_one_percent_of_their_time() -> None:
    story = network()
    probing = Probing(story.placing.picture.offers.values, share_permille=10)
    story.submit()
    run_all(story)
    for commit in story.commits:
        probing.take(commit)
    asked: list[int] = []
    probing.plan(story.now_ms)
    for second in range(1, 20_000):
        asked += [second for _ in probing.plan(story.now_ms + second * 1_000)]
    [third] = {offer.owner_id for offer in story.placing.picture.offers.values()} - set(owners_of_runs(story))
    assert third in OWNERS
    assert (
        20_000 / 225 - 1 <= len(asked) <= 20_000 / 75 + 1
    )  # A job of 1.5 s, every 150 s, give or take half.
    nothing = Probing(story.placing.picture.offers.values, probing.picture, share_permille=0)
    assert not nothing.plan(T0_MS + 10**9)


def test_who_fails_a_known_answer_loses_forty_eight_karma() -> None:
    story = network()
    story.submit()
    run_all(story)
    probing = Probing(story.placing.picture.offers.values, share_permille=10)
    for commit in story.commits:
        probing.take(commit)
    probing.plan(story.now_ms)
    [order] = probing.plan(at_ms(10_000))
    story.do(order.decider, order.aggregate_id, order.command)
    [question] = [event for event in story.events(JobSubmitted) if event.only_island]
    [asked] = [o for o in story.placing.picture.offers.values() if o.island_id == question.only_island]
    run_all(story, {asked.owner_id: WRONG})
    [judged] = story.events(KnownAnswerJudged)
    assert not judged.is_right
    [lost] = story.events(KarmaPenalized)
    assert (lost.island_id, lost.karma_delta) == (question.only_island, -48)
    assert story.state(CHECK, JOB_ID).verdict.outcome is Outcome.CONFIRMED
