"""What an operator knows of people and decides: verified, reset, banned, unbanned. Reasons stand in the log, sealed."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Admin
from api.edge import PEOPLE, Edge, EdgeState, origin_of
from api.errors import ApiError, ErrorCode, not_found
from api.key_ring import Caller
from api.request_fields import PLAIN_TEXT, After, Offset, PathAccountId, RequestId
from api.schemas.forms import with_data
from api.schemas.person import CheckedUser, UserCounts, UserPage
from api.shapes.person import session_shapes, user_shape
from api.strict_json import StrictRoute
from domain.ids import AccountId
from domain.person import PERSON, BanPerson, PersonCommand, ResetIdentity, UnbanPerson, VerifyIdentity

USERS_LISTED_MAX: Final = 500

router = APIRouter(prefix="/admin/verification", tags=["admin"], route_class=StrictRoute)

Status = Literal["all", "unverified", "pending", "verified", "rejected", "banned"]
Search = Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9_.-]*$", description="Part of an id.")]


class UserReasonRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[
        str, StringConstraints(min_length=1, max_length=200, pattern=PLAIN_TEXT, strip_whitespace=True)
    ]


class VerifyRequest(BaseModel):
    """`country` is ISO 3166 alpha-2."""

    model_config = ConfigDict(extra="forbid")

    country: Annotated[str, StringConstraints(pattern=r"^([A-Z]{2})?$")] = ""


@router.get("/stats", response_model=with_data(UserCounts))
async def get_verification_stats(_: Admin, edge: Edge) -> Response:
    """How many people are verified, and how many are banned."""
    count = await edge.services.people.count()
    shape = {
        "total": count.total,
        "unverified": count.unverified,
        "pending": count.pending,
        "verified": count.verified,
        "rejected": 0,
        "banned": count.banned,
    }
    return answer({**shape, "data": shape})


@router.get("/users", response_model=UserPage)
async def list_users(
    *,
    _: Admin,
    edge: Edge,
    status: Status = "all",
    search: Search = "",
    limit: Annotated[int, Query(ge=1, le=USERS_LISTED_MAX)] = 50,
    offset: Offset = 0,
    after: After = None,
) -> Response:
    """List accounts, newest first, by how far they are checked."""
    await edge.catch_up(PEOPLE, after)
    if status == "rejected":  # A word that clients know; nobody stands so here.
        return users_answer([], total=0, limit=limit, offset=offset)
    wanted = None if status == "all" else status
    page = await edge.services.people.account_ids(limit, offset, status=wanted, search=search)
    rows = [await user_of(edge, account_id) for account_id in page.rows]
    return users_answer(rows, total=page.total, limit=limit, offset=offset)


def users_answer(rows: list[dict[str, Any]], *, total: int, limit: int, offset: int) -> Response:
    meta = {"total": total, "limit": limit, "offset": offset}
    return answer({"users": rows, "count": len(rows), "data": rows, "meta": meta})


@router.get("/users/{account_id}", response_model=with_data(CheckedUser))
async def get_user(account_id: PathAccountId, _: Admin, edge: Edge, after: After = None) -> Response:
    """Get one account and the checks of its identity."""
    await edge.catch_up(PEOPLE, after)
    return await user_answer(edge, account_id)


@router.post("/users/{account_id}/verify", response_model=with_data(CheckedUser))
async def verify_user(
    *,
    account_id: PathAccountId,
    request: VerifyRequest | None = None,
    caller: Admin,
    edge: Edge,
    request_id: RequestId,
) -> Response:
    """Say that this person is who they say."""
    country = request.country if request else ""
    command = VerifyIdentity(account_id=account_id, country=country, now_ms=clock.now_ms())
    return await decide(edge, caller, command, request_id)


@router.post("/users/{account_id}/reset", response_model=with_data(CheckedUser))
async def reset_user(
    account_id: PathAccountId, request: UserReasonRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Take that word back."""
    command = ResetIdentity(account_id=account_id, reason=request.reason, now_ms=clock.now_ms())
    return await decide(edge, caller, command, request_id)


@router.post("/users/{account_id}/ban", response_model=with_data(CheckedUser))
async def ban_user(
    account_id: PathAccountId, request: UserReasonRequest, caller: Admin, edge: Edge, request_id: RequestId
) -> Response:
    """Ban an account: from now on it reads and does nothing more. Its running jobs end as they would have."""
    if account_id == caller.account_id:
        raise ApiError(ErrorCode.CONFLICT, "account_id: an operator does not ban its own account")
    command = BanPerson(account_id=account_id, reason=request.reason, now_ms=clock.now_ms())
    return await decide(edge, caller, command, request_id)


@router.post("/users/{account_id}/unban", response_model=with_data(CheckedUser))
async def unban_user(account_id: PathAccountId, caller: Admin, edge: Edge, request_id: RequestId) -> Response:
    """End a ban."""
    command = UnbanPerson(account_id=account_id, now_ms=clock.now_ms())
    return await decide(edge, caller, command, request_id)


async def decide(edge: EdgeState, caller: Caller, command: PersonCommand, request_id: str) -> Response:
    account_id = command.account_id
    if await edge.services.reads.account(account_id) is None:
        raise not_found(f"account {account_id}")
    origin = origin_of(caller, request_id)
    handled = await edge.services.handler.handle(PERSON, account_id, command, origin=origin)
    await edge.settle(PEOPLE, handled.position)
    edge.bans.forget(account_id)
    return await user_answer(edge, account_id, position=handled.position)


async def user_answer(edge: EdgeState, account_id: AccountId, *, position: int | None = None) -> Response:
    row = await edge.services.people.person(account_id)
    body = {"user": await user_of(edge, account_id), "verification_sessions": session_shapes(row)}
    return answer({**body, "data": body}, position=position)


async def user_of(edge: EdgeState, account_id: AccountId) -> dict[str, Any]:
    """Raises `ApiError` (not_found)."""
    account = await edge.services.reads.account(account_id)
    if account is None:
        raise not_found(f"account {account_id}")
    return user_shape(account, await edge.services.people.person(account_id))
