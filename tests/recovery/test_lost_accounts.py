"""The server's folder of accounts is gone, damaged or older than the log: the registrar puts it right from the log."""

import asyncio
import shutil
from pathlib import Path

import pytest

from adapters import clock
from adapters.nats.registrar_client import NoDocuments
from domain.island_commands import RemoveIsland, RevokeIsland, SuspendIsland
from tests.recovery.network import OWNER, Island, RecoveringNetwork, copied, works


async def test_islands_come_back_after_the_folder_was_lost_while_the_registrar_ran(
    network: RecoveringNetwork, island: Island
) -> None:
    joined = await network.document(island)
    await network.restart_server(while_down=lambda: shutil.rmtree(network.directory.accounts))
    await network.accounts_are_pushed()
    assert await works(joined)


async def test_islands_come_back_after_a_file_was_damaged(network: RecoveringNetwork, island: Island) -> None:
    joined = await network.document(island)
    file = network.directory.accounts / f"{island.island_id}.jwt"
    assert file.is_file()
    await network.restart(while_down=lambda: byte_changed(file))
    assert await works(joined)


def byte_changed(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x15
    file.write_bytes(content)


async def test_an_old_copy_of_the_folder_does_not_undo_what_the_log_says(
    network: RecoveringNetwork, island: Island
) -> None:
    kept = await network.document(island)
    removed, revoked, suspended = [await network.joins() for _ in range(3)]
    documents = [await network.document(one) for one in (removed, revoked, suspended)]
    old = copied(network.directory.accounts, "accounts-copy")
    now_ms = clock.now_ms()
    await network.carry_out(RemoveIsland(island_id=removed.island_id, owner_id=OWNER, now_ms=now_ms))
    await network.carry_out(RevokeIsland(island_id=revoked.island_id, reason="its key leaked", now_ms=now_ms))
    await network.carry_out(SuspendIsland(island_id=suspended.island_id, reason="odd", now_ms=now_ms))
    for out in (removed, revoked):
        with pytest.raises(NoDocuments):
            await network.documents(out)

    def bring_back() -> None:
        shutil.rmtree(network.directory.accounts)
        old.rename(network.directory.accounts)

    await network.restart(while_down=bring_back)
    assert await works(kept)
    assert not any(await asyncio.gather(*map(network.lets_in_island, documents[:2])))
    assert not await works(documents[2])
