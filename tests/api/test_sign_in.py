"""Signing in by a link in a mail, and what a session may do, over real NATS, PostgreSQL and HTTP."""

import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosed

from adapters import clock
from api.api_key_text import sha256_of
from api.app import build_app
from api.html_page import sha256_of as source_of
from api.session_cookie import NAME
from api.settings import SignUp
from api.socket_frames import CloseCode
from domain.api_key import API_KEY, Scope
from domain.ids import AccountId
from domain.person import PERSON, BanPerson
from domain.pricing import MICRO_PER_CREDIT, SIGN_UP_GRANT_MICRO
from domain.session import SESSION, EndSession
from domain.sign_in import SIGN_IN, SendSignInLink
from tests.api.network import BASE, Network, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENT: Final = "if this address may sign in here, a link is on its way; it works once and for 15 minutes"
_numbers = itertools.count(1)


def somebody_s_address() -> str:
    return f"ada-{next(_numbers)}@example.org"


async def ask(network: Network, email: str) -> httpx.Response:
    return await network.http.post("/sign-in", json={"email": email})


async def signed_in(network: Network, email: str | None = None) -> Person:
    """Somebody with a session, through the mailbox."""
    email = email or somebody_s_address()
    assert (await ask(network, email)).status_code == 200
    link = await network.mailbox.link_for(email.strip().lower())
    opened = await network.http.post("/sessions", json={"token": link})
    assert opened.status_code == 201, opened.text
    body = opened.json()
    return Person(account_id=AccountId(body["account_id"]), key=body["token"], key_id=body["session_id"])


@pytest_asyncio.fixture(loop_scope="module")
async def browser(network: Network) -> AsyncIterator[httpx.AsyncClient]:
    """Keeps cookies and says which page it shows."""
    headers = {"Origin": f"http://{network.address}"}
    async with httpx.AsyncClient(
        base_url=f"http://{network.address}{BASE}", headers=headers, timeout=10
    ) as client:
        yield client


class Face:
    """Another HTTP face of the network, set differently, with its desk at work."""

    def __init__(self, network: Network, **settings: Any) -> None:
        self.app = network.app_with(**settings)

    async def __aenter__(self) -> httpx.AsyncClient:
        self._lifespan = self.app.router.lifespan_context(self.app)
        await self._lifespan.__aenter__()
        transport = httpx.ASGITransport(self.app)
        self._client = httpx.AsyncClient(transport=transport, base_url=f"https://net.example{BASE}")
        return self._client

    async def __aexit__(self, *error: object) -> None:
        await self._client.aclose()
        await self._lifespan.__aexit__(None, None, None)


async def test_a_link_from_the_mailbox_opens_an_account_with_credits_and_a_session(network: Network) -> None:
    email = somebody_s_address()
    person = await signed_in(network, f"  {email.upper()} ")
    account = (await network.http.get("/account", headers=person.headers)).json()
    assert (account["email"], account["account_id"], account["role"]) == (email, person.account_id, "user")
    assert account["data"]["credits"] == SIGN_UP_GRANT_MICRO / MICRO_PER_CREDIT
    assert person.key.startswith("as_")


async def test_the_next_link_signs_in_to_the_same_account(network: Network) -> None:
    email = somebody_s_address()
    first, second = await signed_in(network, email), await signed_in(network, email)
    assert (first.account_id, first.key_id != second.key_id) == (second.account_id, True)
    account = (await network.http.get("/account", headers=second.headers)).json()
    assert account["data"]["credits"] == SIGN_UP_GRANT_MICRO / MICRO_PER_CREDIT


async def test_a_link_works_once_and_nothing_but_its_use_uses_it_up(network: Network) -> None:
    email = somebody_s_address()
    await ask(network, email)
    link = await network.mailbox.link_for(email)
    for _ in range(2):  # Mail scanners fetch what they find.
        page = await network.http.get(f"http://{network.address}/sign-in#{link}")
        assert page.status_code == 200
    assert (await network.http.post("/sessions", json={"token": link})).status_code == 201
    again = await network.http.post("/sessions", json={"token": link})
    assert (again.status_code, again.json()["error"]["code"]) == (404, "sign_in_link_unknown")


