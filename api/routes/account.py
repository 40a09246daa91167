"""The caller's account: credits, what is held, and the name it goes by."""

from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Reader, Writer
from api.edge import ACCOUNTS, Edge, EdgeState, origin_of
from api.errors import not_found
from api.key_ring import Caller
from api.moment import NOW, At
from api.owned import email_of
from api.request_fields import After, Name, RequestId
from api.routes.balances import balance_answer
from api.routes.workloads import PYTHON_SDK
from api.schemas.account import Account, Balance
from api.schemas.forms import with_data
from api.shapes.account import account_shape
from api.strict_json import StrictRoute
from domain.account import ACCOUNT
from domain.account_commands import RenameAccount
from domain.api_key import Scope

router = APIRouter(prefix="/account", tags=["account"], route_class=StrictRoute)

UserAgent = Annotated[str, Header()]


class AccountChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name


@router.get("", response_model=Account | with_data(Balance))
async def get_account(
    caller: Reader, edge: Edge, at: At, after: After = None, user_agent: UserAgent = ""
) -> Response:
    """Get the account of this key; with `at`, its credits as of a moment of the past."""
    if at != NOW:
        return await balance_answer(edge, caller.account_id, at)
    await edge.catch_up(ACCOUNTS, after)
    return answer(await account_of(edge, caller, user_agent))


@router.patch("", response_model=Account)
async def change_account(
    request: AccountChange, caller: Writer, edge: Edge, request_id: RequestId, user_agent: UserAgent = ""
) -> Response:
    """Rename the account."""
    account_id = caller.account_id
    command = RenameAccount(account_id=account_id, name=request.name, now_ms=clock.now_ms())
    origin = origin_of(caller, request_id)
    handled = await edge.services.handler.handle(ACCOUNT, account_id, command, origin=origin)
    await edge.settle(ACCOUNTS, handled.position)
    return answer(await account_of(edge, caller, user_agent), position=handled.position)


async def account_of(edge: EdgeState, caller: Caller, user_agent: str) -> dict[str, Any]:
    """Raises `ApiError` (not_found)."""
    row = await edge.services.reads.account(caller.account_id)
    if row is None:
        raise not_found("account")
    return account_shape(
        row,
        email=await email_of(edge, caller.account_id),
        is_admin=Scope.ADMIN in caller.scopes,
        for_python_sdk=user_agent.startswith(PYTHON_SDK),
    )
