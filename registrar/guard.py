"""The guard: sees which islands send more than a network of many can bear, ends their connections and reports it.

NATS has no rate limit per user, so the server's counters per account are compared every second. They count what a
client sent, denied messages too, and outlive a reconnect. `Samples` decides and is pure; `Guard` asks, kicks and tells
the coordinator, which takes karma for it and in the end revokes.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from nats.aio.client import Client
from nats.errors import Error

from adapters.nats import subjects
from adapters.nats.accounts.system import ServerTraffic, SystemAccount, Volume
from adapters.nats.floods import PENALIZED_EVERY_MS
from adapters.nats.replies import Refused, Unanswered, ask
from domain.ids import IslandId
from registrar.island_books import IslandBooks
from registrar.tasks import end

SAMPLE_S: Final = 1.0
STEADY_MESSAGES_PER_S_MAX: Final = 5_000
STEADY_BYTES_PER_S_MAX: Final = 32 << 20
STEADY_CONNECTS_PER_S_MAX: Final = 10
"""Our own daemon comes back at most four times a second. A refused connection does not count."""
BURST_MESSAGES_PER_S_MAX: Final = 20_000
BURST_BYTES_PER_S_MAX: Final = 128 << 20
"""In one sample alone; beyond the others in two in a row. A sample of more would turn over half of `JOB_OUTPUT`."""
SAMPLES_IN_A_ROW: Final = 2
REPORT_TRIES_MAX: Final = 5
REPORT_PAUSE_S: Final = 1.0
REPORTS_MAX: Final = 1_000
"""On their way at once. A coordinator that is away misses floods that were stopped all the same."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one account sent between two samples, per second."""

    messages_per_s: int = 0
    bytes_per_s: int = 0
    connects_per_s: int = 0

    @property
    def is_burst(self) -> bool:
        return self.messages_per_s > BURST_MESSAGES_PER_S_MAX or self.bytes_per_s > BURST_BYTES_PER_S_MAX

    @property
    def is_high(self) -> bool:
        return (
            self.messages_per_s > STEADY_MESSAGES_PER_S_MAX
            or self.bytes_per_s > STEADY_BYTES_PER_S_MAX
            or self.connects_per_s > STEADY_CONNECTS_PER_S_MAX
        )


@dataclass(slots=True)
class Samples:
    """The last sample of every server, and how often in a row an account was over."""

    last: dict[str, dict[str, Volume]] = field(default_factory=dict)
    high_in_row: Counter[str] = field(default_factory=Counter)

    def take(
        self, servers: Sequence[ServerTraffic], connects: Mapping[str, int], elapsed_s: float
    ) -> dict[str, Rate]:
        """The accounts that flood, by this sample and those before; a flood is told once and then counted anew."""
        rates = self._rates(servers, connects, elapsed_s)
        self.high_in_row = Counter(
            {account: self.high_in_row[account] + 1 for account, rate in rates.items() if rate.is_high}
        )
        floods = {
            account: rates[account]
            for account, times in self.high_in_row.items()
            if times >= SAMPLES_IN_A_ROW or rates[account].is_burst
        }
        for account in floods:
            del self.high_in_row[account]
        return floods

    def _rates(
        self, servers: Sequence[ServerTraffic], connects: Mapping[str, int], elapsed_s: float
    ) -> dict[str, Rate]:
        sent: Counter[str] = Counter()
        sent_bytes: Counter[str] = Counter()
        for server in servers:
            now = {one.account: one.received for one in server.accounts}
            before = self.last.get(server.server_id, now)  # Nothing is known of what a server counted before.
            for account, volume in now.items():
                base = before.get(account, Volume())
                sent[account] += volume.msgs - base.msgs
                sent_bytes[account] += volume.bytes - base.bytes
        self.last = {
            server.server_id: {one.account: one.received for one in server.accounts} for server in servers
        }
        return {
            account: Rate(
                messages_per_s=round(sent[account] / elapsed_s),
                bytes_per_s=round(sent_bytes[account] / elapsed_s),
                connects_per_s=round(connects.get(account, 0) / elapsed_s),
            )
            for account in {*sent, *connects}
        }


class Guard:
    def __init__(
        self,
        books: IslandBooks,
        *,
        system: Client,
        core: Client,
        now_ms: Callable[[], int],
        sample_s: float = SAMPLE_S,
    ) -> None:
        """`system` is connected as `registrar`, `core` as `registrar-core`. Only islands in the books are judged."""
        self._books = books
        self._system = SystemAccount(system)
        self._core = core
        self._now_ms = now_ms
        self._sample_s = sample_s
        self._connects: Counter[str] = Counter()
        self._reports: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        await self._system.on_connect(self._connected)
        try:
            await self._keep_sampling()
        finally:
            await end(self._reports)

    async def _keep_sampling(self) -> None:
        loop = asyncio.get_running_loop()
        samples, sampled_at = Samples(), loop.time()
        while True:
            try:
                servers = await self._system.traffic()
            except (Unanswered, Refused, Error) as fault:
                log.warning("traffic_unknown", extra={"error": repr(fault)})
            else:
                connects, self._connects = self._connects, Counter()
                now = loop.time()
                floods = samples.take(servers, connects, now - sampled_at)
                sampled_at = now
                await asyncio.gather(*(self._stop(account, rate) for account, rate in floods.items()))
            await asyncio.sleep(self._sample_s)

    def _connected(self, account: str) -> None:
        if self._books.get(account) is not None:
            self._connects[account] += 1

    async def _stop(self, account: str, rate: Rate) -> None:
        """Ends the connections at once; what becomes of the island is the coordinator's to decide."""
        if self._books.get(account) is None:
            return
        log.warning(
            "island_floods",
            extra={
                "island_id": account,
                "messages_per_s": rate.messages_per_s,
                "bytes_per_s": rate.bytes_per_s,
                "connects_per_s": rate.connects_per_s,
            },
        )
        try:
            await self._system.kick(account)
        except (Unanswered, Refused, Error) as fault:
            log.warning("island_not_kicked", extra={"island_id": account, "error": repr(fault)})
        if len(self._reports) < REPORTS_MAX:
            task = asyncio.create_task(self._report(account, rate))
            self._reports.add(task)
            task.add_done_callback(self._reports.discard)

    async def _report(self, account: str, rate: Rate) -> None:
        """Until the coordinator has it. The intake names floods alike, so a minute of flooding costs once."""
        flood_id = f"{account}.{self._now_ms() // PENALIZED_EVERY_MS}"
        flood = {"flood_id": flood_id, "messages_per_s": rate.messages_per_s}
        for _ in range(REPORT_TRIES_MAX):
            try:
                answer = await ask(self._core, subjects.floods(IslandId(account)), json.dumps(flood).encode())
            except (Unanswered, Error) as fault:
                answer = {"error": repr(fault)}
            if answer.get("success"):
                return
            log.warning("flood_not_taken", extra={"island_id": account, "error": answer.get("error")})
            await asyncio.sleep(REPORT_PAUSE_S)
