"""Keys of personal texts on a real server: one a subject, whoever was first, and gone for good when erased."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client

from adapters.field_cipher import RepeatableCipher, derived
from adapters.nats.accounts.roles import Role
from adapters.nats.streams import create_streams
from adapters.nats.subject_keys import JetStreamSubjectKeys, WrongMaster
from commands.event_log import LogUnavailable
from tests.fabric import Fabric

MASTER = bytes(range(32))


@pytest.fixture
async def keys(fabric: Fabric, nats_client: Client) -> AsyncIterator[JetStreamSubjectKeys]:
    await create_streams(nats_client)
    async with fabric.connected(Role.COORDINATOR) as client:
        yield JetStreamSubjectKeys(client, MASTER)


@pytest.fixture
async def eraser(fabric: Fabric, keys: JetStreamSubjectKeys) -> AsyncIterator[JetStreamSubjectKeys]:
    async with fabric.connected(Role.ERASER) as client:
        yield JetStreamSubjectKeys(client, MASTER)


async def test_a_subject_has_no_key_until_one_is_needed_and_then_the_same_for_ever(
    keys: JetStreamSubjectKeys,
) -> None:
    assert await keys.existing("a-1") is None
    made = await keys.made("a-1")
    assert made is not None
    assert len(made) == 32
    assert await keys.made("a-1") == await keys.existing("a-1") == made
    assert await keys.made("a-2") != made


async def test_of_two_that_make_a_key_at_once_one_wins(
    keys: JetStreamSubjectKeys, eraser: JetStreamSubjectKeys
) -> None:
    found = await asyncio.gather(*(one.made("a-3") for one in (keys, eraser) for _ in range(20)))
    assert len(set(found)) == 1


async def test_an_erased_key_is_gone_and_never_made_again(
    keys: JetStreamSubjectKeys, eraser: JetStreamSubjectKeys
) -> None:
    await keys.made("a-4")
    await eraser.erase("a-4")
    await eraser.erase("a-4")
    assert await keys.existing("a-4") is None
    assert await keys.made("a-4") is None
    assert await keys.is_erased("a-4")
    assert not await keys.is_erased("a-5")


async def test_who_never_had_a_key_can_be_erased(
    keys: JetStreamSubjectKeys, eraser: JetStreamSubjectKeys
) -> None:
    await eraser.erase("a-6")
    assert await keys.made("a-6") is None


async def test_making_and_erasing_at_once_ends_erased(
    keys: JetStreamSubjectKeys, eraser: JetStreamSubjectKeys
) -> None:
    await asyncio.gather(keys.made("a-7"), eraser.erase("a-7"), keys.made("a-7"), keys.made("a-7"))
    assert await keys.made("a-7") is None


async def test_the_coordinator_itself_can_erase_nothing(keys: JetStreamSubjectKeys) -> None:
    made = await keys.made("a-8")
    with pytest.raises(LogUnavailable):
        await keys.erase("a-8")
    assert await keys.existing("a-8") == made


async def test_a_key_on_the_disk_is_wrapped_and_noise_once_erased(
    fabric: Fabric, keys: JetStreamSubjectKeys, eraser: JetStreamSubjectKeys
) -> None:
    made = await keys.made("a-9")
    assert made is not None
    wrapped = RepeatableCipher(derived(MASTER, "subject-keys")).sealed(f"a-9 {made.hex()}", "a-9")
    assert on_disk(fabric, wrapped)
    assert not on_disk(fabric, made)
    assert not on_disk(fabric, made.hex().encode())
    await eraser.erase("a-9")
    assert not on_disk(fabric, wrapped)


async def test_another_networks_master_key_is_told(keys: JetStreamSubjectKeys, fabric: Fabric) -> None:
    await keys.made("a-10")
    async with fabric.connected(Role.COORDINATOR) as client:
        with pytest.raises(WrongMaster, match=r"restore subjects\.master"):
            await JetStreamSubjectKeys(client, bytes(32)).existing("a-10")


def on_disk(fabric: Fabric, content: bytes) -> bool:
    """Whether any file of the server holds these bytes."""
    files = [path for path in fabric.server._store.rglob("*") if path.is_file()]
    assert files
    return any(content in path.read_bytes() for path in files)
