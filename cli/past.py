"""The past that reports are made from: the log of a network, or an exported file with nothing running.

Used by `archipelago report …` and `archipelago as-of placement`. Where it cannot be read there is a `CommandFailed`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from adapters.exported_log import ExportedLog, PartialExport
from adapters.log_export import ExportDamaged
from adapters.nats.connection import Access, connect
from adapters.nats.past_log import JetStreamPastLog
from cli.books import CONNECT_S, reached
from cli.failure import CommandFailed
from cli.projections import log_access
from commands.reports.past_log import PastLog


def past_of(
    offline: Path | None, nats_url: str, nats_keys: Path | None, ca_file: Path | None, data_dir: Path | None
) -> AbstractAsyncContextManager[PastLog]:
    """The exported file where one is named, else the log of the network. Raises CommandFailed, now and when entered."""
    if offline:
        return exported_past(offline)
    try:
        return network_past(log_access(nats_url, nats_keys, ca_file, data_dir))
    except CommandFailed as absent:
        step = f"{absent.next_step}; or read an exported file with --offline" if absent.next_step else ""
        raise CommandFailed(absent.message, next_step=step, code=absent.code) from absent


@asynccontextmanager
async def network_past(access: Access) -> AsyncIterator[PastLog]:
    """The log as it is now. Raises CommandFailed."""
    async with reached():
        async with asyncio.timeout(CONNECT_S):  # The connection itself would try for ever.
            client = await connect(access, "archipelago report")
        try:
            yield JetStreamPastLog(client)
        finally:
            await client.close()


@asynccontextmanager
async def exported_past(path: Path) -> AsyncIterator[PastLog]:
    """The log as it was exported. Raises CommandFailed, where the file is damaged with the place of the damage."""
    try:
        yield ExportedLog(path)
    except (ExportDamaged, PartialExport, OSError) as fault:
        raise CommandFailed(
            f"--offline: {path}: {fault}", next_step="take another copy: archipelago audit export FILE"
        ) from fault
