"""The workers of one coordinator: what turns events into commands, and heartbeats into liveness.

Started by `api/main.py`. Processes and planners run on the one coordinator that leads; tails and heartbeats run in
all. A worker that fails is started again with a pause; one whose log or program cannot be right (an unknown event, a
command that a process should never have given) keeps failing, and health says so.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from nats.aio.client import Client
from nats.errors import Error as NatsError

from adapters import clock
from adapters.claim_glance import active_jobs, job_named
from adapters.nats import subjects
from adapters.nats.audit import Auditor
from adapters.nats.event_tail import EventTail
from adapters.nats.replies import Unanswered
from adapters.nats.tail import StreamTail
from adapters.postgres.process_store import ProcessStore
from commands.event_log import Conflict, Origin
from commands.process import Order, Planner, Process, ReactionCarrier, advance
from commands.processes.liveness import Liveness
from commands.processes.renewing import Renewing
from domain.claim import ClaimRejected, parse_wire_id
from domain.ids import IslandId
from domain.rejection import Rejected

TICK_S: Final = 1.0
POSITION_SAVED_EVERY_S: Final = 0.5
PICTURE_SAVED_EVERY_S: Final = 30.0
LAST_SAVE_S: Final = 1.0
RESTART_FIRST_S: Final = 0.2
RESTART_LONGEST_S: Final = 10.0
HEALTHY_AFTER_S: Final = 30.0
TOLD_AGAIN_S: Final = 7.0
"""A worker that is told to stop has this long to put its things away, the claims in hand take five seconds at most; one
that did not hear it is told once more."""
WELL_AFTER_S: Final = 3.0
"""A worker that fails does so at once, mostly: on the commit that it cannot take, or without its server."""
AUDIT_EVERY_S: Final = 30.0
LOG_AUDIT: Final = "log_audit"

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Troubles:
    """What each failing worker last said; empty when all is well. Read by the health route."""

    by_worker: dict[str, str] = field(default_factory=dict)


async def keep_running(name: str, work: Callable[[], Awaitable[None]], troubles: Troubles) -> None:
    """Runs `work` again whenever it fails, with growing pauses, until cancelled."""
    loop = asyncio.get_running_loop()
    pause_s = RESTART_FIRST_S
    while True:
        started = loop.time()
        # A worker that has run for a moment is in no trouble any more.
        well = loop.call_later(WELL_AFTER_S, troubles.by_worker.pop, name, None)
        try:
            await _apart(work)
        except Exception as fault:
            troubles.by_worker[name] = repr(fault)
            log.exception("worker_failed", extra={"worker": name})
        finally:
            well.cancel()
        if loop.time() - started > HEALTHY_AFTER_S:
            pause_s = RESTART_FIRST_S
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, RESTART_LONGEST_S)


async def _apart(work: Callable[[], Awaitable[None]]) -> None:
    """Runs `work` in a task of its own, so that being cancelled ends its caller whatever `work` makes of that.

    nats-py tells a read that is cancelled on a closed connection as `ConnectionClosedError`, which a worker may well
    take for an outage and wait for its end. And a task group that failed leaves its task's count of cancellations
    raised (Python 3.11), so the count cannot be asked either.
    """
    working = asyncio.ensure_future(work())
    try:
        await asyncio.wait({working})
    except asyncio.CancelledError:
        while not working.done():
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):  # Who tells us again tells it again.
                await asyncio.wait({working}, timeout=TOLD_AGAIN_S)
        await asyncio.gather(working, return_exceptions=True)
        raise
    await working


async def run_process(
    process: Process, tail: EventTail, store: ProcessStore, carrier: ReactionCarrier, troubles: Troubles
) -> None:
    """Takes every commit through one process, for ever.

    The position is saved behind finished batches, but not behind each: what a crash repeats decides nothing.
    """
    loop = asyncio.get_running_loop()
    saved = position = await store.position(process.name)
    save_at = loop.time()
    async for commits in tail.follow(position):
        await advance(process, commits, carrier)
        position = commits[-1].position
        troubles.by_worker.pop(process.name, None)
        if loop.time() >= save_at:
            await store.save_position(process.name, old=saved, new=position)
            saved, save_at = position, loop.time() + POSITION_SAVED_EVERY_S


class PlannerRunner:
    """Feeds a planner and carries out what it plans: after every batch of commits and once a second."""

    def __init__(
        self,
        planner: Planner,
        tail: EventTail,
        carrier: ReactionCarrier,
        save: Callable[[], Awaitable[None]],
        *,
        position: int,
    ) -> None:
        self._planner = planner
        self._tail = tail
        self._carrier = carrier
        self._save = save
        self._position = position
        self._took = asyncio.Event()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._take())
                group.create_task(self._plan())
                group.create_task(self._keep_picture())
        finally:
            # A convenience: without it the next start reads a little more of the log.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(LAST_SAVE_S):
                    await self._save()

    async def _take(self) -> None:
        async for commits in self._tail.follow(self._position):
            for commit in commits:
                self._planner.take(commit)
            self._position = commits[-1].position
            self._took.set()

    async def _plan(self) -> None:
        while True:
            try:
                async with asyncio.timeout(TICK_S):
                    await self._took.wait()
            except TimeoutError:
                pass
            self._took.clear()
            if self._position >= self._tail.position:  # A picture of the past would only plan in vain.
                await self._carry_out(self._planner.plan(clock.now_ms()))

    async def _carry_out(self, orders: Sequence[Order]) -> None:
        if orders:
            await asyncio.gather(*(self._carry_out_one(order) for order in orders))

    async def _carry_out_one(self, order: Order) -> None:
        origin = Origin(command_id=clock.new_id(), actor=self._planner.name)
        try:
            await self._carrier.carry_out(order, origin)
        except (Rejected, Conflict) as answer:
            log.info("order_refused", extra={"planner": self._planner.name, "answer": str(answer)})
            self._planner.failed(order)

    async def _keep_picture(self) -> None:
        while True:
            await asyncio.sleep(PICTURE_SAVED_EVERY_S)
            await self._save()


async def hear_heartbeats(client: Client, liveness: Liveness, renewing: Renewing) -> None:
    """Tells when each island was last heard, and what it runs, from the newest heartbeat of each on."""
    tail = StreamTail(client, subjects.HEARTBEATS, subject="host.*.heartbeat", last_per_subject=True)
    async for batch in tail.batches(after=0):
        for one in batch:
            island_id = IslandId(one.message.subject.split(".")[1])
            liveness.heard(island_id, one.stored_at_ms)
            if renewing.listens_to(island_id):
                renewing.heard_heartbeat(island_id, active_jobs(one.message.data), one.stored_at_ms)


def hear_output(renewing: Renewing, island_id: IslandId, body: bytes, at_ms: int) -> None:
    """Tells that an attempt is alive. What names no attempt is the intake's to judge."""
    if renewing.listens_to(island_id):
        with contextlib.suppress(ClaimRejected):
            renewing.heard_output(island_id, *parse_wire_id(job_named(body)), at_ms)


async def audit_log(auditor: Auditor, troubles: Troubles) -> None:
    """Compares the log's copies for ever. What is damaged stays a trouble until it is whole again."""
    while True:
        try:
            damages = await auditor.damages()
        except (Unanswered, NatsError) as silence:
            # Nothing is known to be damaged; that NATS is away, health says by itself.
            log.warning("log_not_audited", extra={"error": repr(silence)})
        else:
            if damages:
                log.error("log_damaged", extra={"damages": damages})
                troubles.by_worker[LOG_AUDIT] = "; ".join(damages)
            else:
                troubles.by_worker.pop(LOG_AUDIT, None)
        await asyncio.sleep(AUDIT_EVERY_S)


async def watch_connection(client: Client, liveness: Liveness) -> None:
    """Silence means something only while we can hear: every (re)connection starts a new period."""
    was_connected = False
    while True:
        if client.is_connected and not was_connected:
            liveness.listening_since(clock.now_ms())
        was_connected = client.is_connected
        await asyncio.sleep(TICK_S / 2)
