"""Is the event log whole on every server? A damaged replica drops messages and still calls itself current.

Run by the coordinator as the role `auditor`. The log begins at 1 and nothing in it is ever removed, so a replica that
holds fewer commits than its last position says has lost some.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.replies import answers_of_all

QUESTION: Final = b'{"accounts":true,"streams":true}'


class StreamState(msgspec.Struct, frozen=True):
    messages: int
    first_seq: int
    last_seq: int


class StreamDetail(msgspec.Struct, frozen=True):
    name: str
    state: StreamState


class AccountDetail(msgspec.Struct, frozen=True):
    stream_detail: tuple[StreamDetail, ...] = ()


class JetStreamDetail(msgspec.Struct, frozen=True):
    account_details: tuple[AccountDetail, ...] = ()


class Server(msgspec.Struct, frozen=True):
    name: str


class Answer(msgspec.Struct, frozen=True):
    """What one server says of its JetStream, as far as we look."""

    server: Server
    data: JetStreamDetail = JetStreamDetail()


class Auditor:
    def __init__(self, client: Client) -> None:
        """`client` is connected as `auditor`."""
        self._client = client

    async def damages(self) -> list[str]:
        """One sentence for each server whose copy is not whole; none when all is well. Raises `Unanswered`."""
        answers = [one async for one in answers_of_all(self._client, "$SYS.REQ.SERVER.PING.JSZ", QUESTION)]
        return damages_in(answers)


def damages_in(answers: Sequence[bytes]) -> list[str]:
    """The same from the answers of all servers."""
    copies = [
        (answer.server.name, stream.state)
        for answer in (msgspec.json.decode(one, type=Answer) for one in answers)
        for account in answer.data.account_details
        for stream in account.stream_detail
        if stream.name == subjects.EVT
    ]
    if not copies:
        return ["no server has the event log"]
    return [told for server, state in copies if (told := damage_of(server, state))]


def damage_of(server: str, state: StreamState) -> str:
    """Empty for a whole copy."""
    if state.messages and state.first_seq != 1:
        return f"{server}: the event log begins at {state.first_seq} instead of 1"
    if state.messages != state.last_seq:
        return f"{server}: the event log holds {state.messages} of {state.last_seq} commits"
    return ""
