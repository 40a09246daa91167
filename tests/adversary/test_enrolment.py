"""A hostile owner enrols, pairs and renews over HTTP what is not his, or under names that would do harm."""

import asyncio
import hashlib
import itertools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest
import pytest_asyncio

from adapters.enrolment_proof import Purpose, prove
from adapters.nats import subjects
from adapters.nats.accounts.jwt import decode64, encode64
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import Home
from adapters.postgres.pairing_codes import ALPHABET, WRONG_TRIES_MAX
from api.authorization import ENROLMENTS_PER_ADDRESS_MAX
from domain.api_key import Scope
from tests.adversary.entrance import at_another_address
from tests.adversary.members import answer_of
from tests.adversary.network import IN_ONE_LAYOUT
from tests.adversary.scene import Scene
from tests.api.newcomers import Newcomer, api_key_of, fresh_nonce

pytestmark = [pytest.mark.asyncio(loop_scope="module"), IN_ONE_LAYOUT]

Body = dict[str, Any]


def signed_anew(body: Body, account: NKey, user: NKey) -> Body:
    signed = {name: body[name] for name in ("nonce", "account_key", "user_key")}
    return body | {
        "account_signature": prove(account, Purpose.ENROL, **signed),
        "user_signature": prove(user, Purpose.ENROL, **signed),
    }


def of_the_victim(scene: Scene, mine: Newcomer, body: Body) -> Body:
    """The victim's account under the thief's user key, signed with what the thief has."""
    return signed_anew(body | {"account_key": scene.victim.island_id}, mine.account, mine.user)


def with_the_victims_user(scene: Scene, mine: Newcomer, body: Body) -> Body:
    return signed_anew(body | {"user_key": scene.victim.joined.user.public}, mine.account, mine.user)


def of_core(scene: Scene, mine: Newcomer, body: Body) -> Body:
    return signed_anew(body | {"account_key": scene.core}, mine.account, mine.user)


def of_the_system(scene: Scene, mine: Newcomer, body: Body) -> Body:
    system = scene.fabric.deployment.account(Home.SYSTEM)
    return signed_anew(body | {"account_key": system}, mine.account, mine.user)


def signed_for_renewal(_scene: Scene, mine: Newcomer, body: Body) -> Body:
    signed = {name: body[name] for name in ("nonce", "account_key", "user_key")}
    return body | {"user_signature": prove(mine.user, Purpose.RENEW, **signed)}


def signatures_swapped(_scene: Scene, _mine: Newcomer, body: Body) -> Body:
    return body | {
        "account_signature": body["user_signature"],
        "user_signature": body["account_signature"],
    }


def keys_swapped(_scene: Scene, _mine: Newcomer, body: Body) -> Body:
    return body | {"account_key": body["user_key"], "user_key": body["account_key"]}


def with_nonce(change: Callable[[bytes], bytes]) -> Callable[[Scene, Newcomer, Body], Body]:
    """Rightly signed over a nonce that was changed."""

    def changed(_scene: Scene, mine: Newcomer, body: Body) -> Body:
        nonce = encode64(change(decode64(body["nonce"])))
        return signed_anew(body | {"nonce": nonce}, mine.account, mine.user)

    return changed


def given(**fields: Any) -> Callable[[Scene, Newcomer, Body], Body]:
    return lambda _scene, _mine, body: body | fields


def left_out(name: str) -> Callable[[Scene, Newcomer, Body], Body]:
    return lambda _scene, _mine, body: {key: value for key, value in body.items() if key != name}


