"""Who is signed in, and which e-mail address belongs to which account: rows of the projection `accounts`."""

from dataclasses import dataclass, replace
from typing import Annotated, Final, assert_never, get_args

from domain.api_key import Scope
from domain.ids import AccountId
from domain.personal import PersonalOf
from domain.session import SessionEnded, SessionEvent, SessionOpened
from domain.sign_in import EmailReleased, SignInLinkSent, SignInLinkUsed
from projections.keyed_fold import KeyedFold
from projections.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """`created_position` is the session's public number."""

    session_id: str
    account_id: AccountId
    name: Annotated[str, PersonalOf("account_id")]
    secret_sha256: str
    scopes: tuple[Scope, ...]
    opened_at_ms: int
    expires_at_ms: int
    ended_at_ms: int | None = None
    created_position: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailRow:
    """An address that a link for this account was sent to; the account's own while `confirmed_at_ms` stands."""

    email_index: str
    account_id: AccountId
    email: Annotated[str, PersonalOf("account_id")]
    confirmed_at_ms: int | None = None
    position: int


EmailEvent = SignInLinkSent | SignInLinkUsed | EmailReleased


def session_after(row: SessionRow | None, event: SessionEvent, position: int) -> SessionRow | None:
    match event:
        case SessionOpened():
            return SessionRow(
                session_id=event.session_id,
                account_id=event.account_id,
                name=event.name,
                secret_sha256=event.secret_sha256,
                scopes=event.scopes,
                opened_at_ms=event.opened_at_ms,
                expires_at_ms=event.expires_at_ms,
                created_position=position,
                position=position,
            )
        case SessionEnded():
            return row and replace(row, ended_at_ms=event.ended_at_ms, position=position)
        case _:
            assert_never(event)


def email_after(row: EmailRow | None, event: EmailEvent, position: int) -> EmailRow | None:
    match event:
        case SignInLinkSent():
            if row is not None:
                return row
            return EmailRow(
                email_index=event.email_index,
                account_id=event.account_id,
                email=event.email,
                position=position,
            )
        case SignInLinkUsed():
            if row is None or row.confirmed_at_ms is not None:
                return row
            return replace(row, confirmed_at_ms=event.used_at_ms, position=position)
        case EmailReleased():
            return row and replace(row, confirmed_at_ms=None, position=position)
        case _:
            assert_never(event)


SESSIONS: Final = KeyedFold(
    table=Table(SessionRow, "sessions", key=("session_id",)),
    concerns=frozenset(get_args(SessionEvent)),
    key_of=lambda event: event.session_id,
    row_after=session_after,
)
EMAILS: Final = KeyedFold(
    table=Table(EmailRow, "emails", key=("email_index", "account_id")),
    concerns=frozenset(get_args(EmailEvent)),
    key_of=lambda event: (event.email_index, event.account_id),
    row_after=email_after,
)
