"""Signed checkpoints and proofs over HTTP, verified here as a stranger would, with nothing but the public key."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from adapters.nats.accounts.nkey import Kind, NKey, verify
from adapters.nats.raw_log import RawLog
from api.checkpointing import Checkpointing
from commands.merkle import is_consistent, is_included, leaf_hash
from commands.raw_commit import leaf_bytes
from tests.api.network import Network, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def signer(network: Network) -> AsyncIterator["Signer"]:
    yield Signer(network)


class Signer:
    """The worker, driven step by step."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.key = NKey.new(Kind.USER)
        self.worker = self.new_worker()

    def new_worker(self) -> Checkpointing:
        services = self.network.services
        return Checkpointing(
            RawLog(self.network.nats),
            services.log,
            services.proofs.tree,
            services.handler,
            services.books,
            key=lambda: self.key,
            wait_s=60,
        )

    async def signed(self) -> dict[str, Any]:
        """The newest checkpoint, after one more was signed over everything there is."""
        await self.network.person()
        await self.worker.begin()
        await self.worker.sign()
        position = await self.network.services.log.last_position()
        assert await self.network.services.progress.wait("checkpoints", position, 10)
        return await got(self.network, "/audit/checkpoint")


async def got(network: Network, path: str, person: Person | None = None, **query: Any) -> dict[str, Any]:
    headers = person.headers if person else {}
    answer = await network.http.get(path, headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def path_of(shape: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(one) for one in shape["path"]]


async def test_a_checkpoint_is_signed_and_needs_no_key_to_be_read(network: Network, signer: Signer) -> None:
    found = await signer.signed()
    assert found["key_id"] == signer.key.public
    assert verify(signer.key.public, found["text"].encode(), bytes.fromhex(found["signature"]))
    assert not verify(signer.key.public, found["text"].encode() + b"x", bytes.fromhex(found["signature"]))
    assert found["root"] in found["text"]


async def test_a_commit_is_proven_to_be_in_what_was_signed(network: Network, signer: Signer) -> None:
    person = await network.person()
    checkpoint = await signer.signed()
    size, root = checkpoint["tree_size"], bytes.fromhex(checkpoint["root"])
    raws = [raw async for batch in RawLog(network.nats).read(after=0, up_to=size) for raw in batch]
    for position in {1, size // 2, size}:
        found = await got(network, "/audit/proof/inclusion", person, position=position, tree_size=size)
        leaf = leaf_hash(leaf_bytes(raws[position - 1]))
        assert found["leaf_hash"] == leaf.hex()
        assert is_included(leaf, position - 1, size, path_of(found), root)
        assert not is_included(leaf_hash(b"other"), position - 1, size, path_of(found), root)


async def test_a_later_checkpoint_is_proven_to_go_on_from_an_earlier_one(
    network: Network, signer: Signer
) -> None:
    person = await network.person()
    old, new = await signer.signed(), await signer.signed()
    found = await got(network, "/audit/proof/consistency", person, **{"from": old["tree_size"]})
    assert found["to"]["tree_size"] == new["tree_size"] > old["tree_size"]
    roots = bytes.fromhex(old["root"]), bytes.fromhex(new["root"])
    assert is_consistent(old["tree_size"], new["tree_size"], *roots, path_of(found))


async def test_a_log_in_which_only_checkpoints_happen_gets_no_more_of_them(
    network: Network, signer: Signer
) -> None:
    await signer.signed()
    worker = signer.new_worker()
    await worker.begin()
    assert not worker.is_due(10**15)
    await network.person()
    await worker.extend()
    assert worker.is_due(10**15)


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/audit/checkpoint", {"tree_size": 2**40}, 404),
        ("/audit/checkpoint", {"tree_size": 0}, 422),
        ("/audit/proof/inclusion", {"position": 2**40}, 422),
        ("/audit/proof/consistency", {"from": 2**40}, 422),
    ],
)
async def test_what_nobody_signed_is_not_proven(
    network: Network, signer: Signer, path: str, query: dict[str, int], code: int
) -> None:
    await signer.signed()
    person = await network.person()
    answer = await network.http.get(path, headers=person.headers, params=query)
    assert answer.status_code == code
