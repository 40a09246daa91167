"""The bid of a submission: what the request names, else what is known about the account's wishes and the market.

Called by the routes that submit jobs.
"""

from typing import Protocol

from adapters import clock
from api.edge import EdgeState
from domain.account import ACCOUNT
from domain.bid import Bid, Wishes, bid_for
from domain.cargo_spec import CargoSpec
from domain.exchange import EXCHANGE, RATE_VALID_MS, Exchange
from domain.ids import AccountId, JobId
from domain.pricing import PriceUnit


class Priced(Protocol):
    """A request that may name prices, in micro-credits."""

    @property
    def bid_price(self) -> int | None: ...

    @property
    def unit_price(self) -> int | None: ...

    @property
    def redundancy(self) -> int | None: ...


async def bid_of(
    edge: EdgeState, account_id: AccountId, job_id: JobId, cargo: CargoSpec, request: Priced
) -> Bid:
    """The bid of one job. A request that is repeated before its job was recorded bids what it holds already."""
    account = await edge.services.handler.state(ACCOUNT, account_id)
    saved_micro = account.saved_bids.get(cargo.slug)
    own_micro = request.bid_price if cargo.price_unit is PriceUnit.JOB else request.unit_price
    is_said = own_micro is not None or saved_micro is not None
    # From the log: a job can be submitted while the read side is away.
    exchange = Exchange() if is_said else await edge.services.handler.state(EXCHANGE, cargo.slug)
    wishes = Wishes(
        job_micro=request.bid_price or account.holds_micro.get(job_id),
        unit_micro=request.unit_price,
        saved_micro=saved_micro,
        rate_micro=exchange.rate_micro(clock.now_ms() - RATE_VALID_MS),
    )
    return bid_for(cargo, wishes, runs=request.redundancy or 1)
