"""How an island joins: a nonce, an enrolment signed with both its keys, and a new document before the old one ends.

None of it needs an API key: the island proves who it is. Enrolled without one, it may say hello and no more until its
owner has paired it.
"""

from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from adapters import clock
from adapters.enrolment_proof import Purpose
from api.answers import answer
from api.authorization import Anyone, Voucher, key_in
from api.edge import Edge, EdgeState, origin_of
from api.errors import ApiError, ErrorCode
from api.island_allowance import check_room
from api.island_proofs import Encoded, Proof
from api.key_ring import Caller
from api.nonces import LIFE_S
from api.pairing_page import pair_url
from api.request_fields import Name, RequestId, Word
from api.schemas.forms import with_data
from api.schemas.host import Admission, Nonce
from api.shapes.present import present
from api.strict_json import StrictRoute
from commands.event_log import Origin
from domain.ids import IslandId
from domain.island import ISLAND
from domain.island_commands import EnrolIsland
from domain.island_state import Island, Membership

NEW_ISLANDS_MAX: Final = 60  # In a minute, without a key, from all addresses: each is a fact for ever.

router = APIRouter(prefix="/islands", tags=["hosts"], route_class=StrictRoute)


class EnrolRequest(Proof):
    """`platform` is checked here and told again when the island registers."""

    name: Name
    platform: Word
    account_signature: Encoded


class RenewRequest(Proof):
    """Signed with the user key alone: that is what is renewed."""


@router.get("/nonce", response_model=with_data(Nonce))
async def get_nonce(edge: Edge, _: Anyone) -> Response:
    """Take a nonce to sign."""
    shape = {"nonce": edge.nonces.new(), "expires_in_seconds": LIFE_S}
    return answer({**shape, "data": shape})


@router.post("/enrol", status_code=201, response_model=with_data(Admission))
async def enrol_island(
    enrolment: EnrolRequest, request: Request, caller: Voucher, edge: Edge, request_id: RequestId
) -> Response:
    """Enrol an island by its keys. With an API key it is that account's at once; without one it waits to be paired.

    Repeating it changes nothing and gives a new document; another user key replaces the one before.
    """
    api_key = key_in(request.headers.get("authorization", ""))
    enrolment.check(Purpose.ENROL, edge.nonces, api_key=api_key)
    enrolment.check_signature(
        Purpose.ENROL,
        enrolment.account_key,
        enrolment.account_signature,
        field="account_signature",
        api_key=api_key,
    )
    island_id = IslandId(enrolment.account_key)
    if caller is None:
        await bound_new_islands(edge, island_id, enrolment.user_key)
    else:
        await bound_owned_islands(edge, island_id, caller)
    command = EnrolIsland(
        island_id=island_id,
        owner_id=caller.account_id if caller else None,
        name=enrolment.name,
        user_key=enrolment.user_key,
        now_ms=clock.now_ms(),
        needs_review=edge.services.settings.review_islands,
    )
    origin = (
        origin_of(caller, request_id)
        if caller
        else Origin(command_id=request_id, actor=f"island.{island_id}", correlation_id=request_id)
    )
    handled = await edge.services.handler.handle(ISLAND, island_id, command, origin=origin)
    # The island reads nothing of ours; whoever looks for it asks ?after= the position in the answer.
    shape = await admission(edge, island_id, handled.state, handled.position)
    return answer({**shape, "data": shape}, status=201, position=handled.position)


async def bound_new_islands(edge: EdgeState, island_id: IslandId, user_key: str) -> None:
    """Counts what would leave a fact; an island that only comes back is let in. Raises `ApiError` (rate_limited)."""
    island = await edge.services.handler.recent_state(ISLAND, island_id)
    if island.user_key == user_key and not island.is_removed:
        return
    allowance = edge.rates.count("new islands", NEW_ISLANDS_MAX)
    if allowance.is_exceeded:
        raise ApiError(
            ErrorCode.RATE_LIMITED,
            f"at most {NEW_ISLANDS_MAX} new islands a minute join without an API key",
            retry_after_s=allowance.retry_after_s,
        )


async def bound_owned_islands(edge: EdgeState, island_id: IslandId, caller: Caller) -> None:
    """An island that only comes back is let in. Raises `ApiError` (islands_exceeded)."""
    island = await edge.services.handler.recent_state(ISLAND, island_id)
    if island.owner_id != caller.account_id or island.is_removed:
        await check_room(edge, caller.account_id)


@router.post("/renew", response_model=with_data(Admission))
async def renew_document(renewal: RenewRequest, edge: Edge, _: Anyone) -> Response:
    """Renew the document an island connects with."""
    renewal.check(Purpose.RENEW, edge.nonces)
    island_id = IslandId(renewal.account_key)
    island = await edge.services.handler.state(ISLAND, island_id)
    if island.membership is Membership.UNKNOWN:
        raise ApiError(ErrorCode.NOT_FOUND, "account_key: no island has it; enrol first")
    if island.is_removed:
        raise ApiError(ErrorCode.ISLAND_REMOVED, "the island was removed by its owner; enrol it again")
    if island.user_key != renewal.user_key:
        raise ApiError(ErrorCode.KEY_REVOKED, "user_key: does not count any more; enrol with a new one")
    # Whatever the registrar has read so far: what comes later reaches the server without being asked.
    shape = await admission(edge, island_id, island, position=0)
    return answer({**shape, "data": shape})


async def admission(edge: EdgeState, island_id: IslandId, island: Island, position: int) -> dict[str, Any]:
    """What the island needs to reach the fabric. Raises `NoDocuments`."""
    documents = await edge.services.registrar.documents(island_id, position)
    return present(
        {
            "host_id": island_id,
            "name": island.name,  # The first enrolment and its owner settle it.
            "status": "paired" if island.is_paired else "pending",
            "nats_url": edge.services.settings.nats_url_of_islands,
            "user_jwt": documents.user_jwt,
            "expires_at_s": documents.expires_at_s,
            "pair_url": pair_url(edge.services.settings),
        }
    )
