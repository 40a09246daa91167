"""How many wrong results are believed where every tenth island cheats, and what finding them out costs.

No servers: the deciders of checks and islands and the processes of checking and karma, with islands that answer at
once. A cheat behaves until it is proven, then invents one answer in `LIES_ONE_IN`; all cheats invent the same one, as
if they had agreed on it. Who falls below the karma for suspension gets no more jobs. What checking costs is counted
over the second half of the jobs, when honest islands are proven; wrong results over all of them.
"""

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from commands.process import Order, Reaction
from commands.processes import checking, karma
from commands.replicas import DoubtResult, SubmitReplica
from domain.cargo_spec import Runtime
from domain.check import CHECK
from domain.check_commands import AskKnownAnswer, CheckResult
from domain.check_draw import PROVEN_IN_ROW, CheckReason, drawn
from domain.check_events import Outcome, VerdictReached
from domain.ids import NETWORK_ACCOUNT, AccountId, CargoSlug, IslandId, JobId
from domain.island import ISLAND
from domain.island_commands import EnrolIsland
from domain.island_state import Island
from domain.job_events import JobSucceeded, Output, Usage

JOBS: Final = 100_000
T0_MS: Final = 1_800_000_000_000
ISLANDS: Final = 50
CHEATS_ONE_IN: Final = 10
LIES_ONE_IN: Final = 3
KNOWN_ANSWER_ONE_IN: Final = 100
WORKED_MS: Final = 60_000
RIGHT: Final = "right"
WRONG: Final = "wrong"
SECRET: Final = b"secret of the benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cheated:
    """Wrong results that stand, as a share of all jobs; further runs, of the later half; and how many were caught."""

    wrong_share: float
    overhead_share: float
    cheats_caught: int
    cheats: int


@dataclass(slots=True)
class Town:
    rng: random.Random
    states: dict[str, Any] = field(default_factory=dict)
    results: dict[JobId, JobSucceeded] = field(default_factory=dict)
    questions: deque[JobId] = field(default_factory=lambda: deque(maxlen=200))
    extra_runs: int = 0

    def island(self, number: int) -> Island:
        state = self.states[ISLAND.stream(f"island-{number}")]
        assert isinstance(state, Island)
        return state

    def carry_out(self, *asked: Reaction) -> None:
        """Everything that follows, at once."""
        waiting = deque(asked)
        while waiting:
            for event in self.decide(waiting.popleft()):
                if isinstance(event, VerdictReached):
                    self.heed(event)
                for process in (checking.CHECKING, karma.KARMA):
                    waiting += process.react(event, T0_MS)

    def decide(self, reaction: Reaction) -> list[Any]:
        match reaction:
            case Order():
                stream = reaction.decider.stream(reaction.aggregate_id)
                state = self.states.get(stream, reaction.decider.initial)
                events = reaction.decider.decide(state, reaction.command)
                self.states[stream] = reaction.decider.fold(events, state)
                return events
            case SubmitReplica():
                return [self.replica(reaction)]
            case DoubtResult():
                doubt = CheckResult(
                    run=self.results[reaction.job_id], reason=CheckReason.RECHECK, now_ms=T0_MS
                )
                return self.decide(Order(decider=CHECK, aggregate_id=reaction.job_id, command=doubt))
            case _:
                return []

    def heed(self, event: VerdictReached) -> None:
        if event.outcome is Outcome.CONFIRMED:
            self.questions.append(event.job_id)
        if event.outcome is Outcome.CONTRADICTED:
            self.results[event.job_id] = event.agreeing[0]

    def replica(self, reaction: SubmitReplica) -> JobSucceeded:
        order = reaction.order
        self.extra_runs += 1
        if order.only_island is not None:
            number = int(order.only_island.removeprefix("island-"))
        else:
            excluded = {int(owner.removeprefix("owner-")) for owner in order.excluded_owners}
            number = self.draw_island(excluded)
        return self.run(order.replica_id, number, check_id=order.job_id)

    def draw_island(self, excluded: set[int]) -> int:
        while True:
            number = self.rng.randrange(ISLANDS)
            if number not in excluded and not self.island(number).is_suspended:
                return number

    def run(self, job_id: JobId, number: int, **fields: Any) -> JobSucceeded:
        in_row = self.island(number).valid_in_row.get(Runtime.WASM, 0)
        may_lie = number % CHEATS_ONE_IN == 0 and in_row >= PROVEN_IN_ROW
        answer = WRONG if may_lie and not self.rng.randrange(LIES_ONE_IN) else RIGHT
        return JobSucceeded(
            job_id=job_id,
            account_id=NETWORK_ACCOUNT,
            cargo_slug=CargoSlug("cargo"),
            attempt=1,
            island_id=IslandId(f"island-{number}"),
            owner_id=AccountId(f"owner-{number}"),
            publisher_id=AccountId("publisher"),
            price_micro=1,
            output=Output(digest=answer, chunks=1, output_bytes=1, after=0, last=1),
            usage=Usage(wall_ms=WORKED_MS, fuel=1),
            worked_ms=WORKED_MS,
            succeeded_at_ms=T0_MS,
            runtime=Runtime.WASM,
            is_exact=True,
            **fields,
        )

    def job(self, number: int) -> JobId:
        """One job from its placement to all that follows from its result."""
        job_id, island = JobId(f"job-{number}"), self.draw_island(set())
        reason = drawn(SECRET, job_id, self.island(island).valid_in_row.get(Runtime.WASM, 0))
        result = self.run(job_id, island, check=reason, check_id=job_id if reason else None)
        self.results[job_id] = result
        reactions = [
            reaction
            for process in (checking.CHECKING, karma.KARMA)
            for reaction in process.react(result, T0_MS)
        ]
        self.carry_out(*reactions)
        return job_id

    def ask(self) -> None:
        """Gives an island a job whose answer is known."""
        job_id, island_id = self.rng.choice(self.questions), IslandId(f"island-{self.draw_island(set())}")
        command = AskKnownAnswer(job_id=job_id, island_id=island_id, now_ms=T0_MS)
        self.carry_out(Order(decider=CHECK, aggregate_id=job_id, command=command))


def run(jobs: int = JOBS, seed: int = 1) -> Cheated:
    town = Town(random.Random(seed))
    for number in range(ISLANDS):
        enrolment = EnrolIsland(
            island_id=IslandId(f"island-{number}"),
            owner_id=AccountId(f"owner-{number}"),
            name=str(number),
            user_key=f"key-{number}",
            now_ms=T0_MS,
        )
        town.carry_out(Order(decider=ISLAND, aggregate_id=enrolment.island_id, command=enrolment))
    half, before = jobs // 2, 0
    for number in range(jobs):
        if number == half:
            before = town.extra_runs
        town.job(number)
        if number % KNOWN_ANSWER_ONE_IN == 0 and town.questions:
            town.ask()
    believed = [result.output.digest for result in town.results.values()]
    cheats = range(0, ISLANDS, CHEATS_ONE_IN)
    return Cheated(
        wrong_share=believed.count(WRONG) / jobs,
        overhead_share=(town.extra_runs - before) / (jobs - half),
        cheats_caught=sum(town.island(number).is_suspended for number in cheats),
        cheats=len(cheats),
    )
