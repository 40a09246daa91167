"""One example of everything that is known of checks: a job of a customer, run once more for a comparison.

Shared by the tests of checks; the rest of the network's examples are in `tests.examples`.
"""

from dataclasses import replace
from typing import Any, Final

from domain.check import replica_id
from domain.check_draw import CheckReason
from domain.check_events import (
    AnswerRecorded,
    CheckOpened,
    KnownAnswerJudged,
    LateAnswerTaken,
    Outcome,
    ReplicaOrdered,
    RunUnanswered,
    VerdictReached,
)
from domain.ids import NETWORK_ACCOUNT, AccountId, IslandId, JobId
from domain.island_events import ResultConfirmed, ResultContradicted
from domain.job_events import JobSucceeded, Output
from tests import examples
from tests.examples import CUSTOMER, ISLAND, JOB_ID, OTHER_ISLAND, OTHER_JOB_ID, OWNER, at_ms

OTHER_OWNER: Final = AccountId("other-owner")
THIRD_OWNER: Final = AccountId("third-owner")
REPLICA_ID: Final = replica_id(JOB_ID, 1)
SECOND_REPLICA_ID: Final = replica_id(JOB_ID, 2)
RIGHT: Final = f"sha256:{'b' * 64}"
WRONG: Final = f"sha256:{'c' * 64}"
OTHER_WRONG: Final = f"sha256:{'d' * 64}"


def digest(of: str) -> Output:
    return replace(examples.OUTPUT, digest=of)


def run(
    job_id: JobId = JOB_ID,
    owner_id: AccountId = OWNER,
    says: str = RIGHT,
    fuel: int | None = 123_456,
    **fields: Any,
) -> JobSucceeded:
    """The job's own run on its owner's only island, or another."""
    usage = replace(examples.USAGE, fuel=fuel)
    plain = examples.succeeded(
        island_id=IslandId(f"island of {owner_id}"), check_id=JOB_ID, check=CheckReason.NEWCOMER
    )
    named: dict[str, Any] = {"job_id": job_id, "owner_id": owner_id, "output": digest(says), "usage": usage}
    return replace(plain, **{**named, **fields})


def second(owner_id: AccountId = OTHER_OWNER, says: str = RIGHT, **fields: Any) -> JobSucceeded:
    """The first further run."""
    return run(REPLICA_ID, owner_id, says, account_id=NETWORK_ACCOUNT, check=None, **fields)


def third(owner_id: AccountId = THIRD_OWNER, says: str = RIGHT, **fields: Any) -> JobSucceeded:
    return run(SECOND_REPLICA_ID, owner_id, says, account_id=NETWORK_ACCOUNT, check=None, **fields)


def opened(reason: CheckReason = CheckReason.NEWCOMER, runs: int = 2) -> CheckOpened:
    return CheckOpened(job_id=JOB_ID, reason=reason, runs=runs, opened_at_ms=at_ms(6))


def ordered(replica: JobId = REPLICA_ID, **fields: Any) -> ReplicaOrdered:
    plain = ReplicaOrdered(
        job_id=JOB_ID,
        replica_id=replica,
        reason=CheckReason.NEWCOMER,
        account_id=NETWORK_ACCOUNT,
        bid_micro=0,
        excluded_owners=(OWNER,),
        only_island=None,
        due_at_ms=at_ms(609),
        ordered_at_ms=at_ms(6),
    )
    return replace(plain, **fields)


def recorded(answer: JobSucceeded, *, due_at_ms: int = at_ms(609)) -> AnswerRecorded:
    return AnswerRecorded(job_id=JOB_ID, run=answer, due_at_ms=due_at_ms, recorded_at_ms=at_ms(6))


def unanswered(run_id: JobId = REPLICA_ID) -> RunUnanswered:
    return RunUnanswered(job_id=JOB_ID, run_id=run_id, recorded_at_ms=at_ms(6))


def verdict(outcome: Outcome = Outcome.CONFIRMED, **fields: Any) -> VerdictReached:
    plain = VerdictReached(
        job_id=JOB_ID,
        reason=CheckReason.NEWCOMER,
        outcome=outcome,
        runs=2,
        agreeing=(),
        contradicted=(),
        undecided=(),
        unanswered=(),
        reached_at_ms=at_ms(6),
    )
    return replace(plain, **fields)


EVENTS: Final = (
    opened(),
    ordered(only_island=ISLAND, bid_micro=1_000_000),
    recorded(run()),
    unanswered(),
    verdict(
        agreeing=(run(), second()),
        contradicted=(third(says=WRONG),),
        undecided=(run(OTHER_JOB_ID),),
        unanswered=(OTHER_JOB_ID,),
    ),
    LateAnswerTaken(job_id=JOB_ID, run=second(), taken_at_ms=at_ms(700)),
    KnownAnswerJudged(job_id=JOB_ID, run=third(says=WRONG), is_right=False, judged_at_ms=at_ms(900)),
)
ISLAND_EVENTS: Final = (
    ResultConfirmed(
        island_id=ISLAND, runtime="wasm", in_row=3, job_id=JOB_ID, attempt=1, confirmed_at_ms=at_ms(9)
    ),
    ResultContradicted(
        island_id=ISLAND,
        runtime="wasm",
        job_id=JOB_ID,
        attempt=1,
        doubted=(OTHER_JOB_ID,),
        contradicted_at_ms=at_ms(9),
    ),
)
WIDENED: Final = (
    run(),
    examples.failed("crashed", check_id=JOB_ID),
    examples.cancelled(check_id=JOB_ID),
    replace(examples.assigned(), check=CheckReason.SAMPLED, island_id=OTHER_ISLAND, account_id=CUSTOMER),
)
"""Events of jobs as they are where a check waits for them."""
