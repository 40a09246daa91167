"""One world: servers, two coordinators, islands and people, from one seed to its end.

`World(scenario).run()` returns the broken rule or None. With `lines`, everything that happens is written down.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Final

from adapters import clock
from commands.event_log import Commit, Origin
from commands.handle import CommandHandler
from commands.process import SendAssignment, SendCancel
from domain.claim import ClaimRejection
from domain.ids import IslandId, JobId
from tests.examples import T0_MS
from tests.simulation import history, people, read_models
from tests.simulation.claims import ClaimStream, StoredClaim
from tests.simulation.coordinators import SimulatedCoordinator
from tests.simulation.event_log import LogServer
from tests.simulation.invariants import EARLIER, Invariants
from tests.simulation.islands import SimulatedIsland
from tests.simulation.machines import Machines
from tests.simulation.mailboxes import MailServer
from tests.simulation.network import Network
from tests.simulation.outputs import OutputServer
from tests.simulation.process_store import StoreServer
from tests.simulation.rule import Broken
from tests.simulation.scenario import CHAOS_S, ISLANDS, Act, Happening, Scenario
from tests.simulation.servers import Servers
from tests.simulation.virtual_loop import Schedule, VirtualLoop

LOOK_S: Final = 5.0
SETTLED_S: Final = CHAOS_S + 10
ENDED_BY_S: Final = 900.0
"""The longest a job may take: three lost attempts, deadlines, the queue's limit, and then some."""
AWAY_MAX_S: Final = 120.0
DOWN_MAX_S: Final = 60.0
ANSWER_AWAITED_S: Final = 8.0
ASKED_MAX: Final = 3
IMPATIENT: Final = 0.35
REGISTERS_AGAIN_S: Final = 1.0
MINUTE_MS: Final = 60_000


