"""Artifacts come back as they were put in, or not at all; nobody who runs can change or remove one."""

from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.accounts.roles import Role
from adapters.nats.artifacts import PIECE_BYTES, Artifacts, DigestMismatch, digest_of
from adapters.nats.replies import Refused, ask
from adapters.nats.streams import create_streams
from tests.fabric import Fabric

LARGE = bytes(range(256)) * (PIECE_BYTES // 256) * 2 + b"the end"


@pytest.fixture
async def api(fabric: Fabric, nats_client: Client) -> AsyncIterator[Client]:
    await create_streams(nats_client)
    async with fabric.connected(Role.API) as client:
        yield client


@pytest.mark.parametrize("content", [b"", b"some bytes", LARGE])
async def test_an_artifact_comes_back_as_it_was(api: Client, content: bytes) -> None:
    await Artifacts(api).put(digest_of(content), content)
    assert await Artifacts(api).get(digest_of(content)) == content


async def test_others_are_not_mixed_in(api: Client) -> None:
    for content in (b"one", b"two"):
        await Artifacts(api).put(digest_of(content), content)
    assert await Artifacts(api).get(digest_of(b"one")) == b"one"
    assert await Artifacts(api).get(digest_of(b"three")) is None


async def test_bytes_under_a_wrong_name_are_refused(api: Client) -> None:
    with pytest.raises(DigestMismatch):
        await Artifacts(api).put(digest_of(b"one"), b"two")
    assert await Artifacts(api).get(digest_of(b"one")) is None


async def test_storing_again_stores_nothing(api: Client, nats_client: Client) -> None:
    for _ in range(2):
        await Artifacts(api).put(digest_of(LARGE), LARGE)
    assert (await nats_client.jetstream().stream_info(subjects.ARTIFACTS)).state.messages == 3


async def test_an_upload_that_broke_off_is_completed_by_the_next(api: Client) -> None:
    digest = digest_of(LARGE)
    await ask(api, subjects.artifact(digest, "1"), LARGE[PIECE_BYTES : 2 * PIECE_BYTES])
    assert await Artifacts(api).get(digest) is None
    await Artifacts(api).put(digest, LARGE)
    assert await Artifacts(api).get(digest) == LARGE


async def test_a_stored_piece_stays_what_it_is(api: Client) -> None:
    digest = digest_of(b"one")
    await Artifacts(api).put(digest, b"one")
    answer = await ask(api, subjects.artifact(digest, "0"), b"two")
    assert "error" in answer
    assert await Artifacts(api).get(digest) == b"one"


async def test_bytes_that_are_no_longer_what_they_were_are_not_handed_out(api: Client) -> None:
    digest = digest_of(b"one")
    await ask(api, subjects.artifact(digest, "0"), b"damaged")
    assert await Artifacts(api).get(digest) is None
    with pytest.raises(Refused, match="restore it from a copy"):
        await Artifacts(api).put(digest, b"one")
