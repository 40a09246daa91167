"""A check: several runs of one job are compared, and the majority wins.

The runs are ordinary jobs. The check orders them, collects their answers and reaches one verdict, which settling and
karma wait for. Owners vote, not islands: two answers of one owner count once. Where the runs disagree without a
majority, one more is made; where too few answers come in time, the verdict says so and what ran is paid as usual.
Its own category in the log, under the id of the job whose result it is about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final, assert_never

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
    AnswerRecorded,
    CheckEvent,
    CheckOpened,
    KnownAnswerJudged,
    LateAnswerTaken,
    Outcome,
    ReplicaOrdered,
    RunUnanswered,
    VerdictReached,
)
from domain.decider import Decider
from domain.ids import NETWORK_ACCOUNT, AccountId, IslandId, JobId
from domain.job_events import JobSucceeded

CHECK_LIMIT_MS: Final = 600_000
"""How long a check waits for one more answer, besides twice the time that the slowest run so far worked."""
RUNS_MAX: Final = 5
KNOWN_ANSWERS_MAX: Final = 200  # How often one job serves as a question.


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`awaited` are runs that may still answer. `taken` are answers, also those behind the verdict.

    `asked` are islands that were given the job when its answer was known.
    """

    job_id: JobId = JobId("")
    reason: CheckReason | None = None
    runs: int = 0
    ordered: Mapping[JobId, CheckReason] = field(default_factory=dict)
    awaited: frozenset[JobId] = frozenset()
    answers: tuple[JobSucceeded, ...] = ()
    taken: frozenset[JobId] = frozenset()
    asked: frozenset[IslandId] = frozenset()
    due_at_ms: int = 0
    verdict: VerdictReached | None = None

    @property
    def has_tie_break(self) -> bool:
        return CheckReason.TIE_BREAK in self.ordered.values()


def decide(check: Check, command: CheckCommand) -> list[CheckEvent]:
    match command:
        case OpenCheck():
            return open_for_customer(check, command)
        case CheckResult():
            return open_for_result(check, command)
        case RecordAnswer():
            return record(check, command)
        case RecordNoAnswer():
            return give_up_run(check, command)
        case CloseCheck():
            is_due = 0 < check.due_at_ms <= command.now_ms and check.verdict is None
            return [verdict(check, command.now_ms)] if is_due else []
        case AskKnownAnswer():
            return ask_known_answer(check, command)
        case _:
            assert_never(command)


def open_for_customer(check: Check, command: OpenCheck) -> list[CheckEvent]:
    if check.reason is not None:
        return []
    assert 2 <= command.runs <= RUNS_MAX
    opened = CheckOpened(
        job_id=command.job_id,
        reason=CheckReason.REDUNDANCY,
        runs=command.runs,
        opened_at_ms=command.now_ms,
    )
    replicas = [
        ReplicaOrdered(
            job_id=command.job_id,
            replica_id=replica_id(command.job_id, number),
            reason=CheckReason.REDUNDANCY,
            account_id=command.account_id,
            bid_micro=command.bid_micro,
            excluded_owners=(),
            only_island=None,
            due_at_ms=0,
            ordered_at_ms=command.now_ms,
        )
        for number in range(1, command.runs)
    ]
    return [opened, *replicas]


def open_for_result(check: Check, command: CheckResult) -> list[CheckEvent]:
    if check.reason is not None or not command.run.is_exact:
        return []
    run = command.run
    opened = CheckOpened(job_id=run.job_id, reason=command.reason, runs=2, opened_at_ms=command.now_ms)
    answered = answer(replace(check, job_id=run.job_id), run, command.now_ms)
    after = CHECK.fold([opened, answered], check)
    return [opened, answered, extra_run(after, command.reason, command.now_ms)]


def record(check: Check, command: RecordAnswer) -> list[CheckEvent]:
    run = command.run
    if run.job_id not in check.ordered or run.job_id in check.taken:
        return []
    if check.ordered[run.job_id] is CheckReason.KNOWN_ANSWER:
        assert check.verdict is not None
        is_right = agrees(run, check.verdict.agreeing[0])
        return [
            KnownAnswerJudged(job_id=check.job_id, run=run, is_right=is_right, judged_at_ms=command.now_ms)
        ]
    if check.verdict is not None:
        return [LateAnswerTaken(job_id=check.job_id, run=run, taken_at_ms=command.now_ms)]
    answered = answer(check, run, command.now_ms)
    return [answered, *next_step(evolve(check, answered), command.now_ms)]


def answer(check: Check, run: JobSucceeded, now_ms: int) -> AnswerRecorded:
    slowest_ms = max(one.worked_ms for one in (*check.answers, run))
    due_at_ms = now_ms + CHECK_LIMIT_MS + 2 * slowest_ms
    return AnswerRecorded(job_id=check.job_id, run=run, due_at_ms=due_at_ms, recorded_at_ms=now_ms)


def give_up_run(check: Check, command: RecordNoAnswer) -> list[CheckEvent]:
    if command.run_id not in check.awaited:
        return []
    unanswered = RunUnanswered(job_id=check.job_id, run_id=command.run_id, recorded_at_ms=command.now_ms)
    if check.verdict is not None:
        return [unanswered]
    after = evolve(check, unanswered)
    rest = [verdict(after, command.now_ms)] if command.ends_check else next_step(after, command.now_ms)
    return [unanswered, *rest]


def next_step(check: Check, now_ms: int) -> list[CheckEvent]:
    """Nothing while answers are awaited; then the verdict, or the one run that may bring a majority."""
    if check.awaited:
        return []
    if is_split(check.answers) and not majority(check) and not check.has_tie_break:
        return [extra_run(check, CheckReason.TIE_BREAK, now_ms)]
    return [verdict(check, now_ms)]


