"""A check: owners vote, one more run breaks a tie, and one verdict ends it."""

from dataclasses import replace
from typing import Any

import pytest

from domain.check import CHECK, CHECK_LIMIT_MS, Check, replica_id
from domain.check_commands import (
    AskKnownAnswer,
    CheckCommand,
    CheckResult,
    CloseCheck,
    OpenCheck,
    RecordAnswer,
    RecordNoAnswer,
)
from domain.check_draw import CheckReason
from domain.check_events import (
    CheckEvent,
    KnownAnswerJudged,
    LateAnswerTaken,
    Outcome,
    ReplicaOrdered,
    VerdictReached,
)
from domain.ids import NETWORK_ACCOUNT, IslandId, JobId
from domain.job_events import JobSucceeded
from tests.check_examples import (
    OTHER_OWNER,
    OTHER_WRONG,
    REPLICA_ID,
    SECOND_REPLICA_ID,
    THIRD_OWNER,
    WRONG,
    opened,
    ordered,
    recorded,
    run,
    second,
    third,
    unanswered,
    verdict,
)
from tests.examples import CUSTOMER, ISLAND, JOB_ID, OTHER_JOB_ID, OWNER, USAGE, at_ms
from tests.scenario import Scenario

NOW_MS = at_ms(6)
DUE_MS = NOW_MS + CHECK_LIMIT_MS + 2 * USAGE.wall_ms
CHECKED = (opened(), recorded(run()), ordered())
SPLIT = (
    *CHECKED,
    recorded(second(says=WRONG)),
    ordered(SECOND_REPLICA_ID, reason=CheckReason.TIE_BREAK, excluded_owners=(OTHER_OWNER, OWNER)),
)


def given(*past: CheckEvent) -> Scenario[CheckCommand, Check, CheckEvent]:
    return Scenario(CHECK).given(*past)


def answer(of: JobSucceeded) -> RecordAnswer:
    return RecordAnswer(job_id=JOB_ID, run=of, now_ms=NOW_MS)


def no_answer(run_id: JobId = REPLICA_ID, *, ends_check: bool = False) -> RecordNoAnswer:
    return RecordNoAnswer(job_id=JOB_ID, run_id=run_id, ends_check=ends_check, now_ms=NOW_MS)


def test_a_result_is_checked_by_one_more_run_of_another_owner_at_the_networks_expense() -> None:
    command = CheckResult(run=run(), reason=CheckReason.NEWCOMER, now_ms=NOW_MS)
    again = ordered(
        REPLICA_ID, account_id=NETWORK_ACCOUNT, excluded_owners=(OWNER,), bid_micro=0, due_at_ms=DUE_MS
    )
    given().when(command).then(opened(), recorded(run(), due_at_ms=DUE_MS), again)


def test_what_a_customer_asked_for_is_paid_by_the_customer() -> None:
    command = OpenCheck(job_id=JOB_ID, account_id=CUSTOMER, runs=3, bid_micro=1_000_000, now_ms=NOW_MS)
    replicas = [
        ordered(
            replica_id(JOB_ID, number),
            reason=CheckReason.REDUNDANCY,
            account_id=CUSTOMER,
            bid_micro=1_000_000,
            excluded_owners=(),
            due_at_ms=0,
        )
        for number in (1, 2)
    ]
    given().when(command).then(opened(CheckReason.REDUNDANCY, 3), *replicas)


def test_a_result_without_exact_bytes_is_not_checked() -> None:
    tolerant = replace(run(), is_exact=False)
    given().when(CheckResult(run=tolerant, reason=CheckReason.NEWCOMER, now_ms=NOW_MS)).then_nothing()


def test_two_owners_that_agree_confirm_a_result() -> None:
    [kept, reached] = given(*CHECKED).when(answer(second())).decided()
    assert kept == recorded(second(), due_at_ms=DUE_MS)
    assert reached == verdict(Outcome.CONFIRMED, agreeing=(run(), second()))


def test_a_mismatch_runs_a_third_time_on_an_island_of_a_third_owner() -> None:
    tie_break = ordered(
        SECOND_REPLICA_ID,
        reason=CheckReason.TIE_BREAK,
        excluded_owners=(OTHER_OWNER, OWNER),
        due_at_ms=DUE_MS,
    )
    wrong = second(says=WRONG)
    given(*CHECKED).when(answer(wrong)).then(recorded(wrong, due_at_ms=DUE_MS), tie_break)


@pytest.mark.parametrize(
    ("says", "outcome", "groups"),
    [
        ("b", Outcome.CONFIRMED, {"agreeing": (run(), third()), "contradicted": (second(says=WRONG),)}),
        (
            "c",
            Outcome.CONTRADICTED,
            {"agreeing": (second(says=WRONG), third(says=WRONG)), "contradicted": (run(),)},
        ),
        (
            "d",
            Outcome.INCONCLUSIVE,
            {"undecided": (run(), second(says=WRONG), third(says=OTHER_WRONG))},
        ),
    ],
    ids=["the first was right", "the first was wrong", "three answers"],
)
def test_the_majority_wins(says: str, outcome: Outcome, groups: dict[str, Any]) -> None:
    last = third(says=f"sha256:{says * 64}")
    [_, reached] = given(*SPLIT).when(answer(last)).decided()
    assert reached == verdict(outcome, **groups)


def test_two_answers_of_one_owner_count_once() -> None:
    more = given(*CHECKED).when(answer(second(owner_id=OWNER))).decided()[-1]
    assert isinstance(more, ReplicaOrdered)
    assert more.reason is CheckReason.TIE_BREAK


