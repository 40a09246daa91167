"""What PostgreSQL knows of commits that a restored log does not have is forgotten, so that it is built again.

Used by `archipelago audit restore` when the copy was older than the log that was lost. No coordinator may run.
"""

from typing import Any, Final

from psycopg import AsyncConnection, sql

BEYOND: Final = "select schema from projections.position where position > %s order by schema"
FORGET: Final = "delete from projections.position where schema = %s"
DROP: Final = sql.SQL("drop schema if exists {} cascade")
REWIND: Final = {
    "process_position": "update process_position set position = %s where position > %s",
    "planner_picture": "delete from planner_picture where position > %s",
    "aggregate_snapshot": "delete from aggregate_snapshot where version > %s",
    "log_tile": "delete from log_tile where (select size from log_tree) > %s",
    "log_tree": "delete from log_tree where size > %s",
}
EXISTS: Final = "select to_regclass(%s) is not null"


async def forget_beyond(dsn: str, last: int) -> list[str]:
    """The read models that stood beyond position `last`; they are gone now. Raises `psycopg.Error`."""
    async with await AsyncConnection.connect(dsn) as connection:
        for table, statement in REWIND.items():
            if await exists(connection, table):
                await connection.execute(statement, [last] * statement.count("%s"))
        if not await exists(connection, "projections.position"):
            return []
        rows = await (await connection.execute(BEYOND, (last,))).fetchall()
        for (schema,) in rows:
            await connection.execute(DROP.format(sql.Identifier(schema)))
            await connection.execute(FORGET, (schema,))
    return [schema for (schema,) in rows]


async def exists(connection: "AsyncConnection[Any]", table: str) -> bool:
    row = await (await connection.execute(EXISTS, (table,))).fetchone()
    return bool(row and row[0])
