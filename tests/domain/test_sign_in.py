"""The rules of signing in by a link: once, for a quarter of an hour, to the account whose mailbox it is."""

from dataclasses import replace

from domain.ids import AccountId
from domain.rejection import Rejection
from domain.sign_in import (
    LINK_LIFE_MS,
    LINKS_OPEN_MAX,
    LINKS_PER_MINUTE_MAX,
    SIGN_IN,
    InviteEmail,
    ReleaseEmail,
    SendEmailLink,
    SendSignInLink,
    SignInLinkSent,
    UseSignInLink,
)
from tests.examples import CUSTOMER, OWNER, T0_MS, at_ms
from tests.scenario import Scenario
from tests.sign_in_examples import (
    INDEX,
    TOKEN_SHA256,
    email_invited,
    email_released,
    link_sent,
    link_used,
)

address = Scenario(SIGN_IN)
send = SendSignInLink(
    email_index=INDEX,
    account_id=CUSTOMER,
    email="ada@example.org",
    token_sha256=TOKEN_SHA256,
    may_open=True,
    now_ms=T0_MS,
)
use = UseSignInLink(email_index=INDEX, token_sha256=TOKEN_SHA256, now_ms=at_ms(60))
attach = SendEmailLink(
    email_index=INDEX,
    account_id=OWNER,
    email="ada@example.org",
    token_sha256="d" * 64,
    now_ms=at_ms(70),
)
later = replace(send, account_id=AccountId("another"), token_sha256="e" * 64, now_ms=at_ms(70))


def test_a_link_is_sent_once_for_a_token() -> None:
    address.given().when(send).then(link_sent)
    address.given(link_sent).when(send).then_nothing()


def test_a_link_works_once() -> None:
    address.given(link_sent).when(use).then(link_used)
    address.given(link_sent, link_used).when(use).then_rejected(Rejection.SIGN_IN_LINK_UNKNOWN)
    address.given().when(use).then_rejected(Rejection.SIGN_IN_LINK_UNKNOWN)


def test_a_link_works_for_fifteen_minutes() -> None:
    last_ms = T0_MS + LINK_LIFE_MS - 1
    address.given(link_sent).when(replace(use, now_ms=last_ms)).then(replace(link_used, used_at_ms=last_ms))
    address.given(link_sent).when(replace(use, now_ms=last_ms + 1)).then_rejected(
        Rejection.SIGN_IN_LINK_UNKNOWN
    )


def test_using_one_link_ends_the_others() -> None:
    other = replace(link_sent, token_sha256="d" * 64)
    address.given(link_sent, other, link_used).when(replace(use, token_sha256="d" * 64)).then_rejected(
        Rejection.SIGN_IN_LINK_UNKNOWN
    )


def test_every_link_of_an_address_is_for_one_account() -> None:
    for past in ((link_sent,), (link_sent, link_used)):
        [sent] = address.given(*past).when(later).decided()
        assert sent == replace(
            link_sent,
            token_sha256="e" * 64,
            sent_at_ms=at_ms(70),
            expires_at_ms=at_ms(70) + LINK_LIFE_MS,
        )


def test_where_people_are_invited_only_they_and_who_is_known_get_a_link() -> None:
    closed = replace(send, may_open=False)
    address.given().when(closed).then_nothing()
    address.given(email_invited).when(closed).then(link_sent)
    sent = address.given(link_sent, link_used).when(replace(later, may_open=False)).decided()
    assert len(sent) == 1


def test_who_is_known_or_invited_is_not_invited_again() -> None:
    invite = InviteEmail(email_index=INDEX, now_ms=T0_MS)
    address.given().when(invite).then(email_invited)
    address.given(email_invited).when(invite).then_nothing()
    address.given(link_sent, link_used).when(invite).then_nothing()


def test_a_mailbox_gets_five_links_a_minute() -> None:
    links = [
        replace(link_sent, token_sha256=f"{number:064}", sent_at_ms=at_ms(number))
        for number in range(LINKS_PER_MINUTE_MAX)
    ]
    address.given(*links).when(replace(send, now_ms=at_ms(59))).then_nothing()
    assert address.given(*links).when(replace(send, now_ms=at_ms(60))).decided()


def test_only_the_newest_links_stay_open() -> None:
    links = [
        replace(link_sent, token_sha256=f"{number:064}", sent_at_ms=at_ms(number))
        for number in range(LINKS_OPEN_MAX + 1)
    ]
    address.given(*links).when(replace(use, token_sha256=f"{0:064}")).then_rejected(
        Rejection.SIGN_IN_LINK_UNKNOWN
    )
    assert address.given(*links).when(replace(use, token_sha256=f"{1:064}")).decided()


def test_an_account_is_given_a_free_address_and_no_other_s() -> None:
    attached = replace(
        link_sent,
        account_id=OWNER,
        token_sha256="d" * 64,
        is_confirmation=True,
        sent_at_ms=at_ms(70),
        expires_at_ms=at_ms(70) + LINK_LIFE_MS,
    )
    address.given().when(attach).then(attached)
    address.given(attached).when(replace(use, token_sha256="d" * 64)).then(
        replace(link_used, account_id=OWNER, is_confirmation=True)
    )
    address.given(link_sent, link_used).when(attach).then_nothing()


def test_a_stranger_s_wish_for_an_address_does_not_lead_its_owner_into_the_stranger_s_account() -> None:
    wished = replace(link_sent, account_id=OWNER, is_confirmation=True)
    [sent] = address.given(wished).when(later).decided()
    assert isinstance(sent, SignInLinkSent)
    assert (sent.account_id, sent.is_confirmation) == ("another", False)


def test_a_link_for_an_address_that_became_another_s_is_void() -> None:
    attaching = replace(link_sent, account_id=OWNER, token_sha256="d" * 64)
    past = (link_sent, attaching, link_used)
    address.given(*past).when(replace(use, token_sha256="d" * 64)).then_rejected(
        Rejection.SIGN_IN_LINK_UNKNOWN
    )
    late = (link_sent, link_used, replace(attaching, sent_at_ms=at_ms(61)))
    address.given(*late).when(replace(use, token_sha256="d" * 64)).then_rejected(
        Rejection.SIGN_IN_LINK_UNKNOWN
    )


def test_an_address_that_was_given_up_signs_in_to_nothing() -> None:
    release = ReleaseEmail(email_index=INDEX, account_id=CUSTOMER, now_ms=at_ms(90))
    address.given(link_sent, link_used).when(release).then(email_released)
    address.given(link_sent, link_used).when(replace(release, account_id=OWNER)).then_nothing()
    address.given(link_sent, link_used, email_released).when(release).then_nothing()
    [again] = address.given(link_sent, link_used, email_released).when(later).decided()
    assert isinstance(again, SignInLinkSent)
    assert again.account_id == "another"