ENROLMENTS: Final[dict[str, Callable[[Scene, Newcomer, Body], Body]]] = {
    "the victim's account": of_the_victim,
    "the victim's user": with_the_victims_user,
    "the account CORE": of_core,
    "the system's account": of_the_system,
    "signed to renew": signed_for_renewal,
    "signatures swapped": signatures_swapped,
    "keys swapped": keys_swapped,
    "an old nonce": with_nonce(lambda raw: (0).to_bytes(8, "big") + raw[8:]),
    "a nonce of tomorrow": with_nonce(lambda raw: (2**62).to_bytes(8, "big") + raw[8:]),
    "a nonce of its own": with_nonce(lambda raw: hashlib.sha256(raw).digest() + raw[32:]),
    "a nonce with another end": with_nonce(lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
    "half a nonce": with_nonce(lambda raw: raw[:8]),
    "an empty nonce": with_nonce(lambda raw: raw[:0]),
    "no account signature": left_out("account_signature"),
    "no user signature": left_out("user_signature"),
    "no nonce": left_out("nonce"),
    "a signature of nought": given(account_signature=encode64(bytes(64))),
    "a short signature": given(user_signature="AA"),
    "an account that is none": given(account_key="A" * 56),
    "an account of wildcards": given(account_key="*"),
    "a user that is an operator": given(user_key=NKey.new(Kind.OPERATOR).public),
    "a name that clears the screen": given(name="\x1b[2J\x1b[H owned"),
    "a name that rings": given(name="bell\a"),
    "a name of two lines": given(name="a\r\nb"),
    "a name with a zero": given(name="a\0b"),
    "a name of the other control characters": given(name="a\x9b31mb"),
    "a name of blanks": given(name="   "),
    "an endless name": given(name="x" * 101),
    "a name that is a list": given(name=["x"]),
    "half a character": given(name="\ud800"),
    "a platform with a path": given(platform="../../etc"),
    "a platform of two lines": given(platform="linux\nx"),
    "an owner": given(owner_id="local"),
    "a local id": given(local_id="x"),
    "karma": given(karma=1_000_000),
}


@pytest.mark.parametrize("change", ENROLMENTS.values(), ids=ENROLMENTS)
async def test_a_wrong_enrolment_is_refused(
    scene: Scene, change: Callable[[Scene, Newcomer, Body], Body]
) -> None:
    mine = Newcomer.new()
    body = change(scene, mine, mine.enrolment(await fresh_nonce(scene.nobody)))
    async with at_another_address(scene) as http, scene.nothing_changes():
        json_type = {"Content-Type": "application/json"}
        answer = await http.post("/islands/enrol", content=json.dumps(body), headers=json_type)
        assert answer.status_code in {400, 422}, answer.text
        assert "user_jwt" not in answer.text


@pytest.mark.parametrize(
    "change", ["the victim's account", "the victim's user", "an old nonce", "signed to enrol"]
)
async def test_nobody_renews_another_s_documents(scene: Scene, change: str) -> None:
    mine = Newcomer(account=scene.attacker.joined.account, user=scene.attacker.joined.user)
    body = mine.renewal(await fresh_nonce(scene.nobody))
    if change == "the victim's account":
        body["account_key"] = scene.victim.island_id
    elif change == "the victim's user":
        body["user_key"] = scene.victim.joined.user.public
    elif change == "an old nonce":
        body["nonce"] = encode64((0).to_bytes(8, "big") + decode64(body["nonce"])[8:])
    purpose = Purpose.ENROL if change == "signed to enrol" else Purpose.RENEW
    signed = {name: body[name] for name in ("nonce", "account_key", "user_key")}
    body["user_signature"] = prove(mine.user, purpose, **signed)
    async with scene.nothing_changes():
        answer = await scene.nobody.post("/islands/renew", json=body)
        assert answer.status_code in {403, 422}, answer.text
        assert "user_jwt" not in answer.text


async def test_a_user_key_of_another_s_island_renews_nothing_of_a_third(scene: Scene) -> None:
    """The user key proves who it is, not whose account it asks for."""
    mine = Newcomer(account=scene.victim.joined.account, user=scene.attacker.joined.user)
    async with scene.nothing_changes():
        answer = await mine.renew(scene.nobody)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "key_revoked")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"name": "mine"}),
        ("DELETE", "", None),
        ("GET", "", None),
        ("GET", "/rejected-claims", None),
        ("POST", "/suspend", {"reason": "x"}),
        ("POST", "/reinstate", None),
        ("POST", "/revoke", {"reason": "x"}),
    ],
    ids=lambda part: str(part) if not isinstance(part, dict) else "",
)
async def test_nobody_lays_hands_on_another_s_island(
    scene: Scene, method: str, path: str, body: Body | None
) -> None:
    async with scene.nothing_changes():
        answer = await scene.mallory.request(method, f"/hosts/{scene.victim.island_id}{path}", json=body)
        assert answer.status_code in {403, 404}, answer.text


async def test_an_enrolment_that_vouches_for_another_s_island_is_refused(scene: Scene) -> None:
    """Even with its keys: it has an owner."""
    stolen = Newcomer(account=scene.victim.joined.account, user=scene.victim.joined.user)
    async with scene.nothing_changes():
        answer = await stolen.enrol(scene.mallory)
        assert answer.status_code == 409, answer.text