def is_split(answers: Sequence[JobSucceeded]) -> bool:
    """Whether they contradict each other, or one owner spoke twice."""
    differ = any(not agrees(run, answers[0]) for run in answers)
    return differ or len(owners(answers)) < len(answers)


def extra_run(check: Check, reason: CheckReason, now_ms: int) -> ReplicaOrdered:
    """One more run at the network's expense, by an owner who has not answered yet. It is offered the highest price."""
    slowest_ms = max(run.worked_ms for run in check.answers)
    return ReplicaOrdered(
        job_id=check.job_id,
        replica_id=replica_id(check.job_id, len(check.ordered)),
        reason=reason,
        account_id=NETWORK_ACCOUNT,
        bid_micro=0,
        excluded_owners=owners(check.answers),
        only_island=None,
        due_at_ms=now_ms + CHECK_LIMIT_MS + 2 * slowest_ms,
        ordered_at_ms=now_ms,
    )


def ask_known_answer(check: Check, command: AskKnownAnswer) -> list[CheckEvent]:
    """One at a time, and no island twice: it would know the question."""
    is_known = check.verdict is not None and check.verdict.outcome is Outcome.CONFIRMED
    ran_it = check.asked | {run.island_id for run in check.answers}
    if not is_known or check.awaited or command.island_id in ran_it or len(check.asked) >= KNOWN_ANSWERS_MAX:
        return []
    return [
        ReplicaOrdered(
            job_id=check.job_id,
            replica_id=replica_id(check.job_id, len(check.ordered)),
            reason=CheckReason.KNOWN_ANSWER,
            account_id=NETWORK_ACCOUNT,
            bid_micro=0,
            excluded_owners=(),
            only_island=command.island_id,
            due_at_ms=0,
            ordered_at_ms=command.now_ms,
        )
    ]


def verdict(check: Check, now_ms: int) -> VerdictReached:
    agreeing = majority(check)
    contradicted = tuple(run for run in check.answers if run not in agreeing) if agreeing else ()
    return VerdictReached(
        job_id=check.job_id,
        reason=check.reason or CheckReason.REDUNDANCY,
        outcome=outcome(check.job_id, agreeing, contradicted),
        runs=check.runs,
        agreeing=agreeing,
        contradicted=contradicted,
        undecided=() if agreeing else check.answers,
        unanswered=tuple(sorted(check.awaited)),
        reached_at_ms=now_ms,
    )


def outcome(job_id: JobId, agreeing: Sequence[JobSucceeded], contradicted: Sequence[JobSucceeded]) -> Outcome:
    if not agreeing:
        return Outcome.INCONCLUSIVE
    is_wrong = any(run.job_id == job_id for run in contradicted)
    return Outcome.CONTRADICTED if is_wrong else Outcome.CONFIRMED


def majority(check: Check) -> tuple[JobSucceeded, ...]:
    """The answers that agree and are of more than half the owners asked for, and of those who answered; or none."""
    needed = max(check.runs, len(owners(check.answers)))
    camps = (tuple(run for run in check.answers if agrees(run, first)) for first in by_fuel_told(check))
    return next((camp for camp in camps if 2 * len(owners(camp)) > needed), ())


def by_fuel_told(check: Check) -> list[JobSucceeded]:
    """An answer that tells its fuel leads a camp before one that does not and would gather several."""
    return sorted(check.answers, key=lambda run: run.usage.fuel is None)


def agrees(run: JobSucceeded, first: JobSucceeded) -> bool:
    """The same bytes and, where both tell it, the same fuel: it is one number on every engine."""
    fuels = (run.usage.fuel, first.usage.fuel)
    return run.output.digest == first.output.digest and (None in fuels or fuels[0] == fuels[1])


def owners(runs: Sequence[JobSucceeded]) -> tuple[AccountId, ...]:
    return tuple(sorted({run.owner_id for run in runs}))


def replica_id(job_id: JobId, number: int) -> JobId:
    """The id of the `number`-th further run: always the same, and no different to look at from any other job's."""
    digits = sha256(f"{job_id}\0replica\0{number}".encode()).hexdigest()
    return JobId(f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}")


def evolve(check: Check, event: CheckEvent) -> Check:
    match event:
        case CheckOpened():
            ordered = {event.job_id: event.reason}
            return replace(
                check,
                job_id=event.job_id,
                reason=event.reason,
                runs=event.runs,
                ordered=ordered,
                awaited=frozenset(ordered),
            )
        case ReplicaOrdered():
            asked = check.asked if event.only_island is None else check.asked | {event.only_island}
            return replace(
                check,
                ordered={**check.ordered, event.replica_id: event.reason},
                awaited=check.awaited | {event.replica_id},
                asked=asked,
                due_at_ms=max(check.due_at_ms, event.due_at_ms),
            )
        case AnswerRecorded():
            return replace(
                with_answer(check, event.run),
                answers=(*check.answers, event.run),
                due_at_ms=max(check.due_at_ms, event.due_at_ms),
            )
        case LateAnswerTaken() | KnownAnswerJudged():
            return with_answer(check, event.run)
        case RunUnanswered():
            return replace(check, awaited=check.awaited - {event.run_id})
        case VerdictReached():
            return replace(check, verdict=event, awaited=frozenset(), due_at_ms=0)
        case _:
            assert_never(event)


def with_answer(check: Check, run: JobSucceeded) -> Check:
    return replace(check, awaited=check.awaited - {run.job_id}, taken=check.taken | {run.job_id})


CHECK: Decider[CheckCommand, Check, CheckEvent] = Decider("check", Check(), decide, evolve)
