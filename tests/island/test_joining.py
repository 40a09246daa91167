"""How an island begins: it goes on where it joined, joins, or says why it does neither."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from island.credentials import Credentials, KeptCredentials, stored_credentials
from island.enrolment import NotEnrolled
from island.identity import Identity, load_or_make
from island.joining import NotJoined, SentAway, join, refuse_plaintext
from island.settings import Settings
from island.state_store import StateStore
from tests.island.coordinator import KEY, Coordinator, running_coordinator


@pytest.fixture
def coordinator() -> Iterator[Coordinator]:
    with running_coordinator() as coordinator:
        yield coordinator


class Start:
    """One start after another on one state directory."""

    def __init__(self, folder: Path, client: httpx.AsyncClient) -> None:
        self.store = StateStore.open(folder)
        self.client = client
        self.said: list[str] = []

    @property
    def identity(self) -> Identity:
        return load_or_make(self.store)

    async def __call__(self, url: str | None, **settings: Any) -> Credentials:
        wanted = Settings.model_validate({"coordinator_url": url, "name": "mine", **settings})
        identity, credentials = await join(
            wanted, self.store, self.identity, self.client, platform="test", say=self.said.append
        )
        assert (identity.account, identity.user) == (self.identity.account, self.identity.user)
        KeptCredentials(self.store, credentials)
        return credentials


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    async with httpx.AsyncClient() as client:
        start = Start(tmp_path, client)
        yield start
        start.store.close()


async def test_a_first_start_joins_and_the_next_goes_on_without_the_coordinator(
    start: Start, coordinator: Coordinator
) -> None:
    joined = await start(f"{coordinator.url}/")
    assert await start(coordinator.url) == joined
    assert await start(None) == joined
    assert len(coordinator.enrolled) == 1
    assert start.said == [f"joining the network of {coordinator.url}"]


async def test_a_key_makes_the_island_paired_at_once(start: Start, coordinator: Coordinator) -> None:
    assert (await start(coordinator.url, key=KEY)).is_paired


async def test_a_start_that_has_not_joined_says_how_to_join(start: Start) -> None:
    with pytest.raises(NotJoined, match="archipelago island join URL"):
        await start(None)


async def test_another_coordinator_is_joined_as_the_same_island(
    start: Start, coordinator: Coordinator
) -> None:
    first = await start(coordinator.url)
    with running_coordinator() as other:
        second = await start(other.url)
    assert (second.host_id, second.coordinator_url) == (first.host_id, other.url)


async def test_joining_again_asks_the_coordinator_again(start: Start, coordinator: Coordinator) -> None:
    await start(coordinator.url)
    await start(coordinator.url, joins_again=True)
    assert [one["account_key"] for one in coordinator.enrolled] == [start.identity.island_id] * 2


async def test_a_revoked_key_is_replaced_by_joining_again_and_by_nothing_else(
    start: Start, coordinator: Coordinator
) -> None:
    first = start.identity
    coordinator.revoked_keys.add(first.user.public)
    with pytest.raises(SentAway, match="key was revoked"):
        await start(coordinator.url)
    assert start.identity.user == first.user

    credentials = await start(coordinator.url, joins_again=True)
    assert credentials.host_id == first.island_id
    assert credentials.user_key != first.user.public
    assert stored_credentials(start.store, start.identity, None) == credentials


async def test_an_island_that_was_sent_away_comes_back_only_when_it_joins_again(
    start: Start, coordinator: Coordinator
) -> None:
    kept = KeptCredentials(start.store, await start(coordinator.url))
    kept.give_up("this island was removed by its owner")
    for url in (None, coordinator.url):
        with pytest.raises(SentAway, match="removed by its owner"):
            await start(url)
    back = await start(coordinator.url, joins_again=True)
    assert await start(None) == back


async def test_a_coordinator_that_does_not_answer_is_told(start: Start) -> None:
    with pytest.raises(NotEnrolled, match="no answer from"):
        await start("http://127.0.0.1:1")


async def test_a_plaintext_coordinator_elsewhere_is_refused_before_anything_is_sent(start: Start) -> None:
    with pytest.raises(NotJoined, match=r"coordinator_url: http://192\.0\.2\.1 .* add --allow-plaintext"):
        await start("http://192.0.2.1")


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://coordinator.example", True),
        ("tls://coordinator.example:4222", True),
        ("http://127.0.0.1:4000", True),
        ("nats://localhost:4222", True),
        ("http://coordinator.example", False),
        ("nats://10.0.0.1:4222", False),
        ("http://127.0.0.1.example", False),
    ],
)
def test_plaintext_is_for_the_loopback(url: str, is_allowed: bool) -> None:
    refuse_plaintext(Settings(allow_plaintext=True), "url", url)
    if is_allowed:
        refuse_plaintext(Settings(), "url", url)
    else:
        with pytest.raises(NotJoined, match="allow-plaintext"):
            refuse_plaintext(Settings(), "url", url)
