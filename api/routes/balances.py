"""What any account had, now or at any moment of the past, from its own history in the log. For operators."""

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import answer
from api.authorization import Admin
from api.edge import Edge, EdgeState
from api.errors import not_found
from api.moment import At, bounded, standing
from api.request_fields import PathAccountId
from api.schemas.account import Balance
from api.schemas.forms import with_data
from api.shapes.as_of import balance_shape
from commands.as_of import balance_at
from commands.karma_statement import Moment
from domain.ids import AccountId

router = APIRouter(prefix="/accounts/{account_id}/balance", tags=["account"])


@router.get("", response_model=with_data(Balance))
async def get_balance(account_id: PathAccountId, _: Admin, edge: Edge, at: At) -> Response:
    """Get what an account had: free, held for jobs and in escrow, now or as of a moment of the past."""
    return await balance_answer(edge, account_id, at)


async def balance_answer(edge: EdgeState, account_id: AccountId, moment: Moment) -> Response:
    """Raises `ApiError`: not_found where it was not open yet."""
    where = await standing(edge, moment)
    with bounded():
        balance = await balance_at(edge.services.past, account_id, where.position)
    if balance.opened_at_ms is None:
        raise not_found(f"account {account_id} at that time")
    return answer(balance_shape(account_id, balance, where))
