"""The WebSocket topics that show rows of the read side: own jobs, a batch, account and books, own islands, market,
catalogue.

Called by `api.subscriptions`; `api.row_topic` follows them. Own rows only, but for the market and the catalogue, which
everybody may read.
"""

from collections.abc import Sequence
from typing import Final

from api.changes import CARGOS as CARGO_CHANGES
from api.changes import ISLANDS, MARKET, of_account
from api.edge import ACCOUNTS, CARGOS, EXCHANGE, JOBS, LEDGER, PLACEMENT, EdgeState
from api.errors import not_found
from api.key_ring import Caller
from api.owned import email_of, owned_island, owned_job
from api.row_topic import PAGE_ROWS, Placed, RowTopic, one_row
from api.shapes.account import account_shape
from api.shapes.host import host_shape
from api.shapes.job import ENDED, job_shape
from api.shapes.ledger import entry_shape
from api.shapes.market import window_shape
from api.shapes.workload import workload_shape
from domain.api_key import Scope
from domain.ids import CargoSlug, IslandId, JobId
from projections.cargos import CargoRow
from projections.exchange import RateRow
from projections.jobs import JobRow
from projections.placement import IslandRow

ISLANDS_PAUSE_S: Final = 0.25  # Islands are woken by every job of the network; their rows can wait this long.


def jobs_topic(edge: EdgeState, caller: Caller) -> RowTopic:
    reads = edge.services.reads

    async def present(offset: int) -> list[Placed]:
        return await placed_jobs(edge, (await reads.jobs(caller.account_id, None, PAGE_ROWS, offset)).rows)

    async def changed(after: int) -> list[Placed]:
        return await placed_jobs(edge, await reads.jobs_changed(caller.account_id, after, PAGE_ROWS))

    return RowTopic(
        audience=("jobs", caller.account_id),
        wake=of_account(caller.account_id),
        projection=JOBS,
        present=present,
        changed=changed,
    )


async def batch_topic(edge: EdgeState, caller: Caller, batch_id: JobId) -> RowTopic:
    """The batch itself and its parts, until it has ended. Raises `ApiError` (not_found)."""
    reads = edge.services.reads
    if (await owned_job(edge, caller, batch_id)).batch is None:
        raise not_found(f"batch {batch_id}")

    async def present(offset: int) -> list[Placed]:
        return await placed_jobs(edge, await reads.batch_changed(batch_id, -1, PAGE_ROWS, offset))

    async def changed(after: int) -> list[Placed]:
        return await placed_jobs(edge, await reads.batch_changed(batch_id, after, PAGE_ROWS))

    async def ended() -> str | None:
        state = (await owned_job(edge, caller, batch_id)).state
        return state if state in ENDED else None

    return RowTopic(
        audience=("batch", batch_id),
        wake=of_account(caller.account_id),
        projection=JOBS,
        present=present,
        changed=changed,
        ended=ended,
    )


async def placed_jobs(edge: EdgeState, rows: Sequence[JobRow]) -> list[Placed]:
    numbers = [await edge.cargo_numbers.of(row.cargo_slug) for row in rows]
    return [
        Placed(position=row.position, shape=job_shape(row, cargo_number=number))
        for row, number in zip(rows, numbers, strict=True)
    ]


def account_topic(edge: EdgeState, caller: Caller) -> RowTopic:
    async def changed(after: int) -> list[Placed]:
        row = await edge.services.reads.account(caller.account_id)
        if row is None or row.position <= after:
            return []
        shape = account_shape(
            row,
            email=await email_of(edge, caller.account_id),
            is_admin=Scope.ADMIN in caller.scopes,
            for_python_sdk=False,
        )
        return [Placed(position=row.position, shape=shape)]

    audience = ("account", caller.account_id, *sorted(caller.scopes))
    return one_row(audience, of_account(caller.account_id), ACCOUNTS, changed)


def ledger_topic(edge: EdgeState, caller: Caller) -> RowTopic:
    """The snapshot holds nothing: the books are read from their beginning as changes."""

    async def present(_: int) -> list[Placed]:
        return []

    async def changed(after: int) -> list[Placed]:
        rows = await edge.services.reads.entries(caller.account_id, after, PAGE_ROWS)
        return [Placed(position=row.position, shape=entry_shape(row)) for row in rows]

    return RowTopic(
        audience=("ledger", caller.account_id),
        wake=of_account(caller.account_id),
        projection=LEDGER,
        present=present,
        changed=changed,
    )


def hosts_topic(edge: EdgeState, caller: Caller) -> RowTopic:
    reads = edge.services.reads

    async def present(offset: int) -> list[Placed]:
        page = await reads.islands(caller.account_id, PAGE_ROWS, offset)
        return [placed_island(edge, row) for row in page.rows]

    async def changed(after: int) -> list[Placed]:
        rows = await reads.islands_changed(caller.account_id, after, PAGE_ROWS)
        return [placed_island(edge, row) for row in rows]

    return RowTopic(
        audience=("hosts", caller.account_id),
        wake=ISLANDS,
        projection=PLACEMENT,
        present=present,
        changed=changed,
        pause_s=ISLANDS_PAUSE_S,
    )


async def host_topic(edge: EdgeState, caller: Caller, island_id: IslandId) -> RowTopic:
    """Raises `ApiError` (not_found)."""
    await owned_island(edge, caller, island_id)

    async def changed(after: int) -> list[Placed]:
        row = await owned_island(
            edge, caller, island_id
        )  # It may have been removed, or be somebody else's by now.
        return [placed_island(edge, row)] if row.position > after else []

    audience = ("host", caller.account_id, island_id)
    return one_row(audience, ISLANDS, PLACEMENT, changed, pause_s=ISLANDS_PAUSE_S)


def cargos_topic(edge: EdgeState) -> RowTopic:
    reads = edge.services.reads

    async def present(offset: int) -> list[Placed]:
        return [placed_cargo(row) for row in (await reads.cargos(PAGE_ROWS, offset)).rows]

    async def changed(after: int) -> list[Placed]:
        return [placed_cargo(row) for row in await reads.cargos_changed(after, PAGE_ROWS)]

    return RowTopic(
        audience=("cargos",), wake=CARGO_CHANGES, projection=CARGOS, present=present, changed=changed
    )


def placed_cargo(row: CargoRow) -> Placed:
    return Placed(position=row.position, shape=workload_shape(row, for_python_sdk=False))


async def market_topic(edge: EdgeState, slug: CargoSlug | None) -> RowTopic:
    """What was cleared, asked and bid in the last window of every cargo, or of one. Raises `ApiError` (not_found)."""
    reads = edge.services.reads
    if slug is not None and await reads.cargo(slug) is None:
        raise not_found(f"workload {slug}")

    async def present(offset: int) -> list[Placed]:
        return [placed_window(row) for row in await reads.last_windows(slug, PAGE_ROWS, offset)]

    async def changed(after: int) -> list[Placed]:
        return [placed_window(row) for row in await reads.windows_behind(slug, after, PAGE_ROWS)]

    return RowTopic(
        audience=("market", slug or ""), wake=MARKET, projection=EXCHANGE, present=present, changed=changed
    )


def placed_window(row: RateRow) -> Placed:
    return Placed(position=row.position, shape=window_shape(row))


def placed_island(edge: EdgeState, row: IslandRow) -> Placed:
    """An island that was removed is no longer there for whoever owned it."""
    if row.is_removed:
        return Placed(position=row.position, shape={"id": row.island_id}, op="delete")
    shape = host_shape(row, heard_at_ms=edge.services.heard(row.island_id))
    return Placed(position=row.position, shape=shape)