class World:
    def __init__(
        self, scenario: Scenario, *, lines: list[str] | None = None, dies_at: int | None = None
    ) -> None:
        """`dies_at` is the await at which the first coordinator dies, counted from its start."""
        self.scenario = scenario
        self.broken: Broken | None = None
        self.schedule = Schedule()
        self.islands: dict[IslandId, SimulatedIsland] = {}
        self._lines = lines
        self._dies_at = dies_at
        self._loop = VirtualLoop(self.schedule)
        self._rng = Random(f"world {scenario.seed}")
        self._requests = 0
        self._keys = [0] * ISLANDS
        self.servers = self._servers()
        claims = self.servers.claims.made
        self.invariants = Invariants(self.servers.outputs, lambda number: claims[number - 1])
        self.invariants.log = self.servers.log.commits
        self.machines: Machines | None = None

    def _servers(self) -> Servers:
        network = Network(self._rng, self.scenario.weather, self._loop)
        return Servers(
            network=network,
            log=LogServer(self.now_ms, self._heard_commit),
            store=StoreServer(),
            mail=MailServer(self.islands, network, self._loop, self._heard_message),
            outputs=OutputServer(),
            claims=ClaimStream(
                lambda: self.machines.running() if self.machines else (), network, self._loop, self.now_ms
            ),
            now_ms=self.now_ms,
            tell=self.tell,
            tell_defect=self._tell_defect,
            heard_refusal=self._heard_refusal,
        )

    def now_ms(self) -> int:
        return T0_MS + int(self.schedule.now_s * 1000)

    # Its course.

    def run(self) -> Broken | None:
        """To the end, or to the first rule that is broken."""
        with virtual_clock(self):
            self._begin()
            self._run_on(SETTLED_S)
            while self.broken is None and self.schedule.now_s < ENDED_BY_S and self.invariants.unfinished():
                self._run_on(self.schedule.now_s + LOOK_S)
            self._check_end()
            self._take_down()
        return self.broken

    def _begin(self) -> None:
        now_ms = self.now_ms()
        for first in people.beginning(self.scenario.pending, ISLANDS, now_ms):
            self._record(first, self._request_id())
        self._record(people.earlier_work(now_ms), EARLIER)
        self.machines = Machines(self.servers, self.schedule, self._loop)
        if self._dies_at is not None:
            self.machines.kill_at(0, self._dies_at)
        for number in range(ISLANDS):
            self._add_island(number)
        for happening in self.scenario.happenings:
            self._loop.call_later(happening.at_s, self._happen, happening)
        self._loop.call_later(CHAOS_S, self._calm_down)

    def _record(self, first: people.First, command_id: str) -> None:
        stream = first.decider.stream(first.aggregate_id)
        past = [event for commit in self.servers.log.behind(stream, 0) for event in commit.events]
        events = first.decider.decide(first.decider.fold(past), first.command)
        self.servers.log.write(stream, events, Origin(command_id=command_id))

    def _add_island(self, number: int) -> None:
        island_id = people.island_id_of(number)
        self.islands[island_id] = island = SimulatedIsland(
            island_id,
            self.servers.network,
            self._loop,
            self.servers.claims,
            self.servers.outputs,
            signs=people.signs(number),
            habits=self.scenario.habits,
            question=self._question,
        )
        self._loop.call_later(self._rng.random(), island.start)

    def _question(self, job_id: JobId) -> str:
        submitted = self.invariants.jobs.jobs[job_id].submitted
        return submitted.check_id or job_id

    def _run_on(self, until_s: float) -> None:
        self.schedule.run(until_s)
        for fault in self.schedule.faults:
            self._tell_defect("loop", fault.get("exception") or RuntimeError(fault["message"]))

    def _check_end(self) -> None:
        if self.broken is not None:
            return
        try:
            self.invariants.check_end()
            commits = self.servers.log.commits
            read_models.check_read_models(commits, self._rng)
            leader = self.machines.leader if self.machines else None
            if leader is not None and leader.planners is not None:
                read_models.check_pictures(leader.planners, commits)
        except Broken as broken:
            self._break(broken)

    def _take_down(self) -> None:
        assert self.machines is not None
        self.schedule.is_stopped = False
        lives = tuple(self.machines.every_life())
        for coordinator in lives:
            coordinator.end()
        self.schedule.run(self.schedule.now_s)
        for loop in (self._loop, *(coordinator.loop for coordinator in lives)):
            loop.close()

    def _calm_down(self) -> None:
        assert self.machines is not None
        self.tell("world", "calms down")
        self.servers.network.calm_down()
        self.machines.heal()
        for island in self.islands.values():
            island.lies.clear()
            island.works_well = True
            island.start()
            island.come_back()

    # What happens to it.

    def _happen(self, happening: Happening) -> None:
        self.tell("fate", str(happening))
        island = self.islands[people.island_id_of(happening.who % ISLANDS)]
        assert self.machines is not None
        match happening.act:
            case Act.CRASH:
                island.crash(happening.size * DOWN_MAX_S)
            case Act.VANISH:
                island.vanish(happening.size * AWAY_MAX_S)
            case Act.LIE:
                assert happening.lie is not None
                island.lie(happening.lie, self._attempt_elsewhere(island.island_id))
            case Act.KILL:
                self.machines.kill(happening.who, happening.size)
            case Act.FREEZE:
                self.machines.freeze(happening.who, happening.size)
            case Act.FLOOD:  # The guard of the connections and the intake both notice.
                self._ask(happening, 1)
                self._ask(happening, 1)
            case Act.SUBMIT if happening.size > 0.8:  # An impatient person.
                self._ask(happening, 1)
                self._ask(happening, 1)
            case _:
                self._ask(happening, 1)

    def _attempt_elsewhere(self, island_id: IslandId) -> tuple[JobId, int] | None:
        jobs = self.invariants.jobs
        held = ((job_id, jobs.holder(job_id)) for job_id in jobs.jobs)
        elsewhere = [
            (job_id, holder[1]) for job_id, holder in held if holder is not None and holder[0] != island_id
        ]
        return self._rng.choice(elsewhere) if elsewhere else None

    def _ask(self, happening: Happening, time: int) -> None:
        """A person asks one coordinator, and again when no answer comes, but not for ever."""
        assert self.machines is not None
        running = self.machines.running()
        answers: list[str] = []

        def told(answer: str) -> None:
            answers.append(answer)
            self.tell("person", f"{happening.act} {happening.who}: {answer}")
            if happening.act in (Act.JOIN, Act.PAIR, Act.REINSTATE) and answer == "done":
                island = self.islands[people.island_id_of(happening.who)]
                self._loop.call_later(REGISTERS_AGAIN_S, island.register)

        def ask_again() -> None:
            if not answers or answers[-1] == "unavailable":
                self._ask(happening, time + 1)

        if running:
            coordinator = self._rng.choice(running)
            coordinator.ask(self._request(happening, coordinator), told)
        is_patient = happening.size > IMPATIENT
        if time < ASKED_MAX and is_patient:
            self._loop.call_later(ANSWER_AWAITED_S, ask_again)

    def _request(self, happening: Happening, coordinator: SimulatedCoordinator) -> people.Request:
        act, who, request_id = happening.act, happening.who, self._request_id()
        if act is Act.SUBMIT:
            return people.submission(who, happening.size, request_id, self.now_ms)
        if act is Act.CANCEL:
            return people.cancellation(who, self.servers.outputs, request_id, self.now_ms)
        if act is Act.SUBMIT_BATCH:
            return people.batch_submission(who, request_id, self.now_ms)
        if act is Act.CANCEL_BATCH:
            return people.batch_cancellation(who, request_id, self.now_ms)
        if act in (Act.KILL_CARGO, Act.REVIVE_CARGO):
            return people.cargo_oversight(act, request_id, self.now_ms)
        if act is Act.FLOOD:
            return self._flood(happening, coordinator)
        if act is Act.JOIN and happening.size > 0.3:  # Else with the key it had before.
            self._keys[who] += 1
        return people.oversight(act, who, request_id, self.now_ms, self._keys[who])

    def _flood(self, happening: Happening, coordinator: SimulatedCoordinator) -> people.Request:
        """What a coordinator noticed of a flood; another one may have noticed more."""
        island_id, at_ms = people.island_id_of(happening.who), self.now_ms()
        flood_id, messages_per_s = f"{island_id}.{at_ms // MINUTE_MS}", self._rng.randint(400, 9_000)

        async def request(_handler: CommandHandler) -> None:
            await coordinator.intake.take_flood(
                island_id, flood_id, messages_per_s=messages_per_s, now_ms=at_ms
            )

        return request

    def _request_id(self) -> str:
        self._requests += 1
        return f"request.{self._requests}"

    # What is seen of it.

    def _heard_commit(self, commit: Commit) -> None:
        if self._lines is not None:
            self.tell("log", history.line_of(commit))
        try:
            self.invariants.see(commit, self.machines.led_since_ms if self.machines else None)
        except Broken as broken:
            self._break(broken)
        if self.machines is not None:
            self.machines.hear_of(commit)

    def _heard_message(self, message: SendAssignment | SendCancel) -> None:
        self.tell("mail", str(message))
        try:
            self.invariants.see_message(message)
        except Broken as broken:
            self._break(broken)

    def _heard_refusal(self, stored: StoredClaim, code: ClaimRejection) -> None:
        self.tell("intake", f"{code} to {stored.claim}")
        try:
            self.invariants.see_refusal(stored, code)
        except Broken as broken:
            self._break(broken)

    def _tell_defect(self, where: str, fault: BaseException) -> None:
        self._break(Broken("defect", where, history.reason_of(fault)))

    def _break(self, broken: Broken) -> None:
        if self.broken is None:
            self.broken = broken
            self.tell("RULE", str(broken))
        self.schedule.is_stopped = True

    def tell(self, who: str, what: str) -> None:
        if self._lines is not None:
            self._lines.append(f"{self.schedule.now_s:9.3f} s  {who:<14} {what}")


@contextmanager
def virtual_clock(world: World) -> Iterator[None]:
    """While it lasts, the product's clock is the world's, with the error of the program that looks at it."""
    now_ms, new_id = clock.now_ms, clock.new_id
    ids = iter(range(1, 1 << 60))

    def virtual_now_ms() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        return world.now_ms() + loop.skew_ms

    clock.now_ms, clock.new_id = virtual_now_ms, lambda: f"id.{next(ids)}"
    try:
        yield
    finally:
        clock.now_ms, clock.new_id = now_ms, new_id
