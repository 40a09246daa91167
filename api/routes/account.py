"""The caller's account: credits and what is held."""

from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import Response

from api.answers import answer
from api.authorization import Reader
from api.edge import ACCOUNTS, Edge
from api.errors import not_found
from api.moment import NOW, At
from api.owned import email_of
from api.request_fields import After
from api.routes.balances import balance_answer
from api.routes.workloads import PYTHON_SDK
from api.shapes.account import account_shape
from domain.api_key import Scope

router = APIRouter(prefix="/account", tags=["account"])


@router.get("")
async def get_account(
    caller: Reader, edge: Edge, at: At, after: After = None, user_agent: Annotated[str, Header()] = ""
) -> Response:
    """Get the account of this key; with `at`, its credits as of a moment of the past."""
    if at != NOW:
        return await balance_answer(edge, caller.account_id, at)
    await edge.catch_up(ACCOUNTS, after)
    row = await edge.services.reads.account(caller.account_id)
    if row is None:
        raise not_found("account")
    shape = account_shape(
        row,
        email=await email_of(edge, caller.account_id),
        is_admin=Scope.ADMIN in caller.scopes,
        for_python_sdk=user_agent.startswith(PYTHON_SDK),
    )
    return answer(shape)
