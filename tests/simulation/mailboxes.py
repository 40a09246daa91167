"""The islands' mailboxes: assignments wait until they are fetched or stale, cancels are called out once.

`remembers_ids` is the server's window for message ids. Without it an assignment that is sent twice arrives twice.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from commands.event_log import LogUnavailable
from commands.process import SendAssignment, SendCancel
from domain.ids import IslandId, JobId
from domain.job import LEASE_GRACE_MS, LEASE_MS
from tests.simulation.event_log import LogClient
from tests.simulation.line import Line
from tests.simulation.network import Network
from tests.simulation.virtual_loop import VirtualLoop

FETCHED_AGAIN_S: Final = 10.0
WAITING_MAX_S: Final = (LEASE_MS + LEASE_GRACE_MS) / 1000


class Addressee(Protocol):
    """An island, as far as its mail is concerned."""

    def assigned(self, job_id: JobId, attempt: int) -> bool:
        """Whether it has taken note."""
        ...

    def told_to_stop(self, job_id: JobId, attempt: int) -> None: ...


class MailServer:
    def __init__(
        self,
        islands: Mapping[IslandId, Addressee],
        network: Network,
        loop: VirtualLoop,
        heard: Callable[[SendAssignment | SendCancel], None],
    ) -> None:
        self.remembers_ids = True
        self._ids: set[tuple[JobId, int]] = set()
        self._taken: set[tuple[JobId, int, IslandId]] = set()
        self._islands = islands
        self._network = network
        self._loop = loop
        self._heard = heard

    def post_assignment(self, notice: SendAssignment) -> None:
        self._heard(notice)
        message_id = (notice.job_id, notice.attempt)
        if not self.remembers_ids or message_id not in self._ids:
            self._ids.add(message_id)
            self._offer(notice, self._loop.time() + WAITING_MAX_S)

    def _offer(self, notice: SendAssignment, stale_at_s: float) -> None:
        """Until the island has taken it or it is stale. A lost acknowledgement brings it again."""
        if self._loop.time() < stale_at_s:
            self._network.send(self._hand_over, notice)
            self._loop.call_later(FETCHED_AGAIN_S, self._offer_again, notice, stale_at_s)

    def _offer_again(self, notice: SendAssignment, stale_at_s: float) -> None:
        if (notice.job_id, notice.attempt, notice.island_id) not in self._taken:
            self._offer(notice, stale_at_s)

    def _hand_over(self, notice: SendAssignment) -> None:
        is_noted = self._islands[notice.island_id].assigned(notice.job_id, notice.attempt)
        if is_noted and not self._network.is_bad(self._network.weather.lost):
            self._taken.add((notice.job_id, notice.attempt, notice.island_id))

    def call_out(self, notice: SendCancel) -> None:
        self._heard(notice)
        island = self._islands[notice.island_id]
        self._network.send(island.told_to_stop, notice.job_id, notice.attempt)


class MailClient:
    """Keeps `commands.process.Mailbox` for one program."""

    def __init__(self, server: MailServer, log: LogClient, line: Line) -> None:
        self._server = server
        self._log = log
        self._line = line

    async def send_assignment(self, notice: SendAssignment) -> None:
        submitted = await self._log.first(f"job.{notice.job_id}")
        assert submitted is not None
        await self._line.cross()
        if self._line.is_unavailable():
            raise LogUnavailable("mailbox")
        self._server.post_assignment(notice)
        await self._line.cross_back()

    async def send_cancel(self, notice: SendCancel) -> None:
        await self._line.cross()
        self._server.call_out(notice)
        await self._line.cross_back()
