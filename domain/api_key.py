"""An API key: what a program shows to act for an account. Only a hash of the secret is ever stored.

The key's text is made at the edge, shown once and forgotten. Revoking is final and takes effect everywhere at once.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, assert_never

from domain.decider import Decider
from domain.ids import AccountId
from domain.personal import PersonalOf
from domain.rejection import Rejected, Rejection


class Scope(StrEnum):
    """What a key may do: read, change, lend islands, administer."""

    READ = "read"
    WRITE = "write"
    ISLANDS = "islands"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyIssued:
    """Without `expires_at_ms` it holds until it is revoked; without `requests_per_minute` the network's own number
    counts.
    """

    key_id: str
    account_id: AccountId
    name: Annotated[str, PersonalOf("account_id")]
    prefix: str
    secret_sha256: str
    scopes: tuple[Scope, ...]
    issued_at_ms: int
    expires_at_ms: int | None = None
    requests_per_minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRevoked:
    key_id: str
    account_id: AccountId
    revoked_at_ms: int


ApiKeyEvent = ApiKeyIssued | ApiKeyRevoked


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueApiKey:
    key_id: str
    account_id: AccountId
    name: str
    prefix: str
    secret_sha256: str
    scopes: tuple[Scope, ...]
    now_ms: int
    expires_at_ms: int | None = None
    requests_per_minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeApiKey:
    """Only the owning account may revoke; to everybody else the key does not exist."""

    key_id: str
    account_id: AccountId
    now_ms: int


ApiKeyCommand = IssueApiKey | RevokeApiKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    account_id: AccountId | None = None
    is_revoked: bool = False


def decide(key: ApiKey, command: ApiKeyCommand) -> list[ApiKeyEvent]:
    match command:
        case IssueApiKey():
            return issue(key, command)
        case RevokeApiKey():
            return revoke(key, command)
        case _:
            assert_never(command)


def issue(key: ApiKey, command: IssueApiKey) -> list[ApiKeyEvent]:
    if not command.scopes:
        raise Rejected(Rejection.SCOPES_EMPTY, "scopes: at least one is needed")
    if key.account_id is not None:
        return []
    if command.expires_at_ms is not None and command.expires_at_ms <= command.now_ms:
        raise Rejected(Rejection.EXPIRY_PAST, "expires_at: must be in the future")
    return [
        ApiKeyIssued(
            key_id=command.key_id,
            account_id=command.account_id,
            name=command.name,
            prefix=command.prefix,
            secret_sha256=command.secret_sha256,
            scopes=command.scopes,
            issued_at_ms=command.now_ms,
            expires_at_ms=command.expires_at_ms,
            requests_per_minute=command.requests_per_minute,
        )
    ]


def revoke(key: ApiKey, command: RevokeApiKey) -> list[ApiKeyEvent]:
    if key.account_id != command.account_id:
        raise Rejected(Rejection.KEY_UNKNOWN, f"no key {command.key_id} in this account")
    if key.is_revoked:
        return []
    return [ApiKeyRevoked(key_id=command.key_id, account_id=command.account_id, revoked_at_ms=command.now_ms)]


def evolve(key: ApiKey, event: ApiKeyEvent) -> ApiKey:
    match event:
        case ApiKeyIssued():
            return ApiKey(account_id=event.account_id)
        case ApiKeyRevoked():
            return replace(key, is_revoked=True)
        case _:
            assert_never(event)


API_KEY: Decider[ApiKeyCommand, ApiKey, ApiKeyEvent] = Decider("api_key", ApiKey(), decide, evolve)
