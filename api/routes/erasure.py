"""Erasing an account: first what would be lost, then, with a sentence typed by a person, for good.

Answered as soon as it is written down; `api.erasing` carries it out a moment later.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Admin, Reader, Writer
from api.edge import PEOPLE, Edge, EdgeState, origin_of
from api.errors import ApiError, ErrorCode, invalid, not_found
from api.key_ring import Caller
from api.local_account import LOCAL_ACCOUNT
from api.request_fields import PathAccountId, RequestId
from api.schemas.account import Erasure, ErasurePreview
from api.schemas.forms import with_data
from api.shapes.amounts import decimal_text
from api.strict_json import StrictRoute
from domain.account import ACCOUNT
from domain.ids import NETWORK_ACCOUNT, AccountId
from domain.person import PERSON, ErasePerson

OF_THE_NETWORK: Final = (NETWORK_ACCOUNT, LOCAL_ACCOUNT)

router = APIRouter(tags=["account"], route_class=StrictRoute)


class ErasureRequest(BaseModel):
    """`confirm` is `erase` and the id of the account, as in `erase account-1`."""

    model_config = ConfigDict(extra="forbid")

    confirm: Annotated[str, StringConstraints(max_length=200)]


@router.get("/account/erasure", response_model=with_data(ErasurePreview))
async def preview_own_erasure(caller: Reader, edge: Edge) -> Response:
    """Say what erasing this account would end, and what stands in its way."""
    return await preview(edge, caller.account_id)


@router.post("/account/erase", status_code=202, response_model=with_data(Erasure))
async def erase_own_account(
    request: ErasureRequest, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Erase this account for good. What was booked stays."""
    return await erase(edge, caller, caller.account_id, request, request_id)


@router.get("/accounts/{account_id}/erasure", response_model=with_data(ErasurePreview))
async def preview_erasure(account_id: PathAccountId, _: Admin, edge: Edge) -> Response:
    """For operators: say what erasing an account would end, and what stands in its way."""
    return await preview(edge, account_id)


@router.post("/accounts/{account_id}/erase", status_code=202, response_model=with_data(Erasure))
async def erase_account(
    account_id: PathAccountId, request: ErasureRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """For operators: erase an account for good. What was booked stays."""
    return await erase(edge, caller, account_id, request, request_id)


async def preview(edge: EdgeState, account_id: AccountId) -> Response:
    shape = await erasure_shape(edge, account_id)
    return answer({**shape, "data": shape})


async def erasure_shape(edge: EdgeState, account_id: AccountId) -> dict[str, Any]:
    """Raises `ApiError` (not_found)."""
    row = await edge.services.reads.account(account_id)
    if row is None:
        raise not_found(f"account {account_id}")
    account = await edge.services.handler.state(ACCOUNT, account_id)
    return {
        "account_id": account_id,
        "name": row.name,
        "open_jobs": len(account.holds_micro),
        "keys": len(await edge.services.reads.api_keys(account_id)),
        "islands": (await edge.services.reads.islands(account_id, limit=1)).total,
        "credits_left": decimal_text(account.free_micro),
        "erased": (await edge.services.handler.state(PERSON, account_id)).is_erased,
        "confirm": confirmation_of(account_id),
    }


async def erase(
    edge: EdgeState, caller: Caller, account_id: AccountId, request: ErasureRequest, request_id: str
) -> Response:
    """Raises `ApiError`: not_found, conflict where the account may not go yet, invalid without the right sentence."""
    shape = await erasure_shape(edge, account_id)
    if account_id in OF_THE_NETWORK:
        raise ApiError(ErrorCode.CONFLICT, "account_id: this account is the network's own")
    if shape["islands"]:
        raise ApiError(ErrorCode.CONFLICT, "account_id: it owns islands; remove them first")
    if request.confirm != confirmation_of(account_id):
        raise invalid("confirm", f"must be `{confirmation_of(account_id)}`: nothing can bring it back")
    command = ErasePerson(account_id=account_id, now_ms=clock.now_ms())
    origin = origin_of(caller, request_id)
    handled = await edge.services.handler.handle(PERSON, account_id, command, origin=origin)
    edge.bans.forget(account_id)
    await edge.settle(PEOPLE, handled.position)
    message = "the account is being erased; its keys end now"
    body = {"message": message, "account_id": account_id, "new": bool(handled.events)}
    return answer({**body, "data": body}, status=202, position=handled.position)


def confirmation_of(account_id: AccountId) -> str:
    return f"erase {account_id}"
