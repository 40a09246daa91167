"""A simulated coordinator: the product's write path, intake, processes and planners, on simulated servers.

Only what they are plugged into is of the simulation. It can be killed at any await, frozen and thawed, and it may go on
leading for a while after another one has taken over.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, cast

from adapters.nats.event_tail import EventTail
from adapters.nats.lanes import Lanes
from adapters.nats.outputs import Outputs
from adapters.postgres.process_store import ProcessStore, Superseded
from api import coordinator
from api.check_policy import CheckPolicy
from api.planners import Planners, load_planners, planner_work
from api.workers import Troubles, keep_running, run_process
from commands.event_log import Commit, Conflict, LogUnavailable, Origin
from commands.handle import CommandHandler
from commands.intake import Intake
from commands.process import ReactionCarrier
from commands.senders import Senders
from domain.claim import ClaimRejected, Heartbeat, Registration
from domain.ids import IslandId
from domain.job_events import Grade
from domain.rejection import Rejected
from tests.simulation.claims import StoredClaim
from tests.simulation.event_log import LogClient
from tests.simulation.line import Line, ProgramDied
from tests.simulation.mailboxes import MailClient
from tests.simulation.outputs import OutputClient
from tests.simulation.process_store import StoreClient
from tests.simulation.servers import Servers
from tests.simulation.tail import SimulatedTail
from tests.simulation.virtual_loop import VirtualLoop

NEWS_LATE_MAX_S: Final = 0.03
DEAF_MAX_S: Final = 6.0
CHECKS: Final = CheckPolicy(secret=b"simulated", known_answer_permille=100)
EXPECTED: Final = (ProgramDied, LogUnavailable, Conflict, Superseded, TimeoutError)
"""What may go wrong without anybody's mistake; everything else that a worker raises is a defect."""


