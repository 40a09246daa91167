"""An island's id is a key that it owns."""

import stat
from collections.abc import Iterator
from pathlib import Path

import nkeys  # type: ignore[import-untyped]  # the library ships no types
import pytest

from island.identity import SEED_FILE, IdentityUnusable, load_or_make
from island.state_store import StateStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    store = StateStore.open(tmp_path)
    yield store
    store.close()


def test_a_first_start_makes_an_account_key_and_the_next_remembers_it(
    store: StateStore, tmp_path: Path
) -> None:
    first = load_or_make(store)
    second = load_or_make(store)

    assert first.is_new
    assert not second.is_new
    assert first.island_id == second.island_id
    assert (len(first.island_id), first.island_id[0]) == (56, "A")
    assert stat.S_IMODE((tmp_path / SEED_FILE).stat().st_mode) == 0o600


def test_the_id_is_the_public_half_of_the_seed(store: StateStore) -> None:
    identity = load_or_make(store)
    seed = store.read(SEED_FILE)
    assert seed is not None
    assert seed.startswith(b"SA")
    assert nkeys.from_seed(bytearray(seed)).public_key.decode() == identity.island_id


@pytest.mark.parametrize(
    "damage", [b"", b"rubbish", b"SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU"]
)
def test_a_damaged_seed_is_never_replaced(store: StateStore, damage: bytes) -> None:
    store.write(SEED_FILE, damage)
    with pytest.raises(IdentityUnusable, match=SEED_FILE):
        load_or_make(store)
    assert store.read(SEED_FILE) == damage
