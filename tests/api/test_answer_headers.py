"""What every answer carries for its safety, who may read it from a page, and when it comes compressed."""

import gzip
import hashlib

import httpx
import pytest

from tests.api.network import BASE, Network, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALLOWED = "https://app.example"


async def plain(network: Network, person: Person, path: str, **headers: str) -> httpx.Response:
    """The answer as it travels: nothing is asked for that the test does not name."""
    async with httpx.AsyncClient(base_url=f"http://{network.address}{BASE}") as http:
        return await http.get(path, headers={**person.headers, "Accept-Encoding": "identity", **headers})


@pytest.mark.parametrize("path", ["/account", "/jobs/nothing", "/nowhere", "/health"])
async def test_no_answer_is_kept_guessed_or_told_on(network: Network, path: str) -> None:
    answer = await plain(network, await network.person(), path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


async def test_a_module_may_be_kept_for_ever_and_is_not_compressed(network: Network) -> None:
    person, content = await network.person(), b"\x00asm" + b"a" * 5_000
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    put = await network.http.put(f"/artifacts/{digest}", content=content, headers=person.headers)
    assert put.status_code == 201, put.text
    answer = await plain(network, person, f"/artifacts/{digest}", **{"Accept-Encoding": "gzip"})
    assert "immutable" in answer.headers["Cache-Control"]
    assert "Content-Encoding" not in answer.headers
    assert answer.content == content


async def test_a_long_answer_is_compressed_for_who_takes_it(network: Network) -> None:
    person = await network.person()
    async with (
        httpx.AsyncClient(base_url=f"http://{network.address}{BASE}") as http,
        http.stream("GET", "/openapi.json", headers={"Accept-Encoding": "gzip"}) as answer,
    ):
        assert answer.headers["Content-Encoding"] == "gzip"
        assert b"Archipelago" in gzip.decompress(b"".join([part async for part in answer.aiter_raw()]))
    unpacked = await plain(network, person, "/openapi.json")
    assert "Content-Encoding" not in unpacked.headers
    assert unpacked.json()["info"]["title"] == "Archipelago"


async def test_only_pages_of_allowed_origins_read_answers(network: Network) -> None:
    person = await network.person()
    transport = httpx.ASGITransport(network.app_with(cors_origins=[ALLOWED]))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://test{BASE}") as http:
        allowed = await http.get("/account", headers={**person.headers, "Origin": ALLOWED})
        other = await http.get("/account", headers={**person.headers, "Origin": "https://evil.example"})
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        before = await http.options("/jobs", headers=asked)
    assert allowed.headers["Access-Control-Allow-Origin"] == ALLOWED
    assert "X-RateLimit-Remaining" in allowed.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in other.headers
    assert "Access-Control-Allow-Credentials" not in allowed.headers
    assert "Access-Control-Allow-Origin" not in before.headers
