"""What an island keeps of its enrolment, and when that still counts."""

import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from island.credentials import (
    CREDENTIALS_FILE,
    Credentials,
    KeptCredentials,
    stored_credentials,
    stored_farewell,
)
from island.identity import Identity, load_or_make, with_new_user_key
from island.state_store import StateStore

URL = "https://coordinator.example"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    store = StateStore.open(tmp_path)
    yield store
    store.close()


@pytest.fixture
def identity(store: StateStore) -> Identity:
    return load_or_make(store)


@pytest.fixture
def kept(store: StateStore, identity: Identity) -> KeptCredentials:
    credentials = Credentials(
        host_id=identity.island_id,
        user_key=identity.user.public,
        name="mine",
        coordinator_url=URL,
        nats_url="tls://coordinator.example:4222",
        user_jwt="document",
        expires_at_s=1,
        pair_url=f"{URL}/pair",
        is_paired=False,
    )
    return KeptCredentials(store, credentials)


def test_they_are_kept_for_the_owner_alone(
    store: StateStore, identity: Identity, kept: KeptCredentials, tmp_path: Path
) -> None:
    assert stored_credentials(store, identity, None) == kept.newest
    assert stored_credentials(store, identity, URL) == kept.newest
    assert stat.S_IMODE((tmp_path / CREDENTIALS_FILE).stat().st_mode) == 0o600


def test_those_of_another_coordinator_do_not_count(
    store: StateStore, identity: Identity, kept: KeptCredentials
) -> None:
    assert kept.newest.coordinator_url != "https://other.example"
    assert stored_credentials(store, identity, "https://other.example") is None


def test_those_of_another_user_key_do_not_count(
    store: StateStore, identity: Identity, kept: KeptCredentials
) -> None:
    assert kept.newest.user_key == identity.user.public
    assert stored_credentials(store, with_new_user_key(store, identity), None) is None


def test_those_of_another_island_do_not_count(
    store: StateStore, identity: Identity, kept: KeptCredentials
) -> None:
    kept.replace(msgspec.structs.replace(kept.newest, host_id="A" + 55 * "C"))
    assert stored_credentials(store, identity, None) is None


def test_damaged_ones_do_not_count(store: StateStore, identity: Identity) -> None:
    store.write(CREDENTIALS_FILE, b'{"host_id":')
    assert stored_credentials(store, identity, None) is None


def test_a_later_start_remembers_that_the_island_is_paired(
    store: StateStore, identity: Identity, kept: KeptCredentials
) -> None:
    kept.note_pairing(is_paired=True)
    stored = stored_credentials(store, identity, None)
    assert stored is not None
    assert stored.is_paired


def test_a_farewell_is_remembered_until_the_island_has_joined_again(
    store: StateStore, identity: Identity, kept: KeptCredentials
) -> None:
    kept.give_up("this island was removed by its owner")
    assert stored_credentials(store, identity, None) is None
    assert stored_farewell(store) == "this island was removed by its owner"

    KeptCredentials(store, kept.newest)
    assert stored_farewell(store) is None
    assert stored_credentials(store, identity, None) == kept.newest
