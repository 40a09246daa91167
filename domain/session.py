"""A session: a person at a browser or a terminal, signed in for thirty days. Only a hash of its secret is kept.

Like an API key it acts for an account with its scopes; unlike one it is opened by a link in a mail and ends by itself.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Final, assert_never

from domain.api_key import Scope
from domain.decider import Decider
from domain.ids import AccountId
from domain.personal import PersonalOf
from domain.rejection import Rejected, Rejection

SESSION_LIFE_MS: Final = 30 * 86_400_000
SESSION_SCOPES: Final = (Scope.READ, Scope.WRITE, Scope.ISLANDS)
"""A mailbox never administers: that takes a key made by whoever runs the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """`name` tells a person which of their sessions this is."""

    session_id: str
    account_id: AccountId
    name: Annotated[str, PersonalOf("account_id")]
    secret_sha256: str
    scopes: tuple[Scope, ...]
    opened_at_ms: int
    expires_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded:
    session_id: str
    account_id: AccountId
    ended_at_ms: int


SessionEvent = SessionOpened | SessionEnded


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    session_id: str
    account_id: AccountId
    name: str
    secret_sha256: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession:
    """Only its own account may end it; to everybody else the session does not exist."""

    session_id: str
    account_id: AccountId
    now_ms: int


SessionCommand = OpenSession | EndSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    account_id: AccountId | None = None
    is_ended: bool = False


def decide(session: Session, command: SessionCommand) -> list[SessionEvent]:
    match command:
        case OpenSession():
            return [] if session.account_id is not None else [opened(command)]
        case EndSession():
            if session.account_id != command.account_id:
                raise Rejected(Rejection.SESSION_UNKNOWN, f"no session {command.session_id} in this account")
            if session.is_ended:
                return []
            return [
                SessionEnded(
                    session_id=command.session_id,
                    account_id=command.account_id,
                    ended_at_ms=command.now_ms,
                )
            ]
        case _:
            assert_never(command)


def opened(command: OpenSession) -> SessionOpened:
    return SessionOpened(
        session_id=command.session_id,
        account_id=command.account_id,
        name=command.name,
        secret_sha256=command.secret_sha256,
        scopes=SESSION_SCOPES,
        opened_at_ms=command.now_ms,
        expires_at_ms=command.now_ms + SESSION_LIFE_MS,
    )


def evolve(session: Session, event: SessionEvent) -> Session:
    match event:
        case SessionOpened():
            return Session(account_id=event.account_id)
        case SessionEnded():
            return replace(session, is_ended=True)
        case _:
            assert_never(event)


SESSION: Final[Decider[SessionCommand, Session, SessionEvent]] = Decider("session", Session(), decide, evolve)
