"""Who somebody is: how far that was checked, and the way to the provider that checks it, where there is one."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Reader, Writer
from api.edge import PEOPLE, Edge, origin_of
from api.errors import ApiError, ErrorCode
from api.request_fields import After, RequestId
from api.schemas.forms import with_data
from api.schemas.person import Verification, VerificationSession
from api.shapes.person import verification_shape
from api.strict_json import StrictRoute
from domain.person import PERSON, StartIdentityCheck

router = APIRouter(prefix="/verification", tags=["account"], route_class=StrictRoute)


class VerificationRequest(BaseModel):
    """`return_url` is where the provider sends the person back to."""

    model_config = ConfigDict(extra="forbid")

    return_url: Annotated[
        str | None, StringConstraints(max_length=500, pattern=r"^https://[^\s\x00-\x1f]+$")
    ] = None


@router.get("/status", response_model=with_data(Verification))
async def get_verification_status(caller: Reader, edge: Edge, after: After = None) -> Response:
    """How far the identity of this account is checked, and whether it is banned and why."""
    await edge.catch_up(PEOPLE, after)
    shape = verification_shape(await edge.services.people.person(caller.account_id))
    return answer({**shape, "data": shape})


@router.post("/session", response_model=with_data(VerificationSession))
async def start_verification(
    *, request: VerificationRequest | None = None, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Go to the provider that checks identities. While a check is under way, the same one is given again."""
    provider = edge.services.settings.verification_url
    if not provider:
        raise ApiError(ErrorCode.NOT_AVAILABLE, "this network has no provider that checks identities")
    command = StartIdentityCheck(
        account_id=caller.account_id, session_id=clock.new_id(), now_ms=clock.now_ms()
    )
    origin = origin_of(caller, request_id)
    handled = await edge.services.handler.handle(PERSON, caller.account_id, command, origin=origin)
    session_id = handled.state.session_id
    if session_id is None:
        raise ApiError(ErrorCode.CONFLICT, "the identity of this account is verified already")
    query = {"session_id": session_id}
    if request is not None and request.return_url is not None:
        query["return_url"] = request.return_url
    shape = {"session_id": session_id, "url": f"{provider}?{urlencode(query)}"}
    return answer({**shape, "data": shape}, position=handled.position)
