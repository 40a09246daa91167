"""Answers about persons: how far an identity is checked, and what operators decided."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from api.schemas.fields import Instant
from api.schemas.forms import PageMeta

KycStatus = Literal["unverified", "pending", "verified", "rejected"]


class Verification(TypedDict):
    """How far somebody's identity is checked. `rejected` is a word that clients know; it is never said."""

    kyc_status: KycStatus
    kyc_verified_at: NotRequired[Instant]
    kyc_verified_country: NotRequired[str]
    kyc_manually_verified: bool
    banned: bool
    banned_at: NotRequired[Instant]
    ban_reason: NotRequired[str]


class VerificationSession(TypedDict):
    """Where the identity is checked: a page of the provider."""

    session_id: str
    url: str


class User(Verification):
    """An account as operators see it."""

    id: int
    account_id: str
    name: str
    created_at: Instant


class UserPage(TypedDict):
    """A page of accounts."""

    users: list[User]
    count: int
    data: list[User]
    meta: PageMeta


class PastCheck(TypedDict):
    """A check of an identity that was begun."""

    session_id: str
    created_at: Instant


class CheckedUser(TypedDict):
    """An account and the checks of its identity, the newest first."""

    user: User
    verification_sessions: list[PastCheck]


class UserCounts(TypedDict):
    """How many accounts stand how."""

    total: int
    unverified: int
    pending: int
    verified: int
    rejected: int
    banned: int
