"""Objects of the caller's own account. Whatever belongs to somebody else does not exist: `not_found`, never
`forbidden`.
"""

from api.edge import EdgeState
from api.errors import invalid, not_found
from api.key_ring import Caller
from domain.api_key import Scope
from domain.ids import AccountId, IslandId, JobId
from domain.island import ISLAND
from domain.island_events import IslandEnrolled, IslandPaired
from domain.island_state import Membership
from projections.jobs import JobRow
from projections.placement import IslandRow


async def owned_job(edge: EdgeState, caller: Caller, job_id: JobId) -> JobRow:
    """Raises `ApiError` (not_found)."""
    row = await edge.services.reads.job(job_id)
    if row is None or row.account_id != caller.account_id:
        raise not_found(f"job {job_id}")
    return row


async def owned_island(edge: EdgeState, caller: Caller, island_id: IslandId) -> IslandRow:
    """Raises `ApiError` (not_found)."""
    row = await edge.services.reads.island(island_id)
    if row is None or row.is_removed or row.owner_id != caller.account_id:
        raise not_found(f"host {island_id}")
    return row


async def check_owns_island(edge: EdgeState, caller: Caller, island_id: IslandId) -> None:
    """The same before a command, ahead of any projection. Raises `ApiError` (not_found)."""
    island = await edge.services.handler.state(ISLAND, island_id)
    if island.is_removed or island.owner_id != caller.account_id:
        raise not_found(f"host {island_id}")


async def check_may_see_island(edge: EdgeState, caller: Caller, island_id: IslandId) -> None:
    """An own island, or any for an operator, also one that has left. Raises `ApiError` (not_found)."""
    island = await edge.services.handler.state(ISLAND, island_id)
    is_operator = Scope.ADMIN in caller.scopes and island.membership is not Membership.UNKNOWN
    if not is_operator and (island.is_removed or island.owner_id != caller.account_id):
        raise not_found(f"host {island_id}")


async def email_of(edge: EdgeState, account_id: AccountId) -> str:
    """The address by which the account signs in, empty where it has none."""
    row = await edge.services.sign_ins.email(account_id)
    return "" if row is None else row.email


async def check_ever_owned_island(edge: EdgeState, caller: Caller, island_id: IslandId) -> None:
    """An own island that nobody else has owned, or any for an operator: a month of the past may be another owner's.

    Raises `ApiError` (not_found, invalid).
    """
    await check_may_see_island(edge, caller, island_id)
    if Scope.ADMIN in caller.scopes:
        return
    history = await edge.services.log.history(ISLAND.stream(island_id))
    owners = {
        event.owner_id
        for commit in history
        for event in commit.events
        if isinstance(event, IslandEnrolled | IslandPaired) and event.owner_id is not None
    }
    if owners != {caller.account_id}:
        raise invalid("island", "had another owner before; leave it out to see what it did for you")
