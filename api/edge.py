"""What every route reaches: the services, and the API's own short memory of keys, rates, tickets and schemas.

Built once by `api.app` and found through the `Edge` dependency, so nothing here is global. `wait` is how a write is
seen by the read that follows it.
"""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends
from starlette.requests import HTTPConnection

from adapters import clock
from api.bans import Bans
from api.cargo_numbers import CargoNumbers
from api.changes import Changes
from api.errors import ApiError, ErrorCode
from api.fact_feed import FactFeed
from api.fact_owners import FactOwners
from api.input_schemas import InputSchemas
from api.key_ring import Caller, KeyRing
from api.market_board import MarketBoard
from api.nonces import Nonces
from api.rate_limits import RateLimits
from api.services import Services
from api.sign_in_desk import SignInDesk
from api.single_flight import SingleFlight
from api.sockets import Sockets
from api.tickets import Tickets
from commands.event_log import Origin

JOBS: Final = "jobs"
ACCOUNTS: Final = "accounts"
CARGOS: Final = "cargos"
PLACEMENT: Final = "placement"
LEDGER: Final = "ledger"
PEOPLE: Final = "people"
MARKETPLACE: Final = "marketplace"
EXCHANGE: Final = "exchange"
COMPILATIONS_MAX: Final = 2  # Modules handed in, each compiled in a process of its own.
UPLOADS_MAX: Final = 4  # Artifacts on their way in, each held in memory whole.
REPORTS_MAX: Final = 2  # Each has a process of its own for as long as it takes.


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeState:
    services: Services
    keys: KeyRing
    bans: Bans
    rates: RateLimits
    tickets: Tickets
    nonces: Nonces
    schemas: InputSchemas
    changes: Changes
    cargo_numbers: CargoNumbers
    sockets: Sockets
    sign_in_desk: SignInDesk
    shared: SingleFlight
    facts: FactFeed
    market: MarketBoard
    uploads: asyncio.Semaphore
    reports: asyncio.Semaphore
    compilations: asyncio.Semaphore

    async def settle(self, projection: str, position: int) -> bool:
        """Waits until a read sees what was written at `position`, but not for long; a write answers all the same."""
        return await self.services.progress.wait(
            projection, position, timeout_s=self.services.settings.write_wait_s
        )

    async def catch_up(self, projection: str, after: int | None) -> None:
        """Waits for the position a reader asked for. Raises `ApiError` (not_caught_up)."""
        if after is not None and not await self.settle(projection, after):
            raise ApiError(ErrorCode.NOT_CAUGHT_UP, f"after: the read side has not reached {after} yet")


def new_edge(services: Services) -> EdgeState:
    keys = KeyRing(services.reads, services.sign_ins, clock.now_ms)
    shared = SingleFlight()
    return EdgeState(
        services=services,
        keys=keys,
        bans=Bans(services.handler, clock.now_ms),
        rates=RateLimits(clock.now_ms),
        tickets=Tickets(clock.now_ms),
        nonces=Nonces(services.nonce_secret, clock.now_ms),
        schemas=InputSchemas(),
        changes=Changes(services.log, services.tail, keys),
        cargo_numbers=CargoNumbers(services.reads),
        sockets=Sockets(),
        sign_in_desk=SignInDesk(services.handler, services.email_index, services.mailer, services.settings),
        shared=shared,
        facts=FactFeed(services.tail, services.cipher, FactOwners(services.reads), shared),
        market=MarketBoard(services.reads, clock.now_ms),
        uploads=asyncio.Semaphore(UPLOADS_MAX),
        reports=asyncio.Semaphore(REPORTS_MAX),
        compilations=asyncio.Semaphore(COMPILATIONS_MAX),
    )


async def edge_of(connection: HTTPConnection) -> EdgeState:
    edge: EdgeState = connection.app.state.edge
    return edge


Edge = Annotated[EdgeState, Depends(edge_of)]


def origin_of(caller: Caller, request_id: str) -> Origin:
    """Who asked, for the log: the key or session, and the request that a person can name.

    Not the Idempotency-Key: a repetition is another command, and the state of the aggregate finds that it is done.
    """
    return Origin(command_id=request_id, actor=caller.actor, correlation_id=request_id)
