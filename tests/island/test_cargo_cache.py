"""Cargos are downloaded once, checked, and make room for newer ones. Over real HTTP."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from island.cargo_cache import ARTIFACT_BYTES_MAX, CargoCache, DigestWrong, DownloadFailed
from tests.island.coordinator import Coordinator, running_coordinator

CONTENT = b"a cargo"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def coordinator() -> Iterator[Coordinator]:
    with running_coordinator() as coordinator:
        coordinator.artifacts = {"/cargo": CONTENT}
        yield coordinator


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


async def test_a_cargo_is_downloaded_once(
    coordinator: Coordinator, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    cache = CargoCache(tmp_path, client)
    url = f"{coordinator.url}/cargo"
    found = await asyncio.gather(*(cache.content(digest_of(CONTENT), url) for _ in range(5)))
    again = await CargoCache(tmp_path, client).content(digest_of(CONTENT), url)

    assert {*found, again} == {CONTENT}
    assert coordinator.requests == ["/cargo"]


async def test_bytes_with_another_digest_are_not_kept(
    coordinator: Coordinator, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    with pytest.raises(DigestWrong, match=digest_of(b"promised")):
        await CargoCache(tmp_path, client).content(digest_of(b"promised"), f"{coordinator.url}/cargo")
    assert not list(tmp_path.iterdir())


async def test_a_coordinator_that_restarts_is_waited_for(
    coordinator: Coordinator, client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("island.cargo_cache.PAUSE_S", 0.001)
    coordinator.failures = 3
    url = f"{coordinator.url}/cargo"
    assert await CargoCache(tmp_path, client).content(digest_of(CONTENT), url) == CONTENT
    assert len(coordinator.requests) == 4


async def test_a_coordinator_that_stays_away_fails_the_download(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("island.cargo_cache.PAUSE_S", 0.001)
    monkeypatch.setattr("island.cargo_cache.DOWNLOAD_S", 0.1)
    with pytest.raises(DownloadFailed, match=r"http://127.0.0.1:1/cargo: .+"):
        await CargoCache(tmp_path, client).content(digest_of(CONTENT), "http://127.0.0.1:1/cargo")


async def test_what_is_not_there_is_not_asked_for_twice(
    coordinator: Coordinator, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    with pytest.raises(DownloadFailed, match="status 404"):
        await CargoCache(tmp_path, client).content(digest_of(CONTENT), f"{coordinator.url}/nothing")
    assert coordinator.requests == ["/nothing"]


async def test_a_flood_is_cut_off(
    coordinator: Coordinator, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    coordinator.artifacts["/flood"] = bytes(ARTIFACT_BYTES_MAX + 1)
    with pytest.raises(DownloadFailed, match=f"over {ARTIFACT_BYTES_MAX} bytes"):
        await CargoCache(tmp_path, client).content(digest_of(CONTENT), f"{coordinator.url}/flood")


async def test_what_was_used_least_lately_makes_room(
    coordinator: Coordinator, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    cache = CargoCache(tmp_path, client, bytes_max=25)
    contents = [bytes([number]) * 10 for number in range(3)]
    for number, content in enumerate(contents[:2]):
        coordinator.artifacts[f"/{number}"] = content
        await cache.content(digest_of(content), f"{coordinator.url}/{number}")
        os.utime(tmp_path / digest_of(content).removeprefix("sha256:"), (number, number))
    await cache.content(digest_of(contents[0]), "http://127.0.0.1:1/")  # Used again: now the newest.
    coordinator.artifacts["/2"] = contents[2]
    await cache.content(digest_of(contents[2]), f"{coordinator.url}/2")

    kept = {file.name for file in tmp_path.iterdir()}
    assert kept == {digest_of(contents[number]).removeprefix("sha256:") for number in (0, 2)}
