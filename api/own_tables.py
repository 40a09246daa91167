"""What coordinators keep in PostgreSQL besides the read side: positions, snapshots, codes, the archive, the tree.

Opened once by `api.coordinator`. All of it can be lost and comes again from the log, or is not missed.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.archive import CommitArchive
from adapters.postgres.key_uses import KeyUses
from adapters.postgres.pairing_codes import PairingCodes
from adapters.postgres.process_store import ProcessStore
from adapters.postgres.snapshots import PostgresSnapshots, program_digest
from adapters.postgres.tree_store import TreeStore
from adapters.postgres.webhook_deliveries import WebhookDeliveries
from api.settings import Settings

CONNECTIONS_MAX: Final = 4

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTables:
    processes: ProcessStore
    snapshots: PostgresSnapshots
    codes: PairingCodes
    key_uses: KeyUses
    archive: CommitArchive
    tree: TreeStore
    deliveries: WebhookDeliveries


@asynccontextmanager
async def own_tables(settings: Settings) -> AsyncIterator[OwnTables]:
    """All of them, made where they are missing."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(pool_on(settings.postgres_dsn))
        archive_pool = pool
        if settings.archive_dsn:
            archive_pool = await stack.enter_async_context(pool_on(settings.archive_dsn))
        tables = OwnTables(
            processes=ProcessStore(pool),
            snapshots=PostgresSnapshots(pool, program=program_digest()),
            codes=PairingCodes(pool),
            key_uses=KeyUses(pool),
            archive=CommitArchive(archive_pool),
            tree=TreeStore(pool),
            deliveries=WebhookDeliveries(pool),
        )
        for field in fields(tables):
            await getattr(tables, field.name).create()
        yield tables


def pool_on(dsn: str) -> Pool:
    """Not open yet."""
    return AsyncConnectionPool(
        dsn,
        min_size=1,
        max_size=CONNECTIONS_MAX,
        open=False,
        kwargs={
            "autocommit": True,
            "application_name": "archipelago processes",
            # What is lost with the power is done again from the log, so nothing need wait for the disk.
            "options": "-c synchronous_commit=off",
        },
    )
