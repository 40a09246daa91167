"""The pages of signing in and of one's own account, in a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from adapters import clock
from api.pairing_desk import PairingDesk
from domain.ids import AccountId
from domain.island import ISLAND
from domain.island_commands import EnrolIsland
from tests.api.network import Network
from tests.api.newcomers import Newcomer
from tests.browser import Tab, browser_or_skip

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tab]:
    folder: Path = tmp_path_factory.mktemp("browser")
    async with browser_or_skip(folder) as tab:
        yield tab


async def test_a_person_signs_in_makes_a_key_revokes_it_and_signs_out(network: Network, tab: Tab) -> None:
    page, email = f"http://{network.address}", "ada@example.org"
    await tab.visit(f"{page}/my-account")
    await tab.until("location.pathname === '/sign-in'")
    await ask_for_link(tab, email)
    link = await network.mailbox.link_for(email)

    await tab.visit("about:blank")
    await tab.visit(f"{page}/sign-in#{link}")
    assert await tab.value("location.href") == f"{page}/sign-in"  # No copy of the link stays in the history.
    await tab.value("document.getElementById('enter').click()")
    await tab.until("document.getElementById('content')?.className === 'ready'")
    assert await tab.value("document.cookie") == ""
    shown = await tab.value("document.getElementById('account').innerText")
    assert email in shown
    assert "10000.0" in shown

    await tab.value("document.getElementById('account-name').value = 'Ada'")
    await tab.value("document.querySelector('#rename button').click()")
    await tab.until("document.getElementById('account').innerText.includes('Ada')")

    key = await make_key(tab, "nightly")
    headers = {"Authorization": f"Bearer {key}"}
    account = (await network.http.get("/account", headers=headers)).json()
    assert account["email"] == email
    await tab.until("document.querySelector('#keys button')?.getAttribute('aria-label') === 'Revoke nightly'")
    await tab.value("document.querySelector('#keys button').click()")
    await tab.until("document.querySelectorAll('#keys tr').length === 0")
    assert (await network.http.get("/account", headers=headers)).status_code == 401

    assert "(this one)" in await tab.value("document.getElementById('sessions').innerText")
    await tab.value("document.querySelector('#leave button').click()")
    await tab.until("location.pathname === '/sign-in'")
    sessions = await network.services.sign_ins.sessions(AccountId(account["account_id"]), now_ms=0)
    assert sessions == []
    assert tab.complaints == []


async def test_a_link_that_was_used_says_so(network: Network, tab: Tab) -> None:
    email = "bob@example.org"
    await network.http.post("/sign-in", json={"email": email})
    link = await network.mailbox.link_for(email)
    assert (await network.http.post("/sessions", json={"token": link})).status_code == 201
    await tab.visit("about:blank")
    await tab.visit(f"http://{network.address}/sign-in#{link}")
    await tab.value("document.getElementById('enter').click()")
    await tab.until("document.getElementById('outcome').innerText.includes('ask for a new link')")


async def test_an_empty_field_is_named_and_gets_the_focus(network: Network, tab: Tab) -> None:
    await tab.visit("about:blank")
    await tab.visit(f"http://{network.address}/sign-in")
    await tab.value("document.getElementById('send').click()")
    await tab.until("document.getElementById('outcome').innerText === 'Type your e-mail address.'")
    assert await tab.value("document.activeElement.id") == "email"
    assert await tab.value("document.getElementById('email').getAttribute('aria-invalid')") == "true"


async def test_who_is_signed_in_pairs_an_island_without_a_key(network: Network, tab: Tab) -> None:
    page, email = f"http://{network.address}", "eve@example.org"
    desk = PairingDesk(network.services.handler, network.services.pairing_codes, f"{page}/pair")
    newcomer = Newcomer.new()
    enrolled = EnrolIsland(
        island_id=newcomer.island_id,
        owner_id=None,
        name="Shed",
        user_key=newcomer.user.public,
        now_ms=clock.now_ms(),
    )
    await network.handle(ISLAND, newcomer.island_id, enrolled)
    code = (await desk.pairing(newcomer.island_id)).code

    await tab.visit("about:blank")
    await tab.visit(f"{page}/pair?code={code}")
    await tab.value("document.getElementById('send').click()")
    await tab.until("document.getElementById('outcome').innerText.startsWith('Sign in first')")
    await tab.visit(f"{page}/sign-in")
    await ask_for_link(tab, email)
    link = await network.mailbox.link_for(email)
    await tab.visit("about:blank")
    await tab.visit(f"{page}/sign-in#{link}")
    await tab.value("document.getElementById('enter').click()")
    await tab.until("location.pathname === '/my-account'")
    await tab.visit(f"{page}/pair?code={code}")
    await tab.value("document.getElementById('send').click()")
    await tab.until("document.getElementById('outcome').innerText.startsWith('Paired: Shed')")


async def ask_for_link(tab: Tab, email: str) -> None:
    await tab.until("document.getElementById('email') !== null")
    await tab.value(f"document.getElementById('email').value = '{email}'")
    await tab.value("document.getElementById('send').click()")
    await tab.until("document.getElementById('outcome').className === 'outcome good'")


async def make_key(tab: Tab, name: str) -> str:
    await tab.value(f"document.getElementById('name').value = '{name}'")
    await tab.value("document.querySelector('#issue button').click()")
    await tab.until("document.querySelector('#made code') !== null")
    text: str = await tab.value("document.querySelector('#made code').innerText")
    return text