async def test_a_link_is_refused_after_fifteen_minutes(network: Network) -> None:
    index = network.services.email_index.of("late@example.org")
    link = f"sl_{index}{'x' * 32}"
    past_ms = clock.now_ms() - 16 * 60_000
    sent = SendSignInLink(
        email_index=index,
        account_id=AccountId("late"),
        email="late@example.org",
        token_sha256=sha256_of(link),
        may_open=True,
        now_ms=past_ms,
    )
    await network.handle(SIGN_IN, index, sent)
    answer = await network.http.post("/sessions", json={"token": link})
    assert answer.status_code == 404
    assert "15 minutes" in answer.json()["message"]


@pytest.mark.parametrize("token", ["", "nonsense", f"sl_{'0' * 32}{'x' * 32}", f"ak_{'x' * 40}"])
async def test_what_is_no_link_opens_nothing(network: Network, token: str) -> None:
    answer = await network.http.post("/sessions", json={"token": token})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "sign_in_link_unknown")


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "a b@example.org", "a@b\nBcc: c@d", "a,b@example.org", "ä@example.org", 7]
)
async def test_what_is_no_address_is_named(network: Network, email: Any) -> None:
    answer = await network.http.post("/sign-in", json={"email": email})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["email"])


async def test_no_answer_tells_whether_an_address_is_known(network: Network) -> None:
    known, unknown = somebody_s_address(), somebody_s_address()
    await signed_in(network, known)
    async with Face(network, sign_up=SignUp.INVITED) as http:
        answers = [await http.post("/sign-in", json={"email": email}) for email in (known, unknown)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"message": SENT})] * 2


async def test_where_people_are_invited_nobody_else_gets_a_link(network: Network) -> None:
    invited, stranger, known = (somebody_s_address() for _ in range(3))
    await signed_in(network, known)
    operator = await network.person(scopes=(Scope.ADMIN,))
    async with Face(network, sign_up=SignUp.INVITED) as http:
        for email in (stranger, known):
            await http.post("/sign-in", json={"email": email})
        answer = await http.post("/admin/invitations", json={"email": invited}, headers=operator.headers)
        assert answer.status_code == 200
        link = await network.mailbox.link_for(invited)
        await network.mailbox.link_for(known)
    assert all(mail.to != stranger for mail in network.mailbox.mails)
    assert (await network.http.post("/sessions", json={"token": link})).status_code == 201


async def test_an_address_and_a_mailbox_get_five_links_a_minute(network: Network) -> None:
    email = somebody_s_address()
    async with Face(network, sign_ins_per_minute=5) as http:
        answers = [await http.post("/sign-in", json={"email": email}) for _ in range(6)]
        other = await http.post("/sign-in", json={"email": somebody_s_address()})
        opening = await http.post("/sessions", json={"token": "nonsense"})
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert (other.status_code, opening.status_code) == (429, 429)


async def test_a_mailbox_gets_five_links_a_minute_from_wherever_they_are_asked_for(network: Network) -> None:
    email, person = somebody_s_address(), await network.person()
    async with Face(network, sign_ins_per_minute=5) as http:
        answers = [
            await http.put("/account/email", json={"email": email}, headers=person.headers) for _ in range(6)
        ]
        other = await http.put("/account/email", json={"email": somebody_s_address()}, headers=person.headers)
    assert [answer.status_code for answer in [*answers, other]] == [200] * 5 + [429, 200]


async def test_without_mail_the_network_says_so(network: Network) -> None:
    app = build_app(replace(network.services, mailer=None))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://test{BASE}") as http:
        answer = await http.post("/sign-in", json={"email": somebody_s_address()})
    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "not_available")


async def test_who_is_banned_gets_no_session(network: Network) -> None:
    email = somebody_s_address()
    person = await signed_in(network, email)
    ban = BanPerson(account_id=person.account_id, reason="test", now_ms=clock.now_ms())
    await network.command(PERSON, person.account_id, ban)
    network.app.state.edge.bans.forget(person.account_id)
    await ask(network, email)
    link = await network.mailbox.link_for(email)
    answer = await network.http.post("/sessions", json={"token": link})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert (await network.http.post("/sign-out", headers=person.headers)).status_code == 200