def test_the_same_bytes_with_other_fuel_are_a_mismatch() -> None:
    more = given(*CHECKED).when(answer(second(fuel=123_457))).decided()[-1]
    assert isinstance(more, ReplicaOrdered)
    assert more.reason is CheckReason.TIE_BREAK


def test_an_island_that_tells_no_fuel_is_compared_by_its_bytes() -> None:
    [_, reached] = given(*CHECKED).when(answer(second(fuel=None))).decided()
    assert reached == verdict(Outcome.CONFIRMED, agreeing=(run(), second(fuel=None)))


def test_without_a_second_answer_nothing_is_proven() -> None:
    [gone, reached] = given(*CHECKED).when(no_answer()).decided()
    assert (gone, reached) == (unanswered(), verdict(Outcome.INCONCLUSIVE, undecided=(run(),)))


def test_a_check_waits_ten_minutes_and_twice_what_the_slowest_run_took() -> None:
    past = (opened(), recorded(run(), due_at_ms=DUE_MS), ordered(due_at_ms=DUE_MS))
    early = CloseCheck(job_id=JOB_ID, now_ms=DUE_MS - 1)
    given(*past).when(early).then_nothing()
    late = CloseCheck(job_id=JOB_ID, now_ms=DUE_MS)
    given(*past).when(late).then(
        verdict(Outcome.INCONCLUSIVE, undecided=(run(),), unanswered=(REPLICA_ID,), reached_at_ms=DUE_MS)
    )


def test_who_cancels_the_job_wants_no_more_answers() -> None:
    past = (opened(CheckReason.REDUNDANCY), ordered(reason=CheckReason.REDUNDANCY))
    [_, reached] = given(*past).when(no_answer(JOB_ID, ends_check=True)).decided()
    assert reached == verdict(Outcome.INCONCLUSIVE, reason=CheckReason.REDUNDANCY, unanswered=(REPLICA_ID,))


def test_two_of_five_that_agree_prove_nothing() -> None:
    past: list[CheckEvent] = [opened(CheckReason.REDUNDANCY, 5)]
    ids = [replica_id(JOB_ID, number) for number in range(1, 5)]
    past += [ordered(one, reason=CheckReason.REDUNDANCY) for one in ids]
    past += [recorded(run()), recorded(second()), *(unanswered(one) for one in ids[1:3])]
    reached = given(*past).when(no_answer(ids[3])).decided()[-1]
    assert isinstance(reached, VerdictReached)
    assert reached.outcome is Outcome.INCONCLUSIVE


def test_an_answer_behind_the_verdict_is_taken_and_not_compared() -> None:
    past = (*CHECKED, verdict(Outcome.INCONCLUSIVE, undecided=(run(),), unanswered=(REPLICA_ID,)))
    late = LateAnswerTaken(job_id=JOB_ID, run=second(says=WRONG), taken_at_ms=NOW_MS)
    given(*past).when(answer(second(says=WRONG))).then(late)


CONFIRMED = (*CHECKED, recorded(second()), verdict(agreeing=(run(), second())))
ASK = AskKnownAnswer(job_id=JOB_ID, island_id=ISLAND, now_ms=NOW_MS)
ASKED = ordered(
    SECOND_REPLICA_ID,
    reason=CheckReason.KNOWN_ANSWER,
    excluded_owners=(),
    only_island=ISLAND,
    due_at_ms=0,
)


def test_a_confirmed_job_serves_as_a_question_with_a_known_answer() -> None:
    given(*CONFIRMED).when(ASK).then(ASKED)
    for says, is_right in ((run().output.digest, True), (WRONG, False)):
        told = third(says=says)
        judged = KnownAnswerJudged(job_id=JOB_ID, run=told, is_right=is_right, judged_at_ms=NOW_MS)
        given(*CONFIRMED, ASKED).when(answer(told)).then(judged)


def test_no_island_is_asked_what_it_has_answered_and_none_twice() -> None:
    knows = AskKnownAnswer(job_id=JOB_ID, island_id=IslandId(f"island of {OWNER}"), now_ms=NOW_MS)
    given(*CONFIRMED).when(knows).then_nothing()
    given(*CONFIRMED, ASKED, unanswered(SECOND_REPLICA_ID)).when(ASK).then_nothing()


def test_what_was_not_confirmed_is_no_question() -> None:
    given(*CHECKED).when(ASK).then_nothing()
    given(*CHECKED, verdict(Outcome.INCONCLUSIVE, undecided=(run(),))).when(ASK).then_nothing()


@pytest.mark.parametrize("past", [CHECKED, SPLIT, CONFIRMED], ids=["checked", "split", "confirmed"])
def test_a_repeated_command_decides_nothing(past: tuple[CheckEvent, ...]) -> None:
    commands = (
        CheckResult(run=run(), reason=CheckReason.NEWCOMER, now_ms=NOW_MS),
        answer(run()),
        no_answer(OTHER_JOB_ID),
    )
    for command in commands:
        given(*past).when(command).then_nothing()


def test_the_id_of_a_further_run_looks_like_any_other() -> None:
    assert replica_id(JOB_ID, 1) == REPLICA_ID != replica_id(JOB_ID, 2)
    assert len(REPLICA_ID) == len(JOB_ID)
    assert [len(part) for part in REPLICA_ID.split("-")] == [8, 4, 4, 4, 12]
    assert THIRD_OWNER not in (OWNER, OTHER_OWNER)
