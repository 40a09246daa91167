"""The registrar is gone: its process, its folder, with a copy and without one."""

import shutil

import pytest

from adapters import clock
from adapters.nats.accounts import rotation
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.roles import Role
from adapters.nats.accounts.rotation import Holder
from adapters.nats.connection import access_of
from adapters.nats.registrar_client import DocumentsRefusal, NoDocuments
from domain.island_commands import RemoveIsland
from tests.recovery.network import OWNER, Island, RecoveringNetwork, copied, works


async def test_islands_work_on_without_a_registrar(network: RecoveringNetwork, island: Island) -> None:
    joined = await network.document(island)
    await network.stop_registrar()
    assert await works(joined)
    await network.restart_server()
    assert await works(joined)


async def test_a_copy_of_the_folder_and_the_log_bring_everything_back(
    network: RecoveringNetwork, island: Island
) -> None:
    joined = await network.document(island)
    copy = copied(network.deployment.registrar.path, "registrar-copy")
    later = await network.joins()
    gone = await network.joins()
    await network.carry_out(RemoveIsland(island_id=gone.island_id, owner_id=OWNER, now_ms=clock.now_ms()))
    await network.stop_registrar()
    shutil.rmtree(network.deployment.registrar.path)
    copy = copy.rename(network.directory.root / "another-machine")
    await network.start_registrar(copy)
    assert await works(joined)
    assert await works(await network.document(later))
    with pytest.raises(NoDocuments) as refused:
        await network.documents(gone)
    assert refused.value.code is DocumentsRefusal.ISLAND_REMOVED


@pytest.mark.parametrize("is_gone", [True, False])
async def test_with_a_new_folder_islands_fetch_new_documents_and_work(
    network: RecoveringNetwork, island: Island, is_gone: bool
) -> None:
    joined = await network.document(island)
    await network.stop_registrar()
    found = copied(network.deployment.registrar.path, "found-by-somebody")
    if is_gone:
        shutil.rmtree(network.deployment.registrar.path)
    rotation.replace(network.deployment, Holder.REGISTRAR)
    await network.restart()
    assert not await network.lets_in_island(joined)
    assert await works(await network.document(island))
    for role in (Role.REGISTRAR, Role.REGISTRAR_CORE):
        assert not await network.lets_in(access_of(network.server.url, KeyFolder(found), role))
