"""The caller's account: credits and what is held."""

from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import Response

from api.answers import answer
from api.authorization import Reader
from api.edge import ACCOUNTS, Edge
from api.errors import not_found
from api.owned import email_of
from api.request_fields import After
from api.routes.workloads import PYTHON_SDK
from api.shapes.account import account_shape
from domain.api_key import Scope

router = APIRouter(prefix="/account", tags=["account"])


@router.get("")
async def get_account(
    caller: Reader, edge: Edge, after: After = None, user_agent: Annotated[str, Header()] = ""
) -> Response:
    """Get the account of this key."""
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
