"""API keys of the caller's account: list, issue, revoke. The text of a key is shown once, when it is made."""

from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, Field, field_validator
from starlette.responses import Response

from adapters import clock
from api.answers import answer, list_answer
from api.api_key_text import ApiKeyText, key_id_for, new_api_key
from api.authorization import Reader, Writer
from api.edge import ACCOUNTS, Edge, EdgeState, origin_of
from api.errors import ApiError, ErrorCode, not_found
from api.key_ring import Caller
from api.request_fields import After, IdempotencyKey, Name, RequestId
from api.schemas.account import ApiKey, KeyRevoked, NewApiKey
from api.schemas.forms import page_of
from api.shapes.account import api_key_shape
from api.strict_json import StrictRoute
from domain.api_key import API_KEY, IssueApiKey, RevokeApiKey, Scope
from projections.accounts import ApiKeyRow, api_key_after

router = APIRouter(prefix="/api-keys", tags=["account"], route_class=StrictRoute)

PathKey = Annotated[
    str, Path(pattern=r"^[0-9A-Za-z]{1,20}$", description="The key's number, or its 8 characters.")
]


API_KEYS_MAX: Final = 20  # In force in one account: enough to change every program's key without a gap.


class KeyRequest(BaseModel):
    """`scopes` is a list in one text, as `read,write`. Without `expires_at` the key holds until it is revoked."""

    name: Name = "API Key"
    scopes: str = "read,write"
    expires_at: AwareDatetime | None = None
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    @field_validator("scopes")
    @classmethod
    def _known(cls, value: str) -> str:
        unknown = [word for word in value.split(",") if word.strip() not in set(Scope)]
        if unknown:
            raise ValueError(f"one or more of {','.join(Scope)}, with commas between them")
        return value

    @property
    def expires_at_ms(self) -> int | None:
        return None if self.expires_at is None else int(self.expires_at.timestamp() * 1000)

    def parsed(self) -> tuple[Scope, ...]:
        return tuple(dict.fromkeys(Scope(word.strip()) for word in self.scopes.split(",")))


@router.get("", response_model=page_of("api_keys", ApiKey))
async def list_keys(caller: Reader, edge: Edge, after: After = None) -> Response:
    """List the keys in force, newest first, without their secrets."""
    await edge.catch_up(ACCOUNTS, after)
    found = await edge.services.reads.api_keys(caller.account_id)
    used_at_ms = await edge.services.key_uses.last_used([row.key_id for row in found])
    rows = [api_key_shape(row, used_at_ms.get(row.key_id)) for row in found]
    return list_answer("api_keys", rows, total=len(rows), limit=len(rows), offset=0)


@router.post("", status_code=201, response_model=NewApiKey)
async def issue_key(
    request: KeyRequest, caller: Writer, edge: Edge, request_id: RequestId, key: IdempotencyKey = None
) -> Response:
    """Issue a key that may do no more than this one."""
    check_rights(edge, caller, request)
    await check_room(edge, caller)
    text = new_api_key(key_id_for(caller.account_id, key) if key else None)
    row, position = await record(edge, caller, text, request, request_id=request_id)
    await edge.settle(ACCOUNTS, position)
    shape = api_key_shape(row, None) | {"key": text.text}
    data = {
        **shape["data"],
        "scopes": shape["scopes"],
        "key_prefix": row.prefix,
        "key": text.text,
        "api_key": text.text,
        "data": shape["data"],
    }
    body = {"message": "shown once: keep the key now", "api_key": shape, "key": text.text, "data": data}
    return answer(body, status=201, position=position)


def check_rights(edge: EdgeState, caller: Caller, request: KeyRequest) -> None:
    """A key gives no scope, no time and no rate that it lacks. Raises `ApiError` (forbidden)."""
    if beyond := [scope for scope in request.parsed() if scope not in caller.scopes]:
        raise ApiError(ErrorCode.FORBIDDEN, f"scopes: this key has no {','.join(beyond)} to give")
    most = caller.requests_per_minute or edge.services.settings.requests_per_minute
    wanted = request.requests_per_minute
    is_more = most < wanted if wanted is not None else caller.requests_per_minute is not None
    if is_more and Scope.ADMIN not in caller.scopes:
        raise ApiError(ErrorCode.FORBIDDEN, f"requests_per_minute: this key has at most {most} to give")
    ends_ms = request.expires_at_ms
    is_longer = caller.expires_at_ms is not None and (ends_ms is None or ends_ms > caller.expires_at_ms)
    if is_longer and not caller.is_session:
        raise ApiError(
            ErrorCode.FORBIDDEN, "expires_at: this key ends itself, so it gives none that lasts longer"
        )


async def check_room(edge: EdgeState, caller: Caller) -> None:
    """Raises `ApiError` (conflict) for an account that has `API_KEYS_MAX`. Two requests at once may both pass."""
    now_ms = clock.now_ms()
    rows = await edge.services.reads.api_keys(caller.account_id)
    in_force = [row for row in rows if row.expires_at_ms is None or row.expires_at_ms > now_ms]
    if len(in_force) >= API_KEYS_MAX:
        raise ApiError(
            ErrorCode.CONFLICT, f"an account has at most {API_KEYS_MAX} keys in force: revoke one first"
        )


async def record(
    edge: EdgeState, caller: Caller, text: ApiKeyText, request: KeyRequest, *, request_id: str
) -> tuple[ApiKeyRow, int]:
    command = IssueApiKey(
        key_id=text.key_id,
        account_id=caller.account_id,
        name=request.name,
        prefix=text.prefix,
        secret_sha256=text.sha256,
        scopes=request.parsed(),
        now_ms=clock.now_ms(),
        expires_at_ms=request.expires_at_ms,
        requests_per_minute=request.requests_per_minute,
    )
    handled = await edge.services.handler.handle(
        API_KEY, text.key_id, command, origin=origin_of(caller, request_id)
    )
    if not handled.events:
        message = "Idempotency-Key: made a key before, and its text was shown then; use a new one"
        raise ApiError(ErrorCode.CONFLICT, message)
    row = api_key_after(None, handled.events[0], handled.position)
    assert row is not None
    return row, handled.position


@router.delete("/{key}", response_model=KeyRevoked)
async def revoke_key(key: PathKey, caller: Writer, edge: Edge, request_id: RequestId) -> Response:
    """Revoke a key, at once and everywhere."""
    key_id = await key_id_of(edge, caller, key)
    command = RevokeApiKey(key_id=key_id, account_id=caller.account_id, now_ms=clock.now_ms())
    handled = await edge.services.handler.handle(
        API_KEY, key_id, command, origin=origin_of(caller, request_id)
    )
    edge.keys.revoke(key_id)
    await edge.settle(ACCOUNTS, handled.position)
    return answer({"message": "the key is revoked", "key_id": key_id}, position=handled.position)


async def key_id_of(edge: EdgeState, caller: Caller, key: str) -> str:
    """A key is named by its public number or by its own 8 characters. Raises `ApiError` (not_found)."""
    for row in await edge.services.reads.api_keys(caller.account_id):
        if key in {str(row.created_position), row.key_id}:
            return row.key_id
    raise not_found(f"key {key}")
