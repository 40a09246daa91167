"""Rows of sessions and addresses, folded from their events alone."""

from dataclasses import replace

from domain.sign_in import EmailReleased, SignInLinkSent, SignInLinkUsed
from projections.sign_in_rows import EmailRow, email_after, session_after
from tests.examples import OWNER
from tests.sign_in_examples import (
    email_released,
    link_sent,
    link_used,
    session_ended,
    session_opened,
)


def test_a_session_is_open_until_it_is_ended() -> None:
    row = session_after(None, session_opened, 5)
    assert row is not None
    assert (row.ended_at_ms, row.created_position, row.expires_at_ms) == (
        None,
        5,
        session_opened.expires_at_ms,
    )
    ended = session_after(row, session_ended, 6)
    assert ended == replace(row, ended_at_ms=session_ended.ended_at_ms, position=6)
    assert session_after(None, session_ended, 6) is None


def folded(*events: SignInLinkSent | SignInLinkUsed | EmailReleased) -> EmailRow | None:
    row: EmailRow | None = None
    for position, event in enumerate(events, start=1):
        row = email_after(row, event, position)
    return row


def test_an_address_is_the_account_s_once_its_link_was_used_and_until_it_is_given_up() -> None:
    sent, used = folded(link_sent), folded(link_sent, link_used)
    assert sent is not None
    assert (sent.email, sent.account_id, sent.confirmed_at_ms) == (
        link_sent.email,
        link_sent.account_id,
        None,
    )
    assert used == replace(sent, confirmed_at_ms=link_used.used_at_ms, position=2)
    assert folded(link_sent, link_used, email_released) == replace(sent, position=3)


def test_a_further_link_changes_nothing_about_an_address_that_is_known() -> None:
    used = folded(link_sent, link_used)
    assert folded(link_sent, link_used, replace(link_sent, token_sha256="d" * 64), link_used) == used


def test_what_was_never_sent_has_no_row() -> None:
    assert folded(replace(link_used, account_id=OWNER)) is None
