"""From a link to a session: what happens when a person opens the link that was sent to their mailbox.

Called by the routes of sessions. The link is used up first, so nothing after it can happen twice; each further step
repeats harmlessly at the next link, should the coordinator die in between.
"""

from dataclasses import dataclass
from typing import Final

from adapters import clock
from api.api_key_text import sha256_of
from api.edge import ACCOUNTS, EdgeState
from api.errors import ApiError, ErrorCode
from api.session_text import SessionText, email_index_in, new_session_text
from commands.event_log import Origin
from domain.account import ACCOUNT
from domain.account_commands import GrantCredits, OpenAccount
from domain.ids import AccountId
from domain.pricing import SIGN_UP_GRANT_MICRO
from domain.session import SESSION, EndSession, OpenSession, SessionOpened
from domain.sign_in import SIGN_IN, ReleaseEmail, SignInLinkUsed, UseSignInLink

ACTOR: Final = "sign_in"
NEWCOMER: Final = "New account"
SESSIONS_MAX: Final = 20  # Open in one account; a further one ends the oldest.


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """`position` is where the log stands behind it."""

    session: SessionOpened
    text: SessionText
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailConfirmed:
    """The link only gave an account its address: nobody is signed in by it."""

    account_id: AccountId
    position: int


async def use_link(edge: EdgeState, link: str, name: str, request_id: str) -> SignedIn | EmailConfirmed:
    """Raises `ApiError`: sign_in_link_unknown, forbidden for who is banned."""
    email_index = email_index_in(link)
    if email_index is None:
        raise ApiError(ErrorCode.SIGN_IN_LINK_UNKNOWN, "token: is no link of this network; copy all of it")
    command = UseSignInLink(email_index=email_index, token_sha256=sha256_of(link), now_ms=clock.now_ms())
    handled = await edge.services.handler.handle(SIGN_IN, email_index, command, origin=origin_in(request_id))
    used = handled.events[0]
    assert isinstance(used, SignInLinkUsed)
    if used.is_confirmation:
        await edge.settle(ACCOUNTS, handled.position)
        await release_former(edge, used, request_id)
        return EmailConfirmed(account_id=used.account_id, position=handled.position)
    await ensure_account(edge, used.account_id, request_id)
    await edge.bans.check(used.account_id)
    return await open_session(edge, used.account_id, name, request_id)


async def release_former(edge: EdgeState, used: SignInLinkUsed, request_id: str) -> None:
    """The addresses that the account had before sign in to nothing."""
    for former in await edge.services.sign_ins.emails(used.account_id):
        if former.email_index == used.email_index:
            continue
        command = ReleaseEmail(
            email_index=former.email_index, account_id=used.account_id, now_ms=clock.now_ms()
        )
        handled = await edge.services.handler.handle(
            SIGN_IN, former.email_index, command, origin=origin_in(request_id)
        )
        await edge.settle(ACCOUNTS, handled.position)


async def ensure_account(edge: EdgeState, account_id: AccountId, request_id: str) -> None:
    """Opens it at the first sign-in, with what everybody is granted then."""
    handler, now_ms = edge.services.handler, clock.now_ms()
    opening = OpenAccount(account_id=account_id, name=NEWCOMER, now_ms=now_ms)
    opened = await handler.handle(ACCOUNT, account_id, opening, origin=origin_in(request_id))
    if opened.state.grants:
        return
    granting = GrantCredits(
        account_id=account_id,
        grant_id="sign-up",
        amount_micro=SIGN_UP_GRANT_MICRO,
        reason="sign-up grant",
        now_ms=now_ms,
    )
    await handler.handle(ACCOUNT, account_id, granting, origin=origin_in(request_id))


async def open_session(edge: EdgeState, account_id: AccountId, name: str, request_id: str) -> SignedIn:
    text = new_session_text()
    command = OpenSession(
        session_id=text.session_id,
        account_id=account_id,
        name=name,
        secret_sha256=text.sha256,
        now_ms=clock.now_ms(),
    )
    handled = await edge.services.handler.handle(
        SESSION, text.session_id, command, origin=origin_in(request_id)
    )
    opened = handled.events[0]
    assert isinstance(opened, SessionOpened)
    await edge.settle(ACCOUNTS, handled.position)
    await end_oldest(edge, account_id, request_id)
    return SignedIn(session=opened, text=text, position=handled.position)


async def end_oldest(edge: EdgeState, account_id: AccountId, request_id: str) -> None:
    """Nobody is signed in at more than `SESSIONS_MAX` places."""
    now_ms = clock.now_ms()
    rows = await edge.services.sign_ins.sessions(account_id, now_ms=now_ms)
    for row in rows[SESSIONS_MAX:]:
        ending = EndSession(session_id=row.session_id, account_id=account_id, now_ms=now_ms)
        await edge.services.handler.handle(SESSION, row.session_id, ending, origin=origin_in(request_id))
        edge.keys.revoke(row.session_id)


def origin_in(request_id: str) -> Origin:
    """Whoever holds a link is not known to the log before it is used."""
    return Origin(command_id=clock.new_id(), actor=ACTOR, correlation_id=request_id)
