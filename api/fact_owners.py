"""Whose a fact is: only its owner, and keys with the scope `admin`, may follow it.

Most facts name their account; for the others the aggregate is looked up once, for it never changes hands. An island
may: removed by one account and paired by another it is looked up each time.
"""

from collections import OrderedDict
from typing import Final

from commands.event_log import Commit
from domain.ids import AccountId, CargoSlug, IslandId, JobId
from projections.read_model import ReadModel

OWNERS_CACHED_MAX: Final = 20_000
OF_ONE_ACCOUNT: Final = frozenset({"job", "batch"})
"""Categories whose first event names the account they belong to for ever: later events need no look-up."""


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
            if category in OF_ONE_ACCOUNT:
                self._remember(commit.stream, named)
            return named
        if category == "island":
            return owner_named(commit) or await self._owner_of_island(IslandId(aggregate_id))
        owner = self._owners.get(commit.stream) or await self._look_up(category, aggregate_id)
        if owner is not None:
            self._remember(commit.stream, owner)
        return owner

    def _remember(self, stream: str, owner: AccountId) -> None:
        self._owners[stream] = owner
        while len(self._owners) > OWNERS_CACHED_MAX:
            self._owners.popitem(last=False)

    async def _look_up(self, category: str, aggregate_id: str) -> AccountId | None:
        match category:
            case "job" | "batch" | "check":
                job = await self._reads.job(JobId(aggregate_id))
                return job.account_id if job else None
            case "cargo":
                cargo = await self._reads.cargo(CargoSlug(aggregate_id))
                return cargo.cargo.spec.publisher_id if cargo else None
            case _:
                return None

    async def _owner_of_island(self, island_id: IslandId) -> AccountId | None:
        island = await self._reads.island(island_id)
        return island.owner_id if island and not island.is_removed else None


def owner_named(commit: Commit) -> AccountId | None:
    """Whose the island is by these very facts, ahead of the read side."""
    owners = (getattr(event, "owner_id", None) for event in commit.events)
    return next((owner for owner in owners if owner is not None), None)
