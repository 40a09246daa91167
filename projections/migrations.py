"""The schema of a projection: made on first use, and brought up to date by the migrations it has not seen yet.

Called by runners, rebuilds and tests before anything else. Several processes may start at once: one of them does the
work, the others find it done. `projections.position` remembers, for every schema, its position, its
last migration, and how often a rebuilt one has taken its place.
"""

from typing import Any, Final

from psycopg import AsyncConnection, sql

from projections.contract import Projection

# Any constant of our own will do: everybody who changes schemas waits for the same lock.
SCHEMA_LOCK: Final = 0x61726368

_BOOKS: Final = b"""
CREATE SCHEMA IF NOT EXISTS projections;
CREATE TABLE IF NOT EXISTS projections.position (
    schema text PRIMARY KEY,
    name text NOT NULL,
    version int NOT NULL,
    migration int NOT NULL,
    position bigint NOT NULL,
    rebuilds int NOT NULL DEFAULT 0,
    moved_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
"""
_OPEN: Final = b"""
INSERT INTO projections.position (schema, name, version, migration, position) VALUES (%s, %s, %s, 0, 0)
ON CONFLICT (schema) DO NOTHING
"""
_STANDING: Final = b"SELECT migration, position FROM projections.position WHERE schema = %s"
_MIGRATED: Final = b"UPDATE projections.position SET migration = %s WHERE schema = %s"


async def lock_schemas(connection: AsyncConnection[Any]) -> None:
    """Waits until nobody else changes schemas, and keeps them away until the transaction ends."""
    await connection.execute(b"SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))


async def prepare(connection: AsyncConnection[Any], projection: Projection, schema: str) -> int:
    """Makes the schema ready for `projection` and returns the position it stands at, 0 where it is new."""
    async with connection.transaction():
        await lock_schemas(connection)
        await connection.execute(_BOOKS)
        await connection.execute(
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {schema}; SET LOCAL search_path = {schema}").format(
                schema=sql.Identifier(schema)
            )
        )
        await connection.execute(_OPEN, (schema, projection.name, projection.version))
        standing = await (await connection.execute(_STANDING, (schema,))).fetchone()
        assert standing is not None
        done, position = standing
        for number, migration in enumerate(projection.migrations[done:], start=done + 1):
            await connection.execute(migration)
            await connection.execute(_MIGRATED, (number, schema))
    return int(position)


async def drop(connection: AsyncConnection[Any], schema: str) -> None:
    """Removes a schema with its rows and its position; no error where there is none."""
    async with connection.transaction():
        await lock_schemas(connection)
        await connection.execute(_BOOKS)
        await connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
        await connection.execute(b"DELETE FROM projections.position WHERE schema = %s", (schema,))
