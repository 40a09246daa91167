"""Each method of the published clients, as stand-ins of them read the answers of a real network."""

import httpx
import pytest

from domain.api_key import Scope
from domain.cargo_spec import Runtime
from domain.ids import IslandId, JobId
from domain.island import ISLAND
from domain.island_commands import CreditWork
from tests.api.network import BASE, Network, Person
from tests.clients.command_line import CommandFailed, CommandLine
from tests.clients.javascript_sdk import JavascriptSdk
from tests.clients.python_sdk import (
    AuthenticationError,
    InsufficientCreditsError,
    NotFoundError,
    PythonSdk,
    RateLimitError,
    SdkError,
    ValidationError,
)
from tests.clients.strict_reading import Unreadable, read
from tests.examples import T0_MS

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVERYTHING = (Scope.READ, Scope.WRITE, Scope.ISLANDS)
INPUT = {"text": "hi"}


async def somebody(network: Network) -> tuple[Person, str, IslandId]:
    person = await network.person(scopes=EVERYTHING)
    return person, await network.cargo(), await network.island(person.account_id)


async def test_strict_reading_finds_what_is_wrong() -> None:
    for wrong in ({}, {"id": None}, {"id": 1}, {"id": True}):
        with pytest.raises(Unreadable):
            read(wrong, {"id": str})
    with pytest.raises(Unreadable):
        read({"n": True}, {"n": int})
    with pytest.raises(Unreadable):
        read({"n": None}, {"n?": int})


async def test_the_python_sdk_runs_a_job_from_submission_to_its_output(network: Network) -> None:
    person, slug, island_id = await somebody(network)
    sdk = PythonSdk(network.http, person.key)
    job = await sdk.create_job(slug, INPUT)
    assert job["status"] == "pending"
    job_id = JobId(job["id"])
    await network.defer(job_id)
    assert (await sdk.get_job(job_id))["status"] == "queued"
    await network.assign(job_id, island_id)
    await network.start(job_id, island_id)
    assert (await sdk.get_job(job_id))["status"] == "running"
    for seq, text in enumerate(("he", "llo"), start=1):
        await network.say(job_id, island_id, text, seq=seq)
    await network.say(job_id, island_id, "", seq=3, last=True)
    await network.succeed(job_id, island_id)
    done = await sdk.get_job(job_id)
    assert (done["status"], done["output"], done["usage"]["total_tokens"]) == ("completed", "hello", 5)
    events = [event async for event in sdk.stream(job_id)]
    assert "".join(event.get("content", "") for event in events) == "hello"
    assert events[-1]["type"] == "done"
    assert [one["id"] for one in await sdk.list_jobs(status="completed")] == [job_id]


async def test_the_python_sdk_reads_a_failed_and_a_cancelled_job(network: Network) -> None:
    person, slug, island_id = await somebody(network)
    sdk = PythonSdk(network.http, person.key)
    failed, cancelled = [(await sdk.create_job(slug, INPUT))["id"] for _ in range(2)]
    await network.assign(failed, island_id)
    await network.start(failed, island_id)
    await network.fail(failed, island_id)
    assert (await sdk.get_job(failed))["status"] == "failed"
    assert [event["type"] async for event in sdk.stream(failed)][-1] == "error"
    assert (await sdk.cancel_job(cancelled))["status"] == "cancelled"
    assert (await sdk.cancel_job(cancelled))["status"] == "cancelled"
    with pytest.raises(SdkError, match="failed already") as finished:
        await sdk.cancel_job(failed)
    assert finished.value.status == 409


async def test_the_python_sdk_reads_everything_else_that_is_there(network: Network) -> None:
    person, slug, island_id = await somebody(network)
    model = await network.cargo(spec={"runtime": Runtime.LLMCPP})
    sdk = PythonSdk(network.http, person.key)
    assert (await sdk.get_workload(slug))["runtime_type"] == "wasm"
    assert (await sdk.get_workload(model))["runtime_type"] == "container"
    assert {slug, model} <= {one["slug"] for one in await sdk.list_workloads()}
    assert [host["id"] for host in await sdk.list_hosts()] == [island_id]
    assert (await sdk.get_host(island_id))["status"] == "offline"
    assert (await sdk.get_account())["credits"] == 100
    key = await sdk.create_api_key("laptop")
    assert "laptop" in {one["name"] for one in await sdk.list_api_keys()}
    await sdk.delete_api_key(key["id"])
    batch = await sdk.submit_batch(slug, [INPUT, INPUT])
    assert (await sdk.batch_status(batch["id"]))["chunk_count"] == 2


