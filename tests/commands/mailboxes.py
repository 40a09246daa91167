"""A mailbox that keeps what was sent. The real one is tested on a real server in `tests/adapters/nats`."""

from commands.process import SendAssignment, SendCancel


class RecordingMailbox:
    def __init__(self) -> None:
        self.sent: list[SendAssignment | SendCancel] = []

    async def send_assignment(self, notice: SendAssignment) -> None:
        self.sent.append(notice)

    async def send_cancel(self, notice: SendCancel) -> None:
        self.sent.append(notice)
