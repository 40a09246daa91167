"""An island's id is a key that it owns; another key signs for it."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.nats.accounts.nkey import Kind, NKey
from island.identity import (
    ACCOUNT_SEED_FILE,
    USER_SEED_FILE,
    IdentityUnusable,
    load_or_make,
    with_new_user_key,
)
from island.state_store import StateStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    store = StateStore.open(tmp_path)
    yield store
    store.close()


def test_a_first_start_makes_both_keys_and_the_next_remembers_them(store: StateStore, tmp_path: Path) -> None:
    first = load_or_make(store)
    second = load_or_make(store)

    assert (first.is_new, second.is_new) == (True, False)
    assert (first.account, first.user) == (second.account, second.user)
    assert (first.island_id[0], first.user.public[0], len(first.island_id)) == ("A", "U", 56)
    for name in (ACCOUNT_SEED_FILE, USER_SEED_FILE):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_the_id_is_the_public_half_of_the_account_seed(store: StateStore) -> None:
    identity = load_or_make(store)
    seed = store.read(ACCOUNT_SEED_FILE)
    assert seed is not None
    assert NKey.from_seed(seed.decode(), Kind.ACCOUNT).public == identity.island_id


def test_a_lost_user_key_is_made_anew_and_the_island_stays_the_same(store: StateStore) -> None:
    first = load_or_make(store)
    store.remove(USER_SEED_FILE)
    second = load_or_make(store)

    assert second.island_id == first.island_id
    assert second.user.public != first.user.public
    assert not second.is_new


def test_a_revoked_user_key_is_replaced_for_good(store: StateStore) -> None:
    first = load_or_make(store)
    replaced = with_new_user_key(store, first)

    assert replaced.island_id == first.island_id
    assert replaced.user.public != first.user.public
    assert load_or_make(store).user == replaced.user


@pytest.mark.parametrize("name", [ACCOUNT_SEED_FILE, USER_SEED_FILE])
@pytest.mark.parametrize(
    "damage", [b"", b"rubbish", b"\xff", b"SOAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU"]
)
def test_a_damaged_seed_is_never_replaced(store: StateStore, name: str, damage: bytes) -> None:
    load_or_make(store)
    store.write(name, damage)
    with pytest.raises(IdentityUnusable, match=name):
        load_or_make(store)
    assert store.read(name) == damage
