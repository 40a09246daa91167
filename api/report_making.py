"""Reports for whoever asks over HTTP, each made by a process of its own. Used by `api.routes.reports`.

So many at once and so long each, by name; a report whose client leaves is not finished.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from adapters.reports.forms import Form
from api.edge import EdgeState
from api.errors import ApiError, ErrorCode, invalid, not_found
from api.report_program import Asked, Told
from api.task_end import end_tasks
from commands.reports.order import ReportOrder

REPORT_S: Final = 120.0
BUSY_RETRY_S: Final = 5
SAFE: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
}
"""A page that loads nothing and runs nothing, whatever stands in it."""


async def report_answer(request: Request, edge: EdgeState, order: ReportOrder, form: Form) -> Response:
    """Raises `ApiError`: not_found, invalid, rate_limited, unavailable."""
    if edge.reports.locked():
        message = "as many reports as fit are being made; ask again in a moment"
        raise ApiError(ErrorCode.RATE_LIMITED, message, retry_after_s=BUSY_RETRY_S)
    async with edge.reports:
        told, body = await while_there(request, asked_of(edge, order, form))
    if not told.is_known:
        raise not_found(f"{order.subject.of} {order.subject.id} in the log")
    if told.refusal:
        raise invalid("month", told.refusal)
    headers = {**SAFE, "Content-Disposition": f'inline; filename="{told.file_name}"'}
    return Response(body, media_type=told.media_type, headers=headers)


def asked_of(edge: EdgeState, order: ReportOrder, form: Form) -> Asked:
    settings = edge.services.settings
    return Asked(
        nats_url=settings.nats_url,
        nats_keys=str(settings.nats_keys),
        nats_ca_file=str(settings.nats_ca_file) if settings.nats_ca_file else None,
        order=order,
        form=form,
    )


async def while_there(request: Request, asked: Asked) -> tuple[Told, bytes]:
    """What the process says; it is ended with its client or its time."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api.report_program", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    making = asyncio.create_task(process.communicate(msgspec.json.encode(asked)))
    leaving = asyncio.create_task(left(request))
    try:
        await asyncio.wait({making, leaving}, timeout=REPORT_S, return_when=asyncio.FIRST_COMPLETED)
        if making.done():
            return read(process, *making.result())
    finally:
        if process.returncode is None:
            process.kill()
        await end_tasks((making, leaving))
        await process.wait()
    raise ApiError(ErrorCode.UNAVAILABLE, f"the report was not made within {REPORT_S:g} s; ask for less")


def read(process: Process, said: bytes, faults: bytes) -> tuple[Told, bytes]:
    if process.returncode:
        last = faults.decode(errors="replace").strip().rpartition("\n")[2]
        raise RuntimeError(f"the report program ended with {process.returncode}: {last}")
    head, _, body = said.partition(b"\n")
    return msgspec.json.decode(head, type=Told), body


async def left(request: Request) -> None:
    """Returns when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
