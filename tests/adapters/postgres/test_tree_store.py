"""The tree in a real database: as it was saved, moved by one at a time, and good for proofs of any size."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.tree_store import TreeBehind, TreeStore, TreeSuperseded
from commands.log_tree import LogTree
from commands.merkle import Span, consistency_spans, inclusion_spans, is_consistent, is_included, leaf_hash

SIZES = (1, 255, 256, 257, 700)


@pytest.fixture
async def store(database: str) -> AsyncIterator[TreeStore]:
    async with AsyncConnectionPool[AsyncConnection[Any]](
        database, min_size=1, max_size=2, open=False, kwargs={"autocommit": True}
    ) as pool:
        store = TreeStore(pool)
        await store.create()
        yield store


def leaf(number: int) -> bytes:
    return leaf_hash(str(number).encode())


async def grown(store: TreeStore, size: int, *, saved_every: int = 100) -> LogTree:
    """The saved tree, grown to `size` leaves and saved on the way as a worker does."""
    tree = await store.load()
    saved = tree.size
    while tree.size < size:
        tree.append(leaf(tree.size))
        if tree.size - saved == saved_every or tree.size == size:
            await store.save(tree, old_size=saved)
            saved = tree.size
    return tree


async def test_a_tree_goes_on_after_a_restart_as_if_there_had_been_none(store: TreeStore) -> None:
    whole = LogTree()
    for size in SIZES:
        again = await grown(store, size)
        while whole.size < size:
            whole.append(leaf(whole.size))
        assert (again.root(), again.chain_head) == (whole.root(), whole.chain_head)
        loaded = await store.load()
        assert (loaded.size, loaded.root(), loaded.chain_head) == (size, whole.root(), whole.chain_head)


async def test_every_proof_of_every_size_verifies(store: TreeStore) -> None:
    await grown(store, 700)
    roots = {size: (await store.proof([Span(0, size)]))[0] for size in SIZES}
    for size in SIZES:
        for number in {0, size // 2, size - 1}:
            path = await store.proof(inclusion_spans(number, size))
            assert is_included(leaf(number), number, size, path, roots[size])
        for old in (one for one in SIZES if one <= size):
            path = await store.proof(consistency_spans(old, size))
            assert is_consistent(old, size, roots[old], roots[size], path)


async def test_who_was_overtaken_saves_nothing(store: TreeStore) -> None:
    mine, theirs = await store.load(), await store.load()
    for tree in (mine, theirs):
        tree.append(leaf(0))
    await store.save(theirs, old_size=0)
    with pytest.raises(TreeSuperseded):
        await store.save(mine, old_size=0)


async def test_what_the_tree_has_not_reached_cannot_be_proven(store: TreeStore) -> None:
    await grown(store, 10)
    with pytest.raises(TreeBehind):
        await store.proof(inclusion_spans(3, 700))
