"""The HTTP and WebSocket application. `build_app` is the one way to make it; called by `api.main` and by the tests.

Serve it with its lifespan on: it keeps the reader that wakes streams and hears of revoked keys.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Lifespan

from api import error_answers, openapi_document, websocket
from api.compression import Compression
from api.edge import new_edge
from api.envelope import Envelope
from api.openapi_document import BASE
from api.routes import (
    account,
    admin_hosts,
    admin_people,
    admin_workloads,
    agent_releases,
    api_keys,
    artifacts,
    asyncapi,
    audit,
    balances,
    batches,
    cargo_oversight,
    cargo_trust,
    cases,
    chat,
    corrections,
    embeddings,
    erasure,
    health,
    host_tickets,
    hosts,
    images,
    island_idleness,
    island_karma,
    island_oversight,
    islands,
    job_history,
    job_output,
    jobs,
    ledger,
    market,
    marketplace,
    models,
    network,
    not_built,
    pairing,
    past_placement,
    proofs,
    recommendations,
    rejected_claims,
    reports,
    review_oversight,
    sessions,
    sign_in,
    signing_keys,
    submission_oversight,
    submissions,
    verification,
    webhooks,
    workflows,
    workloads,
    ws_tickets,
)
from api.services import Services
from api.task_end import end_tasks
from api.version import VERSION

OPENAI_BASE: Final = "/v1"
RETRY_S: Final = 1.0
EXPOSED_HEADERS: Final = (
    "Archipelago-Position",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
)

ROUTES: Final = (
    health,
    jobs,
    batches,
    job_output,
    job_history,
    cases,
    workloads,
    workflows,
    cargo_trust,
    cargo_oversight,
    balances,
    past_placement,
    artifacts,
    host_tickets,
    hosts,
    admin_hosts,
    admin_people,
    admin_workloads,
    agent_releases,
    island_idleness,
    island_karma,
    island_oversight,
    islands,
    pairing,
    recommendations,
    signing_keys,
    rejected_claims,
    account,
    sign_in,
    sessions,
    verification,
    api_keys,
    ledger,
    reports,
    audit,
    proofs,
    corrections,
    erasure,
    market,
    submissions,  # Before the marketplace, whose paths take any slug.
    marketplace,
    review_oversight,
    submission_oversight,
    network,
    not_built,
    webhooks,
    ws_tickets,
    websocket,
)
"""Below `/api/v1`, in the order in which a path is looked for."""
OPENAI_ROUTES: Final = (chat, models, embeddings, images)
"""Below `/api/v1` and below `/v1`, where OpenAI's clients look for them."""

log = logging.getLogger(__name__)


def build_app(services: Services) -> FastAPI:
    edge = new_edge(services)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await edge.changes.begin()
        facts = partial(edge.facts.run, edge.changes.position)
        hearing = [
            asyncio.create_task(keep_hearing(one))
            for one in (edge.changes.run, facts, edge.sign_in_desk.run, services.key_uses.run)
        ]
        try:
            yield
        finally:
            await end_tasks(hearing)

    app = routed_app(lifespan)
    app.state.edge = edge
    app.add_middleware(
        CORSMiddleware,
        allow_origins=services.settings.cors_origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=EXPOSED_HEADERS,
    )
    app.add_middleware(Compression)
    app.add_middleware(Envelope)
    return app


def routed_app(lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """Every path and the document of them, with nothing behind: what the reference page is written from."""
    app = FastAPI(
        title="Archipelago",
        version=VERSION,
        openapi_url=f"{BASE}/openapi.json",
        docs_url=f"{BASE}/docs",
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        generate_unique_id_function=openapi_document.operation_id,
    )
    for module in ROUTES:
        app.include_router(module.router, prefix=BASE)
    for module in OPENAI_ROUTES:
        for base in (BASE, OPENAI_BASE):
            app.include_router(module.router, prefix=base)
    app.include_router(asyncapi.router)
    app.include_router(pairing.page_router)
    app.include_router(sign_in.page_router)
    app.include_router(signing_keys.well_known_router)
    error_answers.install(app)
    openapi_document.install(app)
    return app


async def keep_hearing(hear: Callable[[], Awaitable[None]]) -> None:
    """Keeps a reader of the log's live end going."""
    while True:
        try:
            await hear()
        except Exception:
            log.exception("changes_interrupted")
        await asyncio.sleep(RETRY_S)
