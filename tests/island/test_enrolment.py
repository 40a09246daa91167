"""Joining: once with a key, then never again; and every way in which it does not work."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.ids import IslandId
from island.enrolment import CREDENTIALS_FILE, Credentials, NotEnrolled, enrol, stored_credentials
from island.state_store import StateStore
from tests.island.coordinator import KEY, Coordinator, running_coordinator

ISLAND_ID = IslandId("A" + 55 * "B")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    store = StateStore.open(tmp_path)
    yield store
    store.close()


@pytest.fixture
def coordinator() -> Iterator[Coordinator]:
    with running_coordinator() as coordinator:
        coordinator.credentials = {
            "nats_url": "nats://127.0.0.1:4222",
            "user": "island",
            "password": "secret",
        }
        yield coordinator


async def join(store: StateStore, url: str, key: str = KEY) -> Credentials:
    return await enrol(
        store, island_id=ISLAND_ID, coordinator_url=url, key=key, name="mine", platform="linux-x86_64"
    )


async def test_credentials_are_kept_for_the_owner_alone(
    store: StateStore, coordinator: Coordinator, tmp_path: Path
) -> None:
    assert stored_credentials(store, ISLAND_ID) is None
    joined = await join(store, f"{coordinator.url}/")

    assert stored_credentials(store, ISLAND_ID) == joined
    assert (joined.name, joined.user, joined.password) == ("mine", "island", "secret")
    assert stat.S_IMODE((tmp_path / CREDENTIALS_FILE).stat().st_mode) == 0o600
    assert coordinator.enrolled == [{"account_key": ISLAND_ID, "name": "mine", "platform": "linux-x86_64"}]


async def test_credentials_of_another_island_do_not_count(
    store: StateStore, coordinator: Coordinator
) -> None:
    await join(store, coordinator.url)
    assert stored_credentials(store, IslandId("A" + 55 * "C")) is None


def test_damaged_credentials_do_not_count(store: StateStore) -> None:
    store.write(CREDENTIALS_FILE, b'{"host_id":')
    assert stored_credentials(store, ISLAND_ID) is None


@pytest.mark.parametrize(
    ("key", "words"),
    [("ak_unknown", "does not know this API key"), ("ak_read_only", "scope: islands is missing")],
)
async def test_a_wrong_key_is_told_what_it_lacks(
    store: StateStore, coordinator: Coordinator, key: str, words: str
) -> None:
    with pytest.raises(NotEnrolled, match=words):
        await join(store, coordinator.url, key)
    assert store.read(CREDENTIALS_FILE) is None


async def test_an_unreachable_coordinator_is_named(store: StateStore) -> None:
    with pytest.raises(NotEnrolled, match=r"no answer from http://127.0.0.1:1 .*check the address"):
        await join(store, "http://127.0.0.1:1")


async def test_an_answer_that_is_no_enrolment_is_not_kept(
    store: StateStore, coordinator: Coordinator
) -> None:
    coordinator.credentials = {}
    with pytest.raises(NotEnrolled, match="is this its address"):
        await join(store, coordinator.url)
    assert store.read(CREDENTIALS_FILE) is None


async def test_an_answer_for_another_island_is_not_kept(store: StateStore, coordinator: Coordinator) -> None:
    coordinator.credentials["host_id"] = "A" + 55 * "C"
    with pytest.raises(NotEnrolled, match="host_id"):
        await join(store, coordinator.url)
    assert store.read(CREDENTIALS_FILE) is None