async def test_an_overheard_enrolment_gives_no_other_account_the_island(scene: Scene) -> None:
    """Who saw an island enrol can send the same again, with an API key of his own."""
    newcomer = Newcomer.new()
    async with at_another_address(scene) as http:
        body = newcomer.enrolment(await fresh_nonce(http))
        enrolled = await http.post("/islands/enrol", json=body)
    assert enrolled.json()["status"] == "pending"
    async with scene.nothing_changes():
        answer = await scene.mallory.post("/islands/enrol", json=body)
        assert (answer.status_code, set(answer.json()["errors"])) == (422, {"user_signature"})


async def test_an_overheard_enrolment_of_one_account_gives_no_other_the_island(scene: Scene) -> None:
    newcomer, owner = Newcomer.new(), await scene.person("owner")
    body = newcomer.enrolment(await fresh_nonce(owner), api_key_of(owner))
    async with scene.nothing_changes():
        for http in (scene.mallory, scene.nobody):
            assert (await http.post("/islands/enrol", json=body)).status_code == 422
    assert (await owner.post("/islands/enrol", json=body)).json()["status"] == "paired"


class Pending:
    """An island that nobody owns yet, and the code that it shows."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    async def join(self) -> str:
        async with at_another_address(self.scene) as http:
            self.member = await self.scene.member(http)
        client = await self.member.connect()
        code: str = json.loads(await answer_of(client, subjects.PAIRING))["code"]
        return code


@pytest_asyncio.fixture(loop_scope="module")
async def pending(scene: Scene) -> AsyncIterator[Pending]:
    pending = Pending(scene)
    yield pending
    await pending.member.close()


async def test_a_pairing_code_cannot_be_guessed(scene: Scene, pending: Pending) -> None:
    """Also side by side, an account has five tries; then even the right code does not help it."""
    code = await pending.join()
    guesser = await scene.person("guesser")
    wrong = ("".join(letters) for letters in itertools.product(ALPHABET, repeat=6))
    guesses = [guess for guess in itertools.islice(wrong, 4 * WRONG_TRIES_MAX) if guess != code]
    async with scene.nothing_changes():
        answers = await asyncio.gather(*(guesser.post("/pair", json={"code": guess}) for guess in guesses))
        statuses = [answer.status_code for answer in answers]
        assert statuses.count(404) == WRONG_TRIES_MAX
        assert statuses.count(429) == len(guesses) - WRONG_TRIES_MAX
        assert (await guesser.post("/pair", json={"code": code})).status_code == 429
    owner = await scene.person("owner")
    assert (await owner.post("/pair", json={"code": code})).json()["host_id"] == pending.member.island_id


async def test_a_code_pairs_once(scene: Scene, pending: Pending) -> None:
    code = await pending.join()
    owner = await scene.person("owner")
    assert (await owner.post("/pair", json={"code": code})).is_success
    thief = await scene.person("thief")
    async with scene.nothing_changes():
        assert (await thief.post("/pair", json={"code": code})).status_code == 404


@pytest.mark.parametrize(
    "code",
    ["", "%", "______", "' or true --", "A" * 21, "IO0101", "\x00", "\uff21\uff22\uff23\uff24\uff25\uff26"],
)
async def test_an_odd_code_pairs_nothing(scene: Scene, code: str) -> None:
    async with scene.nothing_changes():
        assert (await scene.mallory.post("/pair", json={"code": code})).status_code in {404, 422}


async def test_nobody_pairs_without_a_key_of_that_scope(scene: Scene, pending: Pending) -> None:
    code = await pending.join()
    reader = await scene.person("reader", (Scope.READ,))
    async with scene.nothing_changes():
        assert (await scene.nobody.post("/pair", json={"code": code})).status_code == 401
        assert (await reader.post("/pair", json={"code": code})).status_code == 403


async def test_one_address_enrols_a_few_islands_a_minute(scene: Scene) -> None:
    async with at_another_address(scene) as http:
        nonce = await fresh_nonce(http)
        bodies = [{"nonce": nonce, "name": ""} for _ in range(ENROLMENTS_PER_ADDRESS_MAX)]
        for body in bodies:
            assert (await http.post("/islands/enrol", json=body)).status_code == 422
        async with scene.nothing_changes():
            answer = await Newcomer.new().enrol(http)
            assert answer.status_code == 429, answer.text