async def test_a_session_does_what_a_key_does_but_never_administers(network: Network) -> None:
    person = await signed_in(network)
    issued = await network.http.post("/api-keys", json={"name": "laptop"}, headers=person.headers)
    assert issued.status_code == 201
    beyond = await network.http.post("/api-keys", json={"scopes": "admin"}, headers=person.headers)
    admin = await network.http.get("/admin/hosts", headers=person.headers)
    assert (beyond.status_code, admin.status_code) == (403, 403)


async def test_what_a_session_does_stands_in_the_log_under_its_name(network: Network) -> None:
    person = await signed_in(network)
    issued = await network.http.post("/api-keys", json={}, headers=person.headers)
    [commit] = await network.services.handler.history(API_KEY, issued.json()["api_key"]["key_id"])
    assert commit.origin.actor == f"session.{person.key_id}"
    assert commit.origin.correlation_id == issued.headers["X-Request-Id"]


async def test_the_log_holds_no_secret_and_names_no_address_outside_its_marked_field(
    network: Network,
) -> None:
    email = somebody_s_address()
    await ask(network, email)
    link = await network.mailbox.link_for(email)
    opened = (await network.http.post("/sessions", json={"token": link})).json()
    commits = [one async for batch in network.services.log.read(after=0) for one in batch]
    assert link not in str(commits)
    assert opened["token"] not in str(commits)
    naming = [commit for commit in commits if email in str(commit)]
    assert [type(event).__name__ for commit in naming for event in commit.events] == ["SignInLinkSent"]
    assert all(email not in str((commit.stream, commit.origin)) for commit in naming)


async def test_sessions_are_listed_and_ended_one_by_one(network: Network) -> None:
    email = somebody_s_address()
    first, second = await signed_in(network, email), await signed_in(network, email)
    listed = (await network.http.get("/sessions", headers=second.headers)).json()
    assert [(row["session_id"], row["current"]) for row in listed["sessions"]] == [
        (second.key_id, True),
        (first.key_id, False),
    ]
    assert second.key[15:] not in str(listed)
    ended = await network.http.delete(f"/sessions/{first.key_id}", headers=second.headers)
    assert ended.status_code == 200
    assert (await network.http.get("/account", headers=first.headers)).status_code == 401
    assert (await network.http.get("/account", headers=second.headers)).status_code == 200


