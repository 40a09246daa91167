"""The person behind an account: whether an operator knows who it is, and whether it may still do anything here.

Its id is that of the account. A ban takes effect at the API's door: whoever is banned may read what is theirs and do
nothing more. What runs already goes on to its end and is charged and paid as agreed. Who is erased never comes back:
the key of what the person wrote is destroyed, and what was booked stays.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Final, assert_never

from domain.decider import Decider
from domain.ids import AccountId
from domain.personal import PersonalOf


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityCheckStarted:
    """The person was sent to the provider that checks identities."""

    account_id: AccountId
    session_id: str
    started_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityVerified:
    """An operator says so. `country` is ISO 3166 alpha-2, empty where it was not told."""

    account_id: AccountId
    country: str
    verified_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityReset:
    """What was known of the person counts no more."""

    account_id: AccountId
    reason: Annotated[str, PersonalOf("account_id")]
    reset_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonBanned:
    account_id: AccountId
    reason: Annotated[str, PersonalOf("account_id")]
    banned_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonUnbanned:
    account_id: AccountId
    unbanned_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonErased:
    """Asked for by the account itself or by an operator. The key of its texts is destroyed a moment later."""

    account_id: AccountId
    erased_at_ms: int


PersonEvent = (
    IdentityCheckStarted | IdentityVerified | IdentityReset | PersonBanned | PersonUnbanned | PersonErased
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartIdentityCheck:
    account_id: AccountId
    session_id: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyIdentity:
    account_id: AccountId
    country: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetIdentity:
    account_id: AccountId
    reason: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BanPerson:
    account_id: AccountId
    reason: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbanPerson:
    account_id: AccountId
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasePerson:
    account_id: AccountId
    now_ms: int


PersonCommand = StartIdentityCheck | VerifyIdentity | ResetIdentity | BanPerson | UnbanPerson | ErasePerson


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`session_id` is the check under way."""

    session_id: str | None = None
    is_verified: bool = False
    is_banned: bool = False
    is_erased: bool = False


def decide(person: Person, command: PersonCommand) -> list[PersonEvent]:
    if person.is_erased:
        return []
    account_id, now_ms = command.account_id, command.now_ms
    match command:
        case StartIdentityCheck():
            if person.session_id is not None or person.is_verified:
                return []
            return [
                IdentityCheckStarted(
                    account_id=account_id, session_id=command.session_id, started_at_ms=now_ms
                )
            ]
        case VerifyIdentity():
            if person.is_verified:
                return []
            return [IdentityVerified(account_id=account_id, country=command.country, verified_at_ms=now_ms)]
        case ResetIdentity():
            if not person.is_verified and person.session_id is None:
                return []
            return [IdentityReset(account_id=account_id, reason=command.reason, reset_at_ms=now_ms)]
        case BanPerson():
            if person.is_banned:
                return []
            return [PersonBanned(account_id=account_id, reason=command.reason, banned_at_ms=now_ms)]
        case UnbanPerson():
            return [PersonUnbanned(account_id=account_id, unbanned_at_ms=now_ms)] if person.is_banned else []
        case ErasePerson():
            return [PersonErased(account_id=account_id, erased_at_ms=now_ms)]
        case _:
            assert_never(command)


def evolve(person: Person, event: PersonEvent) -> Person:
    match event:
        case IdentityCheckStarted():
            return replace(person, session_id=event.session_id)
        case IdentityVerified():
            return replace(person, session_id=None, is_verified=True)
        case IdentityReset():
            return replace(person, session_id=None, is_verified=False)
        case PersonBanned():
            return replace(person, is_banned=True)
        case PersonUnbanned():
            return replace(person, is_banned=False)
        case PersonErased():
            return replace(person, is_banned=True, is_erased=True)
        case _:
            assert_never(event)


PERSON: Final[Decider[PersonCommand, Person, PersonEvent]] = Decider("person", Person(), decide, evolve)
