"""The rules of a session: opened once, ended for ever, known to its account alone, never with the scope admin."""

from dataclasses import replace

from domain.api_key import Scope
from domain.rejection import Rejection
from domain.session import SESSION, SESSION_SCOPES, EndSession, OpenSession
from tests.examples import CUSTOMER, OWNER, at_ms
from tests.scenario import Scenario
from tests.sign_in_examples import session_ended, session_opened

session = Scenario(SESSION)
open_it = OpenSession(
    session_id=session_opened.session_id,
    account_id=CUSTOMER,
    name="browser",
    secret_sha256="c" * 64,
    now_ms=at_ms(60),
)
end = EndSession(session_id=session_opened.session_id, account_id=CUSTOMER, now_ms=at_ms(90))


def test_a_session_is_opened_once_for_thirty_days() -> None:
    session.given().when(open_it).then(session_opened)
    session.given(session_opened).when(open_it).then_nothing()
    assert session_opened.expires_at_ms - session_opened.opened_at_ms == 30 * 24 * 3600 * 1000


def test_ending_is_final() -> None:
    session.given(session_opened).when(end).then(session_ended)
    session.given(session_opened, session_ended).when(end).then_nothing()
    session.given(session_opened, session_ended).when(open_it).then_nothing()


def test_a_stranger_cannot_tell_whether_a_session_exists() -> None:
    session.given(session_opened).when(replace(end, account_id=OWNER)).then_rejected(
        Rejection.SESSION_UNKNOWN
    )
    session.given().when(end).then_rejected(Rejection.SESSION_UNKNOWN)


def test_a_mailbox_never_administers() -> None:
    assert Scope.ADMIN not in SESSION_SCOPES
