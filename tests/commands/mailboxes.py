"""A mailbox that keeps what was sent. The real one is tested on a real server in `tests/adapters/nats`."""

from commands.process import SendAssignment, SendCancel
from domain.ids import IslandId, JobId


class RecordingMailbox:
    def __init__(self) -> None:
        self.sent: list[SendAssignment | SendCancel] = []

    async def send_assignment(self, notice: SendAssignment) -> None:
        self.sent.append(notice)

    async def send_cancel(self, notice: SendCancel) -> None:
        self.sent.append(notice)


class Prints:
    """An output stream on which every attempt has said something, or none has."""

    def __init__(self, *, something: bool = False) -> None:
        self._something = something

    async def has_text(self, _island_id: IslandId, _job_id: JobId, _attempt: int, *, after: int) -> bool:
        assert after >= 0
        return self._something
