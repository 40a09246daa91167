"""Whether this coordinator can do its work: event log, database, projections, books, workers."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from fastapi import APIRouter
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Anyone
from api.edge import Edge
from api.schemas.forms import with_data
from api.schemas.network import Health
from api.shapes.present import instant
from api.version import VERSION

PROBE_S: Final = 2.0
LAG_COMMITS_MAX: Final = 10_000  # Further behind, readers would see a past of several seconds.

T = TypeVar("T")
router = APIRouter(prefix="/health", tags=["network"])
log = logging.getLogger(__name__)


@router.get("", response_model=with_data(Health), responses={503: {"model": with_data(Health)}})
async def get_health(edge: Edge, _: Anyone) -> Response:
    """Say whether all is well; 503 where something is not."""
    last, positions, is_cleared = await asyncio.gather(
        probed("nats", edge.services.log.last_position()),
        probed("postgres", edge.services.reads.positions()),
        probed("books", edge.services.books.is_cleared(clock.now_ms())),
    )
    lag = (
        {}
        if last is None or positions is None
        else {name: max(0, last - at) for name, at in positions.items()}
    )
    checks = {
        "nats": "error" if last is None else "ok",
        "postgres": "error" if positions is None else "ok",
        "projections": "ok" if lag and max(lag.values()) <= LAG_COMMITS_MAX else "error",
        "books": "ok" if is_cleared else "error",
        "workers": "error" if edge.services.troubles() else "ok",
    }
    is_well = set(checks.values()) == {"ok"}
    shape: dict[str, Any] = {
        "status": "ok" if is_well else "degraded",
        "timestamp": instant(clock.now_ms()),
        "version": VERSION,
        "checks": checks,
        "projection_lag": lag,
        "failing_workers": sorted(edge.services.troubles()),
    }
    return answer({**shape, "data": shape}, status=200 if is_well else 503)


async def probed(name: str, question: Awaitable[T]) -> T | None:
    """The answer, or None where none came in time."""
    try:
        async with asyncio.timeout(PROBE_S):
            return await question
    except Exception as fault:  # noqa: BLE001 - whatever it is, the part is not well
        log.warning("health_probe_failed", extra={"part": name, "error": repr(fault)})
        return None
