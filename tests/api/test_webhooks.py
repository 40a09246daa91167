"""Webhooks over HTTP and on the wire: added, signed, told in order, held back, resumed, replayed, never to strangers.

The test is the receiver, on this machine; the workers are driven step by step.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from adapters import clock
from adapters.safe_http import SafeHttp
from adapters.webhook_signature import DELIVERY, SIGNATURE
from api.webhook_queueing import WebhookQueueing
from api.webhook_sending import ATTEMPTS_MAX, PAUSE_S_MAX, WebhookSending, pause_ms
from domain.webhook import WEBHOOKS_MAX
from tests.api.network import Network, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY_MS = 86_400_000
PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"


class Receiver:
    """What it was told, and the status it answers with next (200 where none is named)."""

    def __init__(self) -> None:
        self.told: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if line]
        headers = {name.lower(): value for name, value in lines}
        body = await reader.readexactly(int(headers["content-length"]))
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.told.append((headers, body))
        writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    @property
    def facts(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.told]


@pytest_asyncio.fixture(loop_scope="module")
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/told"
    async with server:
        yield receiver


class NoStore:
    """`take` keeps no position."""


class Workers:
    def __init__(self, network: Network) -> None:
        services = network.services
        self.network = network
        self.queueing = WebhookQueueing(services, services.deliveries, NoStore())  # type: ignore[arg-type]  # never asked
        self.sending = WebhookSending(services, services.deliveries, SafeHttp(to_loopback=True))
        self.position = 0

    async def queue(self) -> None:
        """Everything that has happened since."""
        async for commits in self.network.services.log.read(after=self.position):
            await self.queueing.take(commits)
            self.position = commits[-1].position

    async def work(self, *, later_ms: int = 0) -> None:
        """Queues what is new and sends until nothing is due at that time."""
        await self.queue()
        while await self.sending.send_due(clock.now_ms() + later_ms):
            pass


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers(network: Network) -> Workers:
    return Workers(network)


async def ask(network: Network, person: Person, method: str, path: str, body: Any = None) -> httpx.Response:
    return await network.http.request(method, path, json=body, headers=person.headers)


async def hook_of(network: Network, person: Person, receiver: Receiver, *events: str) -> dict[str, Any]:
    answer = await ask(network, person, "POST", "/webhooks", {"url": receiver.url, "events": list(events)})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ran(network: Network, person: Person) -> str:
    slug, island_id = await network.cargo(), await network.island(person.account_id)
    return await network.run(person, slug, island_id, "done")


async def deliveries(network: Network, person: Person, hook: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await ask(network, person, "GET", f"/webhooks/{hook['id']}/deliveries?limit=100")
    return list(answer.json()["deliveries"])


async def test_a_job_is_told_from_its_submission_to_its_end_in_order_and_signed(
    network: Network, workers: Workers, receiver: Receiver
) -> None:
    person = await network.person()
    hook = await hook_of(network, person, receiver, "job")
    job_id = await ran(network, person)
    await workers.work()
    assert [fact["type"] for fact in receiver.facts] == [
        "job.submitted",
        "job.assigned",
        "job.attempt_started",
        "job.succeeded",
    ]
    assert receiver.facts[0]["data"]["input_json"] == '{"text":"hi"}'
    positions = [fact["position"] for fact in receiver.facts]
    assert positions == sorted(positions)
    assert {fact["stream"] for fact in receiver.facts} == {f"job.{job_id}"}
    for headers, body in receiver.told:
        moment = headers[SIGNATURE.lower()].partition(",")[0].removeprefix("t=")
        signed = hmac.new(hook["secret"].encode(), f"{moment}.".encode() + body, hashlib.sha256)
        assert headers[SIGNATURE.lower()] == f"t={moment},v1={signed.hexdigest()}"
        assert headers[DELIVERY.lower()] == json.loads(body)["id"]
    assert {one["state"] for one in await deliveries(network, person, hook)} == {"delivered"}


async def test_the_check_on_the_page_believes_ours_and_nothing_else(
    network: Network, workers: Workers, receiver: Receiver
) -> None:
    person = await network.person()
    hook = await hook_of(network, person, receiver, "job.submitted")
    await ran(network, person)
    await workers.work()
    [(headers, body)] = receiver.told
    page: dict[str, Any] = {}
    exec(PAGE.read_text().partition("```python\n")[2].partition("```")[0], page)  # noqa: S102 - it is our own page
    signature = headers[SIGNATURE.lower()]
    assert page["is_ours"](hook["secret"], signature, body)
    assert not page["is_ours"](hook["secret"], signature, body + b" ")
    assert not page["is_ours"]("whsec_other", signature, body)
    old = signature.replace("t=1", "t=0", 1)
    assert not page["is_ours"](hook["secret"], old, body)


async def test_nobody_is_told_what_belongs_to_somebody_else(
    network: Network, workers: Workers, receiver: Receiver
) -> None:
    person, stranger = await network.person(), await network.person()
    await hook_of(network, stranger, receiver, "job", "account", "island", "webhook")
    await ran(network, person)
    await workers.work()
    assert person.account_id not in json.dumps(receiver.facts)
    assert "secret" not in json.dumps([fact["data"] for fact in receiver.facts])


async def test_a_failed_delivery_holds_back_later_ones_of_the_same_job_alone(
    network: Network, workers: Workers, receiver: Receiver
) -> None:
    person = await network.person()
    await hook_of(network, person, receiver, "job")
    first = await ran(network, person)
    await workers.queue()
    receiver.statuses = [500]
    await workers.sending.send_due(clock.now_ms())
    second = await ran(network, person)
    await workers.work()
    assert {fact["stream"] for fact in receiver.facts} == {f"job.{second}"}
    receiver.told.clear()
    await workers.work(later_ms=DAY_MS)
    assert next(fact["type"] for fact in receiver.facts) == "job.submitted"
    assert {fact["stream"] for fact in receiver.facts} == {f"job.{first}"}


async def test_a_receiver_that_never_answers_well_is_given_up_and_its_owner_sees_why(
    network: Network, workers: Workers, receiver: Receiver
) -> None:
    person = await network.person()
    hook = await hook_of(network, person, receiver, "job.submitted")
    await ran(network, person)
    await workers.queue()
    receiver.statuses = [503] * ATTEMPTS_MAX
    for attempt in range(ATTEMPTS_MAX):
        assert await workers.sending.send_due(clock.now_ms() + (attempt + 1) * DAY_MS) == 1
    shown = (await ask(network, person, "GET", f"/webhooks/{hook['id']}")).json()
    assert (shown["active"], shown["paused_because"]) == (False, "undeliverable")
    [one] = await deliveries(network, person, hook)
    assert (one["state"], one["status"], one["attempts"]) == ("given_up", 503, ATTEMPTS_MAX)
    resumed = await ask(network, person, "PATCH", f"/webhooks/{hook['id']}", {"active": True})
    assert resumed.json()["active"] is True
    replay = {"from_position": one["position"]}
    assert (await ask(network, person, "POST", f"/webhooks/{hook['id']}/replay", replay)).status_code == 200
    await workers.work()
    [fact] = receiver.facts
    assert fact["type"] == "job.submitted"
    assert fact["id"] != one["id"]


async def test_what_happens_while_it_is_paused_is_told_when_it_is_resumed(
    network: Network, workers: Workers, receiver: Receiver
) -> None:
    person = await network.person()
    hook = await hook_of(network, person, receiver, "job.succeeded")
    await ask(network, person, "PATCH", f"/webhooks/{hook['id']}", {"active": False})
    job_id = await ran(network, person)
    await workers.work()
    assert receiver.told == []
    await ask(network, person, "PATCH", f"/webhooks/{hook['id']}", {"active": True})
    await workers.work()
    assert [fact["stream"] for fact in receiver.facts] == [f"job.{job_id}"]


async def test_a_restart_tells_what_is_missing_and_names_what_it_tells_again(
    network: Network, workers: Workers, receiver: Receiver
) -> None:
    person = await network.person()
    hook = await hook_of(network, person, receiver, "job.submitted")
    await ran(network, person)
    await workers.work()
    again = Workers(network)
    await again.work()
    assert len(receiver.facts) == 1
    assert len(await deliveries(network, person, hook)) == 1


async def test_a_test_arrives_whatever_the_webhook_wants(
    network: Network, workers: Workers, receiver: Receiver
) -> None:
    person = await network.person()
    hook = await hook_of(network, person, receiver, "refund")
    tested = (await ask(network, person, "POST", f"/webhooks/{hook['id']}/test")).json()
    await workers.work()
    [fact] = receiver.facts
    assert (fact["type"], fact["id"]) == ("webhook.tested", tested["delivery_id"])


async def test_a_secret_is_shown_once_and_another_one_signs_from_then_on(
    network: Network, workers: Workers, receiver: Receiver
) -> None:
    person = await network.person()
    hook = await hook_of(network, person, receiver, "job.submitted")
    listed = await ask(network, person, "GET", "/webhooks")
    assert "secret" not in listed.text
    other = (await ask(network, person, "POST", f"/webhooks/{hook['id']}/secret")).json()["secret"]
    assert other != hook["secret"]
    await ran(network, person)
    await workers.work()
    [(headers, body)] = receiver.told
    moment = headers[SIGNATURE.lower()].partition(",")[0].removeprefix("t=")
    signed = hmac.new(other.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE.lower()].endswith(signed)


async def test_the_secret_does_not_lie_readable_in_the_log(network: Network, receiver: Receiver) -> None:
    person = await network.person()
    hook = await hook_of(network, person, receiver, "job")
    stream = network.nats.jetstream()
    found = await stream.get_last_msg("EVT", f"evt.webhook.{person.account_id}")
    assert found.data is not None
    assert hook["secret"].encode() not in found.data


async def test_a_removed_webhook_is_told_nothing_more(
    network: Network, workers: Workers, receiver: Receiver
) -> None:
    person = await network.person()
    hook = await hook_of(network, person, receiver, "job")
    await ran(network, person)
    await workers.queue()
    assert (await ask(network, person, "DELETE", f"/webhooks/{hook['id']}")).status_code == 200
    await workers.work()
    assert receiver.told == []
    assert (await ask(network, person, "GET", f"/webhooks/{hook['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "https://169.254.169.254/latest", "events": ["job"]}, "url"),
        ({"url": "https://10.0.0.1/", "events": ["job"]}, "url"),
        ({"url": "gopher://receiver.example/", "events": ["job"]}, "url"),
        ({"url": "https://1.1.1.1/", "events": ["jobs"]}, "events.0"),
        ({"url": "https://1.1.1.1/", "events": []}, "events"),
        ({"url": "https://1.1.1.1/", "events": ["job"], "account_id": "other"}, "account_id"),
    ],
)
async def test_what_cannot_be_told_is_refused_by_field(
    network: Network, body: dict[str, Any], field: str
) -> None:
    person = await network.person()
    answer = await ask(network, person, "POST", "/webhooks", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])


async def test_an_account_has_so_many_webhooks_at_most(network: Network, receiver: Receiver) -> None:
    person = await network.person()
    for _ in range(WEBHOOKS_MAX):
        await hook_of(network, person, receiver, "job")
    answer = await ask(network, person, "POST", "/webhooks", {"url": receiver.url})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


async def test_pauses_grow_up_to_their_bound_and_differ_a_little() -> None:
    pauses = [pause_ms("a", attempt) for attempt in range(1, ATTEMPTS_MAX)]
    assert pauses[0] >= 15_000
    assert max(pauses) <= PAUSE_S_MAX * 1200
    assert all(later > earlier for earlier, later in itertools.pairwise(pauses[:8]))
    assert pause_ms("a", 3) != pause_ms("b", 3)
    assert pause_ms("a", 3) == pause_ms("a", 3)
