"""Who may call a route: the key or session in the `Authorization` header, else the session in the cookie; its scope,
and how often.

Routes name what they need as a parameter: `Reader`, `JobReader`, `Writer`, `Lender`, `Admin`, `Voucher` where a key is
welcome and not needed, or `Anyone` for the few that take no key. Whatever has no valid key is counted by its address.
"""

import hashlib
from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer, SecurityScopes

from adapters import clock
from api.edge import Edge, EdgeState
from api.envelope import state_of
from api.errors import ApiError, ErrorCode
from api.key_ring import Caller
from api.session_cookie import session_in
from domain.api_key import Scope

SCHEME: Final = "bearer "
REQUEST: Final = "request"
ENROLMENTS_PER_ADDRESS_MAX: Final = 10  # In a minute, without a key: each may leave a fact for ever.
bearer: Final = HTTPBearer(
    auto_error=False, description="An API key, `ak_` and 40 characters, or a session, `as_` and 44."
)


def key_in(header: str) -> str | None:
    """The key of an `Authorization` header, or None where there is none."""
    if header[: len(SCHEME)].lower() != SCHEME:
        return None
    return header[len(SCHEME) :].strip()


async def caller_of(
    request: Request, needed: SecurityScopes, edge: Edge, _: Annotated[object, Depends(bearer)]
) -> Caller:
    """The caller, counted as one of the key's requests. Raises `ApiError`."""
    limit = edge.services.settings.requests_per_minute
    return await admit(request, needed, edge, kind=REQUEST, limit=limit)


async def job_reader_of(
    request: Request, needed: SecurityScopes, edge: Edge, _: Annotated[object, Depends(bearer)]
) -> Caller:
    """The same for reads of jobs, which clients repeat every second and which have an allowance of their own."""
    limit = edge.services.settings.job_reads_per_minute
    return await admit(request, needed, edge, kind="job read", limit=limit)


async def anyone(request: Request, edge: Edge) -> None:
    """Counts a request without a key by its address."""
    count_anonymous(request, edge)


async def voucher_of(
    request: Request, needed: SecurityScopes, edge: Edge, _: Annotated[object, Depends(bearer)]
) -> Caller | None:
    """Who vouches for an island, or None where no key is shown."""
    if "authorization" in request.headers:
        return await admit(
            request, needed, edge, kind=REQUEST, limit=edge.services.settings.requests_per_minute
        )
    count(request, edge, f"enrolment {address_of(request)}", ENROLMENTS_PER_ADDRESS_MAX)
    return None


async def admit(
    request: Request, needed: SecurityScopes, edge: EdgeState, *, kind: str, limit: int
) -> Caller:
    text = credential_of(request, edge)
    caller = None if text is None else await known(request, edge, text)
    if caller is None:
        count_anonymous(request, edge)
        problem = "the key is unknown, expired or revoked" if text else "a key is needed"
        raise ApiError(ErrorCode.UNAUTHENTICATED, f"{problem}: send Authorization: Bearer ak_...")
    if kind == REQUEST and caller.requests_per_minute is not None:
        limit = caller.requests_per_minute
    count(request, edge, f"{kind} {caller.key_id}", limit)
    edge.services.key_uses.note(caller.key_id, now_ms=clock.now_ms())
    require(caller, needed)
    if Scope.READ not in needed.scopes:
        await edge.bans.check(caller.account_id)
    return caller


def credential_of(request: Request, edge: EdgeState) -> str | None:
    """The text of the key or session: the header's where there is one, else the cookie's."""
    header = request.headers.get("authorization")
    if header is not None:
        return key_in(header)
    return session_in(request, edge.services.settings)


async def known(request: Request, edge: EdgeState, text: str) -> Caller | None:
    """Whose key this is. Once an address has shown too many unknown ones, only those seen lately are taken from it.

    The same one shown again is no further guess: somebody may wait for a key that was made a moment ago. Raises
    `ApiError` (rate_limited).
    """
    limit = edge.services.settings.wrong_keys_per_minute
    who = f"wrong key {address_of(request)}"
    this_one = f"{who} {hashlib.sha256(text.encode()).hexdigest()}"
    is_repeated = edge.rates.is_used_up(this_one, 1)
    may_look_up = is_repeated or not edge.rates.is_used_up(who, limit)
    caller = await edge.keys.caller(text, may_look_up=may_look_up)
    if caller is None and not is_repeated:
        count(request, edge, who, limit)
        edge.rates.count(this_one, 1)
    return caller


def require(caller: Caller, needed: SecurityScopes) -> None:
    for scope in needed.scopes:
        if scope not in caller.scopes:
            raise ApiError(ErrorCode.FORBIDDEN, f"the key needs the scope {Scope(scope)}")


def count_anonymous(request: Request, edge: EdgeState) -> None:
    count(request, edge, f"address {address_of(request)}", edge.services.settings.anonymous_per_minute)


def address_of(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def count(request: Request, edge: EdgeState, who: str, limit: int) -> None:
    """Raises `ApiError` (rate_limited) when the allowance is used up; either way the answer tells what is left."""
    allowance = edge.rates.count(who, limit)
    state_of(request.scope)["rate_headers"] = allowance.headers()
    if allowance.is_exceeded:
        raise ApiError(
            ErrorCode.RATE_LIMITED,
            f"at most {limit} requests a minute",
            retry_after_s=allowance.retry_after_s,
        )


Reader = Annotated[Caller, Security(caller_of, scopes=[Scope.READ])]
JobReader = Annotated[Caller, Security(job_reader_of, scopes=[Scope.READ])]
Writer = Annotated[Caller, Security(caller_of, scopes=[Scope.WRITE])]
Lender = Annotated[Caller, Security(caller_of, scopes=[Scope.ISLANDS])]
Admin = Annotated[Caller, Security(caller_of, scopes=[Scope.ADMIN])]
Voucher = Annotated[Caller | None, Security(voucher_of, scopes=[Scope.ISLANDS])]
Anyone = Annotated[None, Depends(anyone)]
