"""Every refusal as one body with a stable code, for three kinds of readers, telling nothing of the inside."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from adapters.nats.replies import Unanswered
from api.errors import CODE_OF, STATUS, ApiError, ErrorCode, of_rejection
from commands.event_log import Conflict, LogUnavailable
from domain.rejection import Rejected, Rejection
from tests.api.network import BASE, Network

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_rejection_of_the_domain_has_a_code() -> None:
    assert set(CODE_OF) == set(Rejection)


async def test_every_code_has_a_status() -> None:
    assert set(STATUS) == set(ErrorCode)


@pytest.mark.parametrize("rejection", list(Rejection))
async def test_a_rejection_without_a_detail_still_says_something(rejection: Rejection) -> None:
    error = of_rejection(Rejected(rejection))
    assert error.message == rejection.value.replace("_", " ")
    assert 400 <= error.status_code < 500


async def answer_to(network: Network, fault: Exception, **headers: str) -> httpx.Response:
    """The answer to a request whose handling raises `fault`."""
    app: FastAPI = network.app_with()

    async def fail() -> None:
        raise fault

    app.add_api_route(f"{BASE}/fail", fail)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://test{BASE}") as http:
        return await http.get("/fail", headers=headers)


@pytest.mark.parametrize("code", list(ErrorCode))
async def test_every_code_is_answered_in_one_form(network: Network, code: ErrorCode) -> None:
    answer = await answer_to(network, ApiError(code, "field: rule", fields={"field": ["rule"]}))
    body = answer.json()
    assert answer.status_code == STATUS[code]
    assert body["error"].keys() == {"code", "type", "message", "param"}
    assert (body["error"]["code"], body["message"], body["errors"]) == (
        code,
        "field: rule",
        {"field": ["rule"]},
    )
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert ("Retry-After" in answer.headers) == (answer.status_code in {429, 503})


async def test_the_command_line_reads_the_code_as_a_word(network: Network) -> None:
    error = ApiError(ErrorCode.NOT_FOUND, "gone")
    answer = await answer_to(network, error, **{"User-Agent": "archipelagio-cli/1.2"})
    assert (answer.json()["error"], answer.json()["message"]) == ("not_found", "gone")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (LogUnavailable("evt.job.secret"), 503, "unavailable"),
        (Unanswered("$JS.API secret"), 503, "unavailable"),
        (TimeoutError("secret"), 503, "unavailable"),
        (Conflict("job.secret"), 409, "conflict"),
        (Rejected(Rejection.VERSION_TAKEN, "version: exists"), 409, "conflict"),
        (KeyError("secret"), 500, "internal"),
        (AssertionError("secret"), 500, "internal"),
    ],
)
async def test_a_fault_tells_nothing_of_the_inside(
    network: Network, fault: Exception, status: int, code: str
) -> None:
    answer = await answer_to(network, fault)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "secret" not in answer.text
    assert answer.json()["request_id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("PATCH", "/jobs", 400, "unsupported"),
        ("GET", "/jobs/", 404, "not_found"),
    ],
)
async def test_an_unknown_path_or_method_is_answered_in_the_same_form(
    network: Network, method: str, path: str, status: int, code: str
) -> None:
    answer = await network.http.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_page_of_a_configured_origin_may_call(network: Network) -> None:
    transport = httpx.ASGITransport(network.app_with(cors_origins=("https://page.example",)))
    origin: dict[str, Any] = {"Origin": "https://page.example"}
    async with httpx.AsyncClient(transport=transport, base_url=f"http://test{BASE}") as http:
        known = await http.get("/network/stats", headers=origin)
        unknown = await http.get("/account", headers={"Origin": "https://other.example"})
    assert known.headers["Access-Control-Allow-Origin"] == "https://page.example"
    assert "Archipelago-Position" in known.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in unknown.headers
