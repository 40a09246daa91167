"""All projections there are. A new one is added here; composition roots run what stands here."""

from collections.abc import Mapping
from typing import Final

from projections.accounts import Accounts
from projections.cargos import Cargos
from projections.checkpoints import Checkpoints
from projections.contract import Projection, live_schema
from projections.exchange import Exchange
from projections.jobs import Jobs
from projections.ledger import Ledger
from projections.marketplace import Marketplace
from projections.people import People
from projections.placement import Placement

PROJECTIONS: Final[tuple[Projection, ...]] = (
    Jobs(),
    Placement(),
    Accounts(),
    Ledger(),
    Cargos(),
    Exchange(),
    People(),
    Marketplace(),
    Checkpoints(),
)
BY_NAME: Final[Mapping[str, Projection]] = {projection.name: projection for projection in PROJECTIONS}
LIVE_SCHEMAS: Final = tuple(live_schema(projection) for projection in PROJECTIONS)