async def test_the_python_sdk_knows_every_error_by_its_status(network: Network) -> None:
    person, slug, _ = await somebody(network)
    sdk, poor = PythonSdk(network.http, person.key), await network.person(funds=0)
    with pytest.raises(AuthenticationError):
        await PythonSdk(network.http, f"ak_{'x' * 40}").get_account()
    with pytest.raises(InsufficientCreditsError) as short:
        await PythonSdk(network.http, poor.key).create_job(slug, INPUT)
    assert short.value.required is not None
    assert short.value.available is not None
    with pytest.raises(NotFoundError):
        await sdk.get_job("00000000-0000-0000-0000-000000000000")
    with pytest.raises(ValidationError) as invalid:
        await sdk.create_job(slug, INPUT, bid_price="-1")
    assert list(invalid.value.errors) == ["bid_price"]
    transport = httpx.ASGITransport(network.app_with(requests_per_minute=1))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://test{BASE}") as http:
        hurried = PythonSdk(http, person.key)
        await hurried.get_account()
        with pytest.raises(RateLimitError) as limited:
            await hurried.get_account()
    assert 1 <= limited.value.retry_after <= 60


async def test_the_javascript_sdk_reads_streams_piece_by_piece(network: Network) -> None:
    person, slug, island_id = await somebody(network)
    sdk = JavascriptSdk(network.http, person.key)
    job_id = JobId((await sdk.create_job(slug, INPUT))["id"])
    await network.assign(job_id, island_id)
    await network.start(job_id, island_id)
    long = "x" * 20_000
    await network.say(job_id, island_id, long, seq=1)
    await network.say(job_id, island_id, "ö" * 6_000, seq=2)
    await network.say(job_id, island_id, "", seq=3, last=True)
    await network.succeed(job_id, island_id)
    events = await sdk.stream(job_id)
    assert "".join(event.get("content", "") for event in events) == long + "ö" * 6_000
    assert (await sdk.get_job(job_id))["status"] == "completed"


async def test_the_javascript_sdk_reads_everything_else_that_is_there(network: Network) -> None:
    person, slug, _ = await somebody(network)
    model = await network.cargo(spec={"runtime": Runtime.LLMCPP})
    sdk = JavascriptSdk(network.http, person.key)
    assert (await sdk.get_workload(model))["runtime_type"] == "llmcpp"
    assert isinstance((await sdk.get_account())["id"], int)
    assert slug in {rate["workload"]["slug"] for rate in await sdk.market_rates()}
    assert (await sdk.market_rate(slug))["workload_slug"] == slug
    key = (await sdk.call("POST", "/api-keys", json={}))["api_key"]
    await sdk.delete_api_key(key["id"])
    with pytest.raises(Unreadable, match="no such path"):
        await sdk.call("GET", "/nowhere")


async def test_the_command_line_reads_the_top_level(network: Network) -> None:
    person, slug, island_id = await somebody(network)
    worked = CreditWork(
        island_id=island_id, job_id=JobId("job-1"), attempt=1, worked_ms=3_600_000, now_ms=T0_MS
    )
    await network.command(ISLAND, island_id, worked)
    line = CommandLine(network.http, person.key)
    job = await line.submit(slug, INPUT)
    assert (await line.jobs())["count"] == 1
    assert (await line.cancel(job["id"]))["state"] == "cancelled"
    [host] = (await line.hosts())["hosts"]
    assert (host["karma"], host["karma_pending_minutes"]) == (1, 30)
    assert (await line.karma(island_id))["total_compute_hours"] == 1
    [change] = (await line.karma_history(island_id))["events"]
    assert (change["delta"], change["balance_after"]) == (1, 1)
    assert (await line.account())["credits"] == "96.0"  # What is held is given back by the workers.
    await line.rates()
    assert (await line.rate(slug))["workload_slug"] == slug
    await line.history(slug)
    assert not (await line.update(island_id))["update_available"]


@pytest.mark.parametrize(
    ("method", "path", "text", "code"),
    [
        ("GET", "/jobs/00000000-0000-0000-0000-000000000000", "Not found", "not_found"),
        ("GET", "/reviews", "Access denied", "forbidden"),
        ("GET", "/jobs?limit=0", "Validation error", "invalid"),
        ("POST", "/federated/sessions", "API error (501)", "not_available"),
    ],
)
async def test_the_command_line_prints_every_error_in_its_words(
    network: Network, method: str, path: str, text: str, code: str
) -> None:
    person, _, _ = await somebody(network)
    with pytest.raises(CommandFailed, match=text.replace("(", r"\(").replace(")", r"\)")) as failed:
        await CommandLine(network.http, person.key).call(method, path)
    assert failed.value.code == code