class SimulatedCoordinator:
    """One life of a coordinator; a restart is a new one."""

    def __init__(self, name: str, servers: Servers, loop: VirtualLoop, died: Callable[[], None]) -> None:
        self.name = name
        self.loop = loop
        self.planners: Planners | None = None
        self.is_leading = False
        self.line = Line(servers.network, self._on_death)
        self._servers = servers
        self._died = died
        self._deaf_until_s = 0.0
        log = LogClient(servers.log, self.line)
        mail = MailClient(servers.mail, log, self.line)
        self.handler = CommandHandler(log)
        outputs = OutputClient(servers.outputs, self.line)
        self.intake = Intake(self.handler, outputs, mail)
        self._senders = Senders(self.handler)
        self._carrier = ReactionCarrier(self.handler, mail, outputs)
        self._lanes = Lanes()
        self._tail = SimulatedTail(servers.log)
        self._store = StoreClient(servers.store, self.line)
        self._tasks: set[asyncio.Task[None]] = set()
        self._leading: asyncio.Task[None] | None = None
        self._heartbeats: dict[IslandId, tuple[Heartbeat, int]] = {}
        self.begin(self._get_ready())

    @property
    def is_alive(self) -> bool:
        return not self.line.is_dead

    @property
    def is_frozen(self) -> bool:
        return self.loop.held is not None

    def begin(self, work: Any) -> asyncio.Task[None]:
        """Runs a coroutine of this program until it ends or the program dies."""
        task: asyncio.Task[None] = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) and not is_expected(fault):
            self._servers.tell_defect(self.name, fault)

    def _on_death(self) -> None:
        self._died()
        for task in self._tasks:
            self.loop.call_soon(task.cancel)

    # Leading.

    async def _get_ready(self) -> None:
        outputs = cast("Outputs", OutputClient(self._servers.outputs, self.line))
        while self.planners is None and self.is_alive:
            try:
                planners = await load_planners(cast("ProcessStore", self._store), CHECKS, outputs)
            except ProgramDied:
                return
            planners.liveness.listening_since(self._servers.now_ms())
            for heartbeat, at_ms in self._heartbeats.values():
                self._listen(planners, heartbeat, at_ms)
            self.planners = planners

    def lead(self) -> None:
        """Begins to run processes and planners, as the holder of the leader's lock."""
        if self.planners is not None and not self.is_leading:
            self.is_leading = True
            self._leading = self.begin(self._lead(self.planners))

    def step_down(self) -> None:
        """It has learned that another one leads."""
        self.is_leading = False
        if self._leading is not None:
            self.loop.call_soon(self._leading.cancel)

    async def _lead(self, planners: Planners) -> None:
        """As `api.coordinator.Coordinator` does it, with every failure looked at."""
        tail, store = cast("EventTail", self._tail), cast("ProcessStore", self._store)
        troubles = Troubles()
        work: dict[str, Callable[[], Awaitable[None]]] = {
            process.name: partial(run_process, process, tail, store, self._carrier, troubles)
            for process in coordinator.PROCESSES
        }
        work |= planner_work(planners, tail, self._carrier, store)
        async with asyncio.TaskGroup() as group:
            for name, one in work.items():
                group.create_task(keep_running(name, partial(self._watched, name, one), troubles))

    async def _watched(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as fault:
            if not is_expected(fault):
                self._servers.tell_defect(f"{self.name} {name}", fault)
            raise

    # Hearing.

    def hear_of(self, commit: Commit) -> None:
        late_s = self._servers.network.rng.random() * NEWS_LATE_MAX_S
        deaf_s = self._deaf_until_s - self.loop.time()
        if not self.is_frozen:
            self.loop.call_later(max(late_s, deaf_s), self._tail.reach, commit.position)

    def wake(self) -> None:
        """It goes on, and takes its old picture for the present until its connections are there again."""
        deaf_s = self._servers.network.rng.random() * DEAF_MAX_S
        self._deaf_until_s = self.loop.time() + deaf_s
        self.loop.thaw()
        self.loop.call_later(deaf_s, self._catch_up)

    def _catch_up(self) -> None:
        self._tail.reach(len(self._servers.log.commits))

    def hear(self, heartbeat: Heartbeat, at_ms: int) -> None:
        self._heartbeats[heartbeat.island_id] = (heartbeat, at_ms)
        if self.planners is not None and not self.is_frozen:
            self._listen(self.planners, heartbeat, at_ms)

    def _listen(self, planners: Planners, heartbeat: Heartbeat, at_ms: int) -> None:
        planners.liveness.heard(heartbeat.island_id, at_ms)
        planners.renewing.heard_heartbeat(heartbeat.island_id, len(heartbeat.attempts), at_ms)

    # Claims.

    def take_claim(self, stored: StoredClaim) -> None:
        self.begin(self._take(stored))

    async def _take(self, stored: StoredClaim) -> None:
        claim = stored.claim
        lane = self._lanes.enter(claim.island_id)
        try:
            async with lane.working(getattr(claim, "job_id", "")):
                await self._decide(stored)
        except ProgramDied:
            pass
        except (Conflict, LogUnavailable):
            self._servers.claims.put_back(stored)
        finally:
            self._lanes.leave(claim.island_id)

    async def _decide(self, stored: StoredClaim) -> None:
        claim, servers = stored.claim, self._servers
        origin = Origin(command_id=f"claim.{stored.number}", actor=claim.island_id)
        try:
            is_greeting = isinstance(claim, Registration | Heartbeat)
            sender = await self._senders.sender(claim.island_id, is_greeting=is_greeting)
            grade = Grade.UNSIGNED if sender.user_key is None else Grade.SIGNED
            await self.intake.take(claim, grade=grade, origin=origin, received_at_ms=stored.stored_at_ms)
        except ClaimRejected as rejected:
            servers.heard_refusal(stored, rejected.code)
        await self.line.cross()
        servers.claims.settle(stored)

    # People.

    def ask(
        self, request: Callable[[CommandHandler], Awaitable[object]], told: Callable[[str], None]
    ) -> None:
        """Carries out a person's request and tells the answer, if it comes to one."""
        self.begin(self._answer(request, told))

    async def _answer(
        self, request: Callable[[CommandHandler], Awaitable[object]], told: Callable[[str], None]
    ) -> None:
        try:
            await request(self.handler)
            await self.line.cross_back()
        except Rejected as rejected:
            told(rejected.code)
        except (Conflict, LogUnavailable):
            told("unavailable")
        except ProgramDied:
            pass
        else:
            told("done")

    def end(self) -> None:
        """The world is over."""
        self.loop.thaw()
        self.line.is_dead = True
        for task in self._tasks:
            self.loop.call_soon(task.cancel)


def is_expected(fault: BaseException) -> bool:
    if isinstance(fault, BaseExceptionGroup):
        return all(is_expected(one) for one in fault.exceptions)
    return isinstance(fault, (*EXPECTED, asyncio.CancelledError))
