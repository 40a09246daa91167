"""What the registrar asks of the server over the system account: accounts pushed and deleted, connections, traffic.

Every server of a cluster answers a question about connections or traffic; answers are gathered until no more come.
Errors: `Unanswered` where no server speaks in time, `Refused` where one says no (its words in the text).
Subjects and fields: the system services of nats-server 2.15 (`$SYS.REQ.*`).
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from adapters.nats.replies import TIMEOUT_S, Refused, Unanswered, ask

SILENCE_S: Final = 0.1
"""How long after an answer another server may still speak; one server answers within a millisecond."""
CONNECTIONS_PER_ACCOUNT_MAX: Final = 64
"""Ended in one go. An island may have two; the rest is for a limit that was raised."""
CLIENT_GONE: Final = "no such client"


class Volume(msgspec.Struct, frozen=True):
    msgs: int = 0
    bytes: int = 0


class AccountTraffic(msgspec.Struct, frozen=True):
    """`received` is what the account's clients sent since the server knows it, denied messages included."""

    account: str = msgspec.field(name="acc")
    received: Volume = Volume()


class ServerTraffic(msgspec.Struct, frozen=True):
    """Counters of one server, which begin at 0 when it starts; a started server has another id."""

    server_id: str
    accounts: tuple[AccountTraffic, ...] = msgspec.field(default=(), name="account_statz")


class _TrafficAnswer(msgspec.Struct, frozen=True):
    data: ServerTraffic


TRAFFIC_DECODER: Final = msgspec.json.Decoder(_TrafficAnswer)


class SystemAccount:
    def __init__(self, client: Client) -> None:
        """`client` is connected as `registrar`."""
        self._client = client

    async def push(self, account_jwt: str) -> None:
        """The account is from now on as the document says; connections that it no longer allows are dropped."""
        await self._order("$SYS.REQ.CLAIMS.UPDATE", account_jwt)

    async def delete(self, deletion_jwt: str) -> None:
        """The accounts of the order are forgotten and their connections dropped. Unknown ones are no error."""
        await self._order("$SYS.REQ.CLAIMS.DELETE", deletion_jwt)

    async def _order(self, subject: str, document: str) -> None:
        check(await ask(self._client, subject, document.encode()))

    async def accounts(self) -> frozenset[str]:
        """The ids of all accounts that any server keeps, ours included."""
        found: set[str] = set()

        async def take(answer: bytes) -> None:
            found.update(check(json.loads(answer))["data"] or ())

        await self._ask_all("$SYS.REQ.CLAIMS.LIST", b"", take)
        return frozenset(found)

    async def kick(self, account: str) -> int:
        """Ends the account's connections, each as soon as its server names it. Returns how many.

        Who may still connect is back in a moment: this is for islands whose rights have changed, and a warning.
        """
        ended = 0

        async def take(answer: bytes) -> None:
            nonlocal ended
            told = check(json.loads(answer))
            for connection in told["data"]["connections"] or ():
                await self._end(told["server"]["id"], connection["cid"])
                ended += 1

        body = json.dumps({"limit": CONNECTIONS_PER_ACCOUNT_MAX}).encode()
        await self._ask_all(f"$SYS.REQ.ACCOUNT.{account}.CONNZ", body, take)
        return ended

    async def _end(self, server_id: str, connection_id: int) -> None:
        body = json.dumps({"cid": connection_id}).encode()
        answer = await ask(self._client, f"$SYS.REQ.SERVER.{server_id}.KICK", body)
        if CLIENT_GONE not in answer.get("error", {}).get("description", ""):
            check(answer)

    async def traffic(self) -> list[ServerTraffic]:
        """What every account has sent so far, by server. Accounts without a connection are told too."""
        servers: list[ServerTraffic] = []

        async def take(answer: bytes) -> None:
            try:
                servers.append(TRAFFIC_DECODER.decode(answer).data)
            except msgspec.MsgspecError as fault:
                raise Refused(f"traffic of accounts: {fault}") from fault

        await self._ask_all(
            "$SYS.REQ.ACCOUNT.PING.STATZ", json.dumps({"include_unused": True}).encode(), take
        )
        return servers

    async def on_connect(self, heard: Callable[[str], None]) -> None:
        """Calls `heard` with the account's id whenever a client of any account has connected, from now on."""

        async def receive(message: Msg) -> None:
            heard(message.subject.split(".")[2])

        await self._client.subscribe("$SYS.ACCOUNT.*.CONNECT", cb=receive)

    async def _ask_all(self, subject: str, body: bytes, take: Callable[[bytes], Awaitable[None]]) -> None:
        """Hands on the answer of every server as it comes. Raises `Unanswered` where there is none at all."""
        replies = await self._client.subscribe(self._client.new_inbox())
        try:
            await self._client.publish(subject, body, reply=replies.subject)
            wait_s = TIMEOUT_S
            while answer := await next_answer(replies, wait_s):
                await take(answer)
                wait_s = SILENCE_S
            if wait_s == TIMEOUT_S:
                raise Unanswered(subject)
        finally:
            if not self._client.is_closed:
                await replies.unsubscribe()


async def next_answer(replies: Subscription, wait_s: float) -> bytes:
    """Empty where none comes in that time, or the server says that nobody listens."""
    try:
        return (await replies.next_msg(timeout=wait_s)).data
    except TimeoutError:
        return b""


def check(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, where it is none of refusal. Raises `Refused`."""
    if "error" in answer:
        raise Refused(str(answer["error"].get("description", answer["error"])))
    return answer
