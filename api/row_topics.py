"""WebSocket topics that show rows of the read side: first as they are, then each one again whenever it changes.

Called by `api.subscriptions`. Level-triggered: a topic keeps one position, is woken by the log, waits for its
projection and asks what changed behind that position. However slow the reader, it gets the newest row and not every
step.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.changes import CARGOS as CARGO_CHANGES
from api.changes import ISLANDS, of_account
from api.edge import ACCOUNTS, CARGOS, JOBS, LEDGER, PLACEMENT, EdgeState
from api.errors import not_found
from api.key_ring import Caller
from api.owned import owned_island
from api.shapes.account import account_shape
from api.shapes.host import host_shape
from api.shapes.job import job_shape
from api.shapes.ledger import entry_shape
from api.shapes.workload import workload_shape
from domain.api_key import Scope
from domain.ids import IslandId
from projections.jobs import JobRow
from projections.placement import IslandRow

PAGE_ROWS: Final = 100
SNAPSHOT_ROWS_MAX: Final = 1_000  # Of the newest; older ones are listed over HTTP.
ISLANDS_PAUSE_S: Final = 0.25  # Islands are woken by every job of the network; their rows can wait this long.
PROJECTION_WAIT_S: Final = 5.0

Shape = Mapping[str, Any]
Emit = Callable[[Shape], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A row's shape and the position of the commit that changed it last."""

    position: int
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTopic:
    """`present(offset)` is a page of what there is, `changed(after)` a page of what changed, in order of position."""

    wake: str
    projection: str
    present: Callable[[int], Awaitable[Sequence[Placed]]]
    changed: Callable[[int], Awaitable[Sequence[Placed]]]
    pause_s: float = 0.0


async def follow_rows(edge: EdgeState, topic: RowTopic, after: int | None, emit: Emit) -> None:
    """Snapshot, then changes, for ever. Frames lack the subscription's id; `emit` adds it."""
    with edge.changes.watch(topic.wake) as watch:
        position = after
        if position is not None and not await edge.changes.has_seen(position):
            await emit({"type": "gap", "oldest": 0})
            position = None
        if position is None:
            position = edge.services.progress.position(topic.projection)
            await send_snapshot(topic, position, emit)
        seen = position
        while True:
            position = await send_changes(topic, position, emit)
            await asyncio.sleep(topic.pause_s)
            seen = await watch.behind(seen)
            while not await edge.services.progress.wait(topic.projection, seen, PROJECTION_WAIT_S):
                pass  # A projection that stands still is shown by the health route; here one waits for it.


async def send_snapshot(topic: RowTopic, position: int, emit: Emit) -> None:
    offset = 0
    while True:
        rows = await topic.present(offset)
        offset += len(rows)
        is_last = len(rows) < PAGE_ROWS or offset >= SNAPSHOT_ROWS_MAX
        shapes = [row.shape for row in rows]
        await emit({"type": "snapshot", "position": position, "rows": shapes, "last": is_last})
        if is_last:
            return


async def send_changes(topic: RowTopic, position: int, emit: Emit) -> int:
    """Everything that changed behind `position`; returns the position reached."""
    while True:
        rows = await topic.changed(position)
        index = 0
        for row in rows:
            index = index + 1 if row.position == position else 0
            position = row.position
            await emit(
                {"type": "change", "position": position, "index": index, "op": "put", "row": row.shape}
            )
        if len(rows) < PAGE_ROWS:
            return position


def jobs_topic(edge: EdgeState, caller: Caller) -> RowTopic:
    reads = edge.services.reads

    async def placed(rows: Sequence[JobRow]) -> list[Placed]:
        numbers = [await edge.cargo_numbers.of(row.cargo_slug) for row in rows]
        return [
            Placed(position=row.position, shape=job_shape(row, cargo_number=number))
            for row, number in zip(rows, numbers, strict=True)
        ]

    async def present(offset: int) -> list[Placed]:
        return await placed((await reads.jobs(caller.account_id, None, PAGE_ROWS, offset)).rows)

    async def changed(after: int) -> list[Placed]:
        return await placed(await reads.jobs_changed(caller.account_id, after, PAGE_ROWS))

    return RowTopic(wake=of_account(caller.account_id), projection=JOBS, present=present, changed=changed)


def account_topic(edge: EdgeState, caller: Caller) -> RowTopic:
    async def changed(after: int) -> list[Placed]:
        row = await edge.services.reads.account(caller.account_id)
        if row is None or row.position <= after:
            return []
        shape = account_shape(row, is_admin=Scope.ADMIN in caller.scopes, for_python_sdk=False)
        return [Placed(position=row.position, shape=shape)]

    return one_row(of_account(caller.account_id), ACCOUNTS, changed)


def ledger_topic(edge: EdgeState, caller: Caller) -> RowTopic:
    """The snapshot holds nothing: the books are read from their beginning as changes."""

    async def present(_: int) -> list[Placed]:
        return []

    async def changed(after: int) -> list[Placed]:
        rows = await edge.services.reads.entries(caller.account_id, after, PAGE_ROWS)
        return [Placed(position=row.position, shape=entry_shape(row)) for row in rows]

    return RowTopic(wake=of_account(caller.account_id), projection=LEDGER, present=present, changed=changed)


def hosts_topic(edge: EdgeState, caller: Caller) -> RowTopic:
    reads = edge.services.reads

    async def present(offset: int) -> list[Placed]:
        page = await reads.islands(caller.account_id, PAGE_ROWS, offset)
        return [placed_island(edge, row) for row in page.rows]

    async def changed(after: int) -> list[Placed]:
        rows = await reads.islands_changed(caller.account_id, after, PAGE_ROWS)
        return [placed_island(edge, row) for row in rows]

    return RowTopic(
        wake=ISLANDS, projection=PLACEMENT, present=present, changed=changed, pause_s=ISLANDS_PAUSE_S
    )


async def host_topic(edge: EdgeState, caller: Caller, island_id: IslandId) -> RowTopic:
    """Raises `ApiError` (not_found)."""
    await owned_island(edge, caller, island_id)

    async def changed(after: int) -> list[Placed]:
        row = await edge.services.reads.island(island_id)
        if row is None:
            raise not_found(f"host {island_id}")
        return [placed_island(edge, row)] if row.position > after else []

    return one_row(ISLANDS, PLACEMENT, changed, pause_s=ISLANDS_PAUSE_S)


def cargos_topic(edge: EdgeState) -> RowTopic:
    reads = edge.services.reads

    async def present(offset: int) -> list[Placed]:
        page = await reads.cargos(PAGE_ROWS, offset)
        return [
            Placed(position=row.position, shape=workload_shape(row, for_python_sdk=False))
            for row in page.rows
        ]

    async def changed(after: int) -> list[Placed]:
        rows = await reads.cargos_changed(after, PAGE_ROWS)
        return [
            Placed(position=row.position, shape=workload_shape(row, for_python_sdk=False)) for row in rows
        ]

    return RowTopic(wake=CARGO_CHANGES, projection=CARGOS, present=present, changed=changed)


def one_row(
    wake: str, projection: str, changed: Callable[[int], Awaitable[Sequence[Placed]]], pause_s: float = 0.0
) -> RowTopic:
    """A topic that shows a single row."""

    async def present(_: int) -> Sequence[Placed]:
        return await changed(-1)

    return RowTopic(wake=wake, projection=projection, present=present, changed=changed, pause_s=pause_s)


def placed_island(edge: EdgeState, row: IslandRow) -> Placed:
    shape = host_shape(row, heard_at_ms=edge.services.heard(row.island_id))
    return Placed(position=row.position, shape=shape)
