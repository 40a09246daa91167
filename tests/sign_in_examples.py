"""One event of each kind about signing in, every field filled. Used by the tests of domain, codec and read side."""

from typing import Final

from domain.session import SESSION_LIFE_MS, SESSION_SCOPES, SessionEnded, SessionOpened
from domain.sign_in import LINK_LIFE_MS, EmailInvited, EmailReleased, SignInLinkSent, SignInLinkUsed
from tests.examples import CUSTOMER, T0_MS, at_ms

INDEX: Final = "a" * 32
TOKEN_SHA256: Final = "b" * 64

link_sent: Final = SignInLinkSent(
    email_index=INDEX,
    account_id=CUSTOMER,
    email="ada@example.org",
    token_sha256=TOKEN_SHA256,
    is_confirmation=False,
    sent_at_ms=T0_MS,
    expires_at_ms=T0_MS + LINK_LIFE_MS,
)
link_used: Final = SignInLinkUsed(
    email_index=INDEX, account_id=CUSTOMER, is_confirmation=False, used_at_ms=at_ms(60)
)
email_invited: Final = EmailInvited(email_index=INDEX, invited_at_ms=T0_MS)
email_released: Final = EmailReleased(email_index=INDEX, account_id=CUSTOMER, released_at_ms=at_ms(90))
session_opened: Final = SessionOpened(
    session_id="s12345678901",
    account_id=CUSTOMER,
    name="browser",
    secret_sha256="c" * 64,
    scopes=SESSION_SCOPES,
    opened_at_ms=at_ms(60),
    expires_at_ms=at_ms(60) + SESSION_LIFE_MS,
)
session_ended: Final = SessionEnded(session_id="s12345678901", account_id=CUSTOMER, ended_at_ms=at_ms(90))

EVENTS: Final = (link_sent, link_used, email_invited, email_released, session_opened, session_ended)
