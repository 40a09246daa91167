"""For operators: putting right what was booked wrongly, by a new entry that names the old one."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Admin
from api.edge import LEDGER, Edge, EdgeState, origin_of
from api.errors import invalid
from api.request_fields import PLAIN_TEXT, IdempotencyKey, PathAccountId, RequestId
from api.schemas.account import Correction
from api.schemas.forms import with_data
from api.shapes.amounts import decimal_text, parse_price
from api.strict_json import StrictRoute
from domain.account import ACCOUNT
from domain.account_commands import CorrectCredits
from domain.ids import AccountId

router = APIRouter(prefix="/accounts/{account_id}/corrections", tags=["account"], route_class=StrictRoute)


def parse_amount(value: Any) -> int:
    """Credits with a sign, in micro-credits. Raises ValueError with the rule."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        value = format(Decimal(str(value)), "f")
    is_negative = isinstance(value, str) and value.startswith("-")
    return -parse_price(value[1:]) if is_negative else parse_price(value)


class CorrectionRequest(BaseModel):
    """`amount` is credits with a sign: a negative amount takes free credits back. `original` is the address of the
    event that was wrong, as the ledger lists it: `position.index`.
    """

    model_config = ConfigDict(extra="forbid")

    amount: Annotated[int, BeforeValidator(parse_amount), WithJsonSchema({"type": ["string", "number"]})]
    original: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,17}\.[0-9]{1,4}$")]
    reason: Annotated[
        str, StringConstraints(min_length=1, max_length=200, pattern=PLAIN_TEXT, strip_whitespace=True)
    ]


@router.post("", status_code=201, response_model=with_data(Correction))
async def correct_credits(
    *,
    account_id: PathAccountId,
    request: CorrectionRequest,
    caller: Admin,
    edge: Edge,
    request_id: RequestId,
    key: IdempotencyKey = None,
) -> Response:
    """Correct an account's credits. With an Idempotency-Key a correction is made once."""
    await check_concerns(edge, account_id, request.original)
    command = CorrectCredits(
        account_id=account_id,
        correction_id=key or clock.new_id(),
        original=request.original,
        amount_micro=request.amount,
        reason=request.reason,
        now_ms=clock.now_ms(),
    )
    handled = await edge.services.handler.handle(
        ACCOUNT, account_id, command, origin=origin_of(caller, request_id)
    )
    await edge.settle(LEDGER, handled.position)
    shape = {
        "account_id": account_id,
        "correction_id": command.correction_id,
        "original": request.original,
        "amount": decimal_text(request.amount),
        "credits": decimal_text(handled.state.free_micro),
        "new": bool(handled.events),
    }
    return answer({**shape, "data": shape}, status=201, position=handled.position)


async def check_concerns(edge: EdgeState, account_id: AccountId, original: str) -> None:
    """Raises `ApiError` (invalid) where the address is of no event of this account."""
    position, index = map(int, original.split("."))
    if position <= await edge.services.log.last_position():
        async for commits in edge.services.log.read(after=position - 1, up_to=position):
            commit = commits[0]
            if commit.stream == ACCOUNT.stream(account_id) and index < len(commit.events):
                return
    raise invalid("original", "must be the address of an event of this account; see its ledger")
