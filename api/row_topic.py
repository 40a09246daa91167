"""How a WebSocket topic shows rows of the read side: first as they are, then each one again whenever it changes.

Called by `api.subscriptions` with one of `api.row_topics`. Level-triggered: a topic keeps one position, is woken by the
log, waits for its projection and asks what changed behind that position. However slow the reader, it gets the newest
row and not every step; what several readers of one topic need at the same moment is read and encoded once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from api.edge import EdgeState
from api.server_frames import End, Gap, Op, Row, Snapshot, SubscriptionFrame, changes_frame, encoded

PAGE_ROWS: Final = 100
SNAPSHOT_ROWS_MAX: Final = 1_000  # Of the newest; older ones are listed over HTTP.
PROJECTION_WAIT_S: Final = 5.0

Emit = Callable[[SubscriptionFrame | str], Awaitable[None]]
"""Takes a frame, or the text of one that is encoded already; adds the subscription's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A row's shape and the position of the commit that changed it last."""

    position: int
    shape: Mapping[str, Any]
    op: Op = "put"


async def for_ever() -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTopic:
    """`present(offset)` is a page of what there is, `changed(after)` a page of what changed, in order of position.

    `audience` says with the rest who sees the same rows. `ended` is the state in which it is over, None before.
    """

    audience: tuple[str, ...]
    wake: str
    projection: str
    present: Callable[[int], Awaitable[Sequence[Placed]]]
    changed: Callable[[int], Awaitable[Sequence[Placed]]]
    pause_s: float = 0.0
    ended: Callable[[], Awaitable[str | None]] = for_ever


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedPage:
    """One page of changes: the frame without an id, None where nothing changed.

    `ended` is the state the topic had come to before the page was read, so nothing is behind the last page then.
    """

    position: int
    is_last: bool
    frame: str | None
    ended: str | None


async def follow_rows(edge: EdgeState, topic: RowTopic, after: int | None, emit: Emit) -> None:
    """Snapshot, then changes, until the topic has ended."""
    with edge.changes.watch(topic.wake) as watch:
        position = after
        if position is not None and not await edge.changes.has_seen(position):
            await emit(Gap(0))
            position = None
        if position is None:
            position = edge.services.progress.position(topic.projection)
            await send_snapshot(topic, position, emit)
        page = await changed_page(topic, position)
        seen = position
        while True:
            position = await send_changes(topic, page, emit)
            if page.ended is not None:
                await emit(End(page.ended))
                return
            await asyncio.sleep(topic.pause_s)
            seen = await watch.behind(seen)
            while not await edge.services.progress.wait(topic.projection, seen, PROJECTION_WAIT_S):
                pass  # A projection that stands still is shown by the health route; here one waits for it.
            # Whoever saw the same commit from the same position asks the same; before, a reader asks for itself.
            key = (topic.audience, position, seen)
            page = await edge.shared.result(key, partial(changed_page, topic, position))


async def send_snapshot(topic: RowTopic, position: int, emit: Emit) -> None:
    offset = 0
    while True:
        rows = await topic.present(offset)
        offset += len(rows)
        is_last = len(rows) < PAGE_ROWS or offset >= SNAPSHOT_ROWS_MAX
        await emit(Snapshot(position, [row.shape for row in rows], is_last))
        if is_last:
            return


async def send_changes(topic: RowTopic, page: ChangedPage, emit: Emit) -> int:
    """This page and those behind it; returns the position reached."""
    while True:
        if page.frame is not None:
            await emit(page.frame)
        if page.is_last:
            return page.position
        page = await changed_page(topic, page.position)


async def changed_page(topic: RowTopic, after: int) -> ChangedPage:
    ended = await topic.ended()
    found = await topic.changed(after)
    rows: list[bytes] = []
    position, index = after, 0
    for row in found:
        index = index + 1 if row.position == position else 0
        position = row.position
        rows.append(encoded(Row(position, index, row.op, row.shape)))
    frame = changes_frame(rows, position) if rows else None
    return ChangedPage(position=position, is_last=len(found) < PAGE_ROWS, frame=frame, ended=ended)


def one_row(
    audience: tuple[str, ...],
    wake: str,
    projection: str,
    changed: Callable[[int], Awaitable[Sequence[Placed]]],
    pause_s: float = 0.0,
) -> RowTopic:
    """A topic that shows a single row."""

    async def present(_: int) -> Sequence[Placed]:
        return await changed(-1)

    return RowTopic(
        audience=audience, wake=wake, projection=projection, present=present, changed=changed, pause_s=pause_s
    )
