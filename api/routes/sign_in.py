"""Signing in without a password: a link is sent to one's mailbox, and the pages on which it is used."""

from typing import Annotated, Final

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from starlette.responses import Response

from adapters.email_address import CHARACTERS_MAX, email_address
from api.answers import answer
from api.authorization import Admin, Anyone, Writer, address_of, count
from api.edge import Edge, EdgeState, origin_of
from api.html_page import html_page
from api.request_fields import RequestId
from api.schemas.forms import Message
from api.sign_in_desk import EmailWanted, InvitationWanted, LinkWanted
from api.sign_in_page import ACCOUNT_PATH, SIGN_IN_PATH
from api.signing_in import origin_in
from api.strict_json import StrictRoute

router = APIRouter(tags=["account"], route_class=StrictRoute)
page_router = APIRouter()

SENT: Final = "if this address may sign in here, a link is on its way; it works once and for 15 minutes"

Email = Annotated[
    str, StringConstraints(max_length=CHARACTERS_MAX, strip_whitespace=True), AfterValidator(email_address)
]


class EmailRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Email


@router.post("/sign-in", response_model=Message)
async def ask_for_link(
    body: EmailRequest, request: Request, _: Anyone, edge: Edge, request_id: RequestId
) -> Response:
    """Have a link sent that signs in. The answer is the same for every address."""
    count_sign_in(request, edge)
    count_email(request, edge, body.email)
    edge.sign_in_desk.take(LinkWanted(email=body.email, origin=origin_in(request_id)))
    return answer({"message": SENT})


@router.put("/account/email", response_model=Message)
async def change_email(
    body: EmailRequest, request: Request, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Sign in by this address from now on, once the link that is sent to it was opened."""
    count_email(request, edge, body.email)
    wanted = EmailWanted(email=body.email, account_id=caller.account_id, origin=origin_of(caller, request_id))
    edge.sign_in_desk.take(wanted)
    return answer({"message": "if nobody else has this address, a link is on its way; open it to confirm"})


@router.post("/admin/invitations", response_model=Message)
async def invite(body: EmailRequest, caller: Admin, edge: Edge, request_id: RequestId) -> Response:
    """Let whoever reads this mailbox open an account, and send them a link."""
    edge.sign_in_desk.take(InvitationWanted(email=body.email, origin=origin_of(caller, request_id)))
    return answer({"message": "the invitation is on its way"})


def count_sign_in(request: Request, edge: EdgeState) -> None:
    """Raises `ApiError` (rate_limited)."""
    count(request, edge, f"sign-in {address_of(request)}", edge.services.settings.sign_ins_per_minute)


def count_email(request: Request, edge: EdgeState, email: str) -> None:
    """Known or not, every address has the same share. Raises `ApiError` (rate_limited)."""
    who = f"sign-in {edge.sign_in_desk.index.of(email)}"
    count(request, edge, who, edge.services.settings.sign_ins_per_minute)


@page_router.get(SIGN_IN_PATH, include_in_schema=False)
async def get_sign_in_page(_: Anyone) -> Response:
    """The page to ask for a link and to use one. Fetching it uses nothing up."""
    return html_page("sign-in.html")


@page_router.get(ACCOUNT_PATH, include_in_schema=False)
async def get_account_page(_: Anyone) -> Response:
    """The page of one's own account."""
    return html_page("my-account.html")
