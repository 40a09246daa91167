"""Whose a fact is: only its owner, and keys with the scope `admin`, may follow it.

Most facts name their account; for the others the aggregate is looked up once, for it never changes hands.
"""

from collections import OrderedDict
from typing import Final

from commands.event_log import Commit
from domain.ids import AccountId, CargoSlug, IslandId, JobId
from projections.read_model import ReadModel

OWNERS_CACHED_MAX: Final = 20_000


class FactOwners:
    def __init__(self, reads: ReadModel) -> None:
        self._reads = reads
        self._owners: OrderedDict[str, AccountId] = OrderedDict()

    async def of(self, commit: Commit) -> AccountId | None:
        """None where the read side does not know the aggregate yet."""
        category, _, aggregate_id = commit.stream.partition(".")
        if category == "account":
            return AccountId(aggregate_id)
        named: AccountId | None = getattr(commit.events[0], "account_id", None)
        if named is not None:
            return named
        owner = self._owners.get(commit.stream) or await self._look_up(category, aggregate_id)
        if owner is not None:
            self._owners[commit.stream] = owner
            while len(self._owners) > OWNERS_CACHED_MAX:
                self._owners.popitem(last=False)
        return owner

    async def _look_up(self, category: str, aggregate_id: str) -> AccountId | None:
        match category:
            case "job":
                job = await self._reads.job(JobId(aggregate_id))
                return job.account_id if job else None
            case "island":
                island = await self._reads.island(IslandId(aggregate_id))
                return island.owner_id if island else None
            case "cargo":
                cargo = await self._reads.cargo(CargoSlug(aggregate_id))
                return cargo.cargo.spec.publisher_id if cargo else None
            case _:
                return None