async def test_a_foreign_session_cannot_be_ended(network: Network) -> None:
    person, stranger = await signed_in(network), await signed_in(network)
    answer = await network.http.delete(f"/sessions/{person.key_id}", headers=stranger.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert (await network.http.get("/account", headers=person.headers)).status_code == 200


async def test_ending_a_session_elsewhere_ends_its_web_sockets_here(network: Network) -> None:
    person = await signed_in(network)
    async with network.socket(person) as live:
        ended = EndSession(session_id=person.key_id, account_id=person.account_id, now_ms=clock.now_ms())
        await network.command(SESSION, person.key_id, ended)
        with pytest.raises(ConnectionClosed) as closed:
            await live.until(lambda _: False)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.REVOKED
    assert (await network.http.get("/account", headers=person.headers)).status_code == 401


async def test_an_api_key_does_not_sign_out(network: Network) -> None:
    person = await network.person()
    answer = await network.http.post("/sign-out", headers=person.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


async def test_a_browser_signs_in_by_cookie_and_out_again(
    network: Network, browser: httpx.AsyncClient
) -> None:
    email = somebody_s_address()
    await ask(network, email)
    link = await network.mailbox.link_for(email)
    async with Face(network, public_url=f"http://{network.address}") as face:
        face.headers["Origin"] = f"http://{network.address}"
        face.base_url = httpx.URL(f"http://{network.address}{BASE}")
        opened = await face.post("/sessions", json={"token": link, "cookie": True})
        cookie = opened.headers["Set-Cookie"]
        assert "token" not in opened.json()
        assert re.match(rf"{NAME}=as_\w+; HttpOnly; Max-Age=2592000; Path=/; SameSite=lax$", cookie)
        assert (await face.get("/account")).json()["email"] == email
        assert (await face.post("/sign-out")).status_code == 200
        assert (await face.get("/account")).status_code == 401


async def test_with_https_the_cookie_is_bound_to_this_host(
    network: Network, browser: httpx.AsyncClient
) -> None:
    email = somebody_s_address()
    await ask(network, email)
    link = await network.mailbox.link_for(email)
    opened = await browser.post("/sessions", json={"token": link, "cookie": True})
    assert re.match(
        rf"__Host-{NAME}=as_\w+; HttpOnly; Max-Age=2592000; Path=/; SameSite=lax; Secure$",
        opened.headers["Set-Cookie"],
    )


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
async def test_another_page_changes_nothing_by_the_cookie(network: Network, origin: str | None) -> None:
    person = await signed_in(network)
    headers = {"Cookie": f"__Host-{NAME}={person.key}"} | ({"Origin": origin} if origin else {})
    refused = await network.http.post("/api-keys", json={}, headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    email = somebody_s_address()
    await ask(network, email)
    token = await network.mailbox.link_for(email)
    foreign = {"Origin": origin} if origin else {}
    signing_in = await network.http.post("/sessions", json={"token": token, "cookie": True}, headers=foreign)
    assert signing_in.status_code == 403
    own = {"Origin": "https://net.example", "Cookie": f"__Host-{NAME}={person.key}"}
    assert (await network.http.post("/api-keys", json={}, headers=own)).status_code == 201


async def test_an_account_changes_its_address_once_the_new_mailbox_agrees(network: Network) -> None:
    old, new = somebody_s_address(), somebody_s_address()
    person = await signed_in(network, old)
    await network.http.put("/account/email", json={"email": new}, headers=person.headers)
    link = await network.mailbox.link_for(new)
    assert (await network.http.get("/account", headers=person.headers)).json()["email"] == old
    confirmed = await network.http.post("/sessions", json={"token": link})
    assert (confirmed.status_code, confirmed.json()) == (200, {"message": "this address is confirmed"})
    assert (await network.http.get("/account", headers=person.headers)).json()["email"] == new
    assert (await signed_in(network, new)).account_id == person.account_id
    assert (await signed_in(network, old)).account_id != person.account_id


async def test_an_account_of_a_key_gets_an_address_to_sign_in_by(network: Network) -> None:
    person, email = await network.person(funds=3), somebody_s_address()
    await network.http.put("/account/email", json={"email": email}, headers=person.headers)
    confirmed = await network.http.post("/sessions", json={"token": await network.mailbox.link_for(email)})
    assert confirmed.status_code == 200
    session = await signed_in(network, email)
    account = (await network.http.get("/account", headers=session.headers)).json()
    assert (account["account_id"], account["data"]["credits"]) == (person.account_id, 3)


async def test_nobody_is_sent_a_link_to_the_address_of_another_account(network: Network) -> None:
    email = somebody_s_address()
    await signed_in(network, email)
    thief = await network.person()
    asked = await network.http.put("/account/email", json={"email": email}, headers=thief.headers)
    other = somebody_s_address()
    await network.http.put("/account/email", json={"email": other}, headers=thief.headers)
    await network.mailbox.link_for(other)  # The desk has been at the first by now, too.
    assert asked.status_code == 200
    assert all(mail.to != email for mail in network.mailbox.mails)


@pytest.mark.parametrize("path", ["/sign-in", "/my-account"])
async def test_a_page_runs_its_own_script_and_nothing_else(network: Network, path: str) -> None:
    answer = await network.http.get(f"http://{network.address}{path}")
    policy = answer.headers["Content-Security-Policy"]
    parts = dict(re.findall(r"<(script|style)>(.*?)</", answer.text, re.DOTALL))
    assert f"script-src 'sha256-{source_of(parts['script'])}'" in policy
    assert f"style-src 'sha256-{source_of(parts['style'])}'" in policy
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert not re.search(r"\b(?:src|href|action|style|on\w+)=", answer.text)
    assert "//" not in answer.text.replace("<!doctype html>", "")
    assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
