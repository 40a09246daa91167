"""The island at work: takes jobs, keeps what runs in step with what should run, and shows that it is alive.

Made by the composition root. Every change ends in `_reconcile`, which asks `island.reconcile.plan` what to do and does
it; nothing else starts or stops an attempt.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, assert_never

from adapters import clock
from adapters.wire import CancelJob, PreloadRecommendation
from domain.claim import ClaimRejected
from domain.failure import Failure
from island.assignment import Assignment
from island.attempt import Attempt
from island.attempt_key import AttemptKey
from island.cargo_cache import CargoCache
from island.errands import Errands
from island.fabric import Delivery, Fabric
from island.offered_runtimes import OfferedRuntimes
from island.preloading import Preloading
from island.presence import Profile, heartbeat, registration
from island.reception import Reception
from island.reconcile import (
    Action,
    Desired,
    Forget,
    GiveBack,
    RenewLease,
    Running,
    StartAttempt,
    StopAttempt,
    plan,
)
from island.state_store import StateStore
from island.warm_cargos import WarmCargos

HEARTBEAT_S: Final = 10.0
LOOK_S: Final = 1.0
SELF_TEST_S: Final = 3600.0
GIVE_BACK_S: Final = 25.0
LEAVE_S: Final = 30.0
"""After the wish to leave. What still runs at GIVE_BACK_S is given back; what is unsaid at LEAVE_S is said at the next
start."""
LEAVE_AT_ONCE_S: Final = 2.0
CLOSED: Final = "closed: takes no jobs outside its hours"


class Agent:
    """`say` prints one line for the owner."""

    def __init__(
        self,
        profile: Profile,
        *,
        fabric: Fabric,
        runtimes: OfferedRuntimes,
        cargos: CargoCache,
        store: StateStore,
        say: Callable[[str], None],
    ) -> None:
        self._profile = profile
        self._fabric = fabric
        self._runtimes = runtimes
        self._cargos = cargos
        self._store = store
        self._say = say
        self._reception = Reception(
            fabric=fabric,
            runtimes=runtimes,
            store=store,
            trust_level_min=profile.trust_level_min,
            categories=profile.categories,
            say=say,
        )
        self._assigned: dict[AttemptKey, tuple[Assignment, Delivery]] = {}
        self._attempts: dict[AttemptKey, Attempt] = {}
        self._cancelled: set[AttemptKey] = set()
        self._warm = WarmCargos()
        self._preloading = Preloading(cargos, runtimes)
        self._errands = Errands(on_ended=self._reconcile)
        self._preloads = Errands(on_ended=lambda: None)  # None of them keeps the island from leaving.
        self._slot_freed = asyncio.Event()
        self._self_test_due = asyncio.Event()
        self._is_closed = not profile.hours.is_open(clock.now_ms())
        self._give_back_at_s: float | None = None
        self._leave_at_s: float | None = None
        self._over = asyncio.Event()

    @property
    def is_leaving(self) -> bool:
        return self._leave_at_s is not None

    @property
    def is_draining(self) -> bool:
        """Takes no jobs: it leaves, or its opening hours are over."""
        return self.is_leaving or self._is_closed

    async def run(self) -> None:
        """Until it has drained. The runtimes must be tested; the fabric may be connected and admit the island later."""
        if self._is_closed:
            self._say(CLOSED)
        for record in self._store.unfinished():
            self._errands.run(self._reception.report(record))
        async with asyncio.TaskGroup() as group:
            loops = [
                group.create_task(loop())
                for loop in (
                    self._beat_regularly,
                    self._take_jobs,
                    self._look_regularly,
                    self._test_regularly,
                )
            ]
            await self._over.wait()
            for one in loops:
                one.cancel()
        await self._preloads.close()
        await self._errands.close()
        await self._beat("offline")

    async def greet(self) -> None:
        """Tell the coordinator who is here: at the start and after every reconnection."""
        await self._fabric.announce(registration(self._profile, self._runtimes.capabilities))
        await self._beat()

    def cancel(self, message: CancelJob) -> None:
        """The coordinator wants an attempt stopped. One that is not here is no business of ours."""
        try:
            key = AttemptKey.parse(message.job_id)
        except ClaimRejected:
            return
        if key in self._assigned:
            self._cancelled.add(key)
            self._reconcile()

    def preload(self, message: PreloadRecommendation) -> None:
        """The coordinator advises to have a cargo at hand."""
        if not self.is_draining and message.workload_slug not in self._warm.slugs(_now_s()):
            self._preloads.run(self._preload(message))

    async def _preload(self, message: PreloadRecommendation) -> None:
        if await self._preloading.preload(message):
            self._say(f"fetched {message.workload_slug}: jobs wait for it")
            self._warm.use(message.workload_slug, _now_s())
            await self._beat()

    def drain(self, *, at_once: bool = False) -> None:
        """Take no more jobs, finish or give back what runs, leave. The second call does not wait."""
        now_s, is_first = _now_s(), not (self.is_leaving or at_once)
        self._give_back_at_s = now_s + (GIVE_BACK_S if is_first else 0)
        self._leave_at_s = now_s + (LEAVE_S if is_first else LEAVE_AT_ONCE_S)
        if is_first and self._attempts:
            self._say(f"finishing {len(self._attempts)} running; interrupt again to give back at once")
        self._errands.run(self._beat())
        self._reconcile()

    def lose_all(self) -> None:
        """The network has given everything that runs here to others: stop it, and say nothing more of it."""
        if self._attempts:
            self._say(f"stopping {len(self._attempts)} running: the network has taken back its jobs")
        for key in self._assigned:
            self._store.drop(key)
        self._errands.cancel()

    async def _beat_regularly(self) -> None:
        await self.greet()
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            await self._beat()

    async def _beat(self, status: str = "") -> None:
        message = heartbeat(
            self._profile,
            status=status or ("draining" if self.is_draining else "online"),
            attempts=self._running(),
            warm_slugs=self._warm.slugs(_now_s()),
        )
        await self._fabric.beat(message)

    async def _take_jobs(self) -> None:
        while not self.is_leaving:
            if self._is_closed or len(self._attempts) >= self._profile.slots:
                self._slot_freed.clear()
                await self._slot_freed.wait()
                continue
            delivery = await self._fabric.next_job()
            assignment = await self._reception.receive(delivery)
            if assignment is not None:
                self._assigned[assignment.key] = (assignment, delivery)
                self._reconcile()

    async def _look_regularly(self) -> None:
        while True:
            self._keep_hours()
            await asyncio.sleep(LOOK_S)
            self._reconcile()

    def _keep_hours(self) -> None:
        """Open or close as the owner's hours say. What still runs some time after closing is given back."""
        is_closed = not self._profile.hours.is_open(clock.now_ms())
        if self.is_leaving or is_closed is self._is_closed:
            return
        self._is_closed = is_closed
        self._give_back_at_s = _now_s() + GIVE_BACK_S if is_closed else None
        self._say(CLOSED if is_closed else "open: takes jobs again")
        self._slot_freed.set()
        self._errands.run(self._beat())

    async def _test_regularly(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(SELF_TEST_S):
                    await self._self_test_due.wait()
            self._self_test_due.clear()
            await self._runtimes.test()
            await self.greet()

    def _reconcile(self) -> None:
        desired = Desired(
            assigned=tuple(self._assigned),
            slots=self._profile.slots,
            cancelled=frozenset(self._cancelled),
            is_draining=self.is_draining,
            give_back_at_s=self._give_back_at_s,
        )
        now_s = _now_s()
        for action in plan(desired, self._running(), now_s):
            self._act(action)
        if self._leave_at_s is not None and (now_s >= self._leave_at_s or not self._errands):
            self._over.set()

    def _act(self, action: Action) -> None:
        match action:
            case StartAttempt(key=key):
                self._start(key)
            case StopAttempt(key=key, why=why):
                self._attempts[key].stop(why)
            case RenewLease(key=key):
                self._attempts[key].lease.renew()
            case GiveBack(key=key, reason=reason):
                _, delivery = self._assigned.pop(key)
                self._errands.run(self._reception.refuse(key, reason, delivery))
            case Forget(key=key):
                self._forget(key)
            case _:
                assert_never(action)

    def _start(self, key: AttemptKey) -> None:
        assignment, delivery = self._assigned[key]
        attempt = self._attempts[key] = Attempt(
            assignment,
            delivery.receipt,
            fabric=self._fabric,
            runtime=self._runtimes[assignment.runtime],
            cargos=self._cargos,
            store=self._store,
        )
        self._errands.run(self._run(attempt))

    async def _run(self, attempt: Attempt) -> None:
        wire_id, slug = attempt.assignment.key.wire_id, attempt.assignment.slug
        self._say(f"job {wire_id}: started {slug}")
        claim = await attempt.run()
        wall_ms = attempt.outcome.wall_ms if attempt.outcome else 0
        self._say(f"job {wire_id}: {claim.state if claim else 'lost its lease'} after {wall_ms} ms")
        if claim is not None and claim.code == Failure.RUNTIME_MISSING:
            self._self_test_due.set()
        if self._warm.use(slug, _now_s()):
            await self._beat()

    def _forget(self, key: AttemptKey) -> None:
        self._assigned.pop(key, None)
        self._cancelled.discard(key)
        if self._attempts.pop(key, None) is None:
            # An attempt that ran has dropped its own record, or left it for the next start.
            self._store.drop(key)
        self._slot_freed.set()

    def _running(self) -> list[Running]:
        return [
            Running(
                key=key,
                phase=attempt.phase,
                leased_at_s=attempt.lease.leased_at_s,
                is_renewing=attempt.lease.is_renewing,
            )
            for key, attempt in self._attempts.items()
        ]


def _now_s() -> float:
    return asyncio.get_running_loop().time()
