"""API keys of the caller's account: list, issue, revoke. The text of a key is shown once, when it is made."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, field_validator
from starlette.responses import Response

from adapters import clock
from api.answers import answer, list_answer
from api.api_key_text import ApiKeyText, key_id_for, new_api_key
from api.authorization import Reader, Writer
from api.edge import ACCOUNTS, Edge, EdgeState, origin_of
from api.errors import ApiError, ErrorCode, not_found
from api.key_ring import Caller
from api.request_fields import After, IdempotencyKey, Name, RequestId
from api.shapes.account import api_key_shape
from api.strict_json import StrictRoute
from domain.api_key import API_KEY, IssueApiKey, RevokeApiKey, Scope
from projections.accounts import ApiKeyRow, api_key_after

router = APIRouter(prefix="/api-keys", tags=["account"], route_class=StrictRoute)

PathKey = Annotated[
    str, Path(pattern=r"^[0-9A-Za-z]{1,20}$", description="The key's number, or its 8 characters.")
]


class KeyRequest(BaseModel):
    """`scopes` is a list in one text, as `read,write`."""

    name: Name = "API Key"
    scopes: str = "read,write"

    @field_validator("scopes")
    @classmethod
    def _known(cls, value: str) -> str:
        unknown = [word for word in value.split(",") if word.strip() not in set(Scope)]
        if unknown:
            raise ValueError(f"one or more of {','.join(Scope)}, with commas between them")
        return value

    def parsed(self) -> tuple[Scope, ...]:
        return tuple(dict.fromkeys(Scope(word.strip()) for word in self.scopes.split(",")))


@router.get("")
async def list_keys(caller: Reader, edge: Edge, after: After = None) -> Response:
    """List the keys in force, newest first, without their secrets."""
    await edge.catch_up(ACCOUNTS, after)
    rows = [api_key_shape(row) for row in await edge.services.reads.api_keys(caller.account_id)]
    return list_answer("api_keys", rows, total=len(rows), limit=len(rows), offset=0)


@router.post("", status_code=201)
async def issue_key(
    request: KeyRequest, caller: Writer, edge: Edge, request_id: RequestId, key: IdempotencyKey = None
) -> Response:
    """Issue a key with scopes that this key has itself."""
    scopes = request.parsed()
    if beyond := [scope for scope in scopes if scope not in caller.scopes]:
        raise ApiError(ErrorCode.FORBIDDEN, f"scopes: this key has no {','.join(beyond)} to give")
    text = new_api_key(key_id_for(caller.account_id, key) if key else None)
    row, position = await record(
        edge=edge, caller=caller, text=text, name=request.name, scopes=scopes, request_id=request_id
    )
    await edge.settle(ACCOUNTS, position)
    shape = api_key_shape(row) | {"key": text.text}
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


async def record(
    *,
    edge: EdgeState,
    caller: Caller,
    text: ApiKeyText,
    name: str,
    scopes: tuple[Scope, ...],
    request_id: str,
) -> tuple[ApiKeyRow, int]:
    command = IssueApiKey(
        key_id=text.key_id,
        account_id=caller.account_id,
        name=name,
        prefix=text.prefix,
        secret_sha256=text.sha256,
        scopes=scopes,
        now_ms=clock.now_ms(),
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


@router.delete("/{key}")
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
