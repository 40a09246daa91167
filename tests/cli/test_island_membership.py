"""Owning and barring islands from the command line, on a network that runs, with islands that really connect."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import nats
import pytest
from nats.aio.client import Client

from adapters.nats import subjects
from adapters.nats.connection import options
from tests.api.newcomers import Newcomer
from tests.cli.commands import Said, Up, comes_true

ANSWER_S: Final = 5.0
_numbers = itertools.count(1)


async def enrolled(url: str, newcomer: Newcomer, name: str, key: str = "") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else None
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=30) as http:
        answer = await newcomer.enrol(http, headers, name=name)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def owned(network: Up, name: str) -> Newcomer:
    """An island of the local account, known by its name. It never connects."""
    newcomer = Newcomer.new()
    asyncio.run(enrolled(network.url, newcomer, name, network.key))
    assert comes_true(lambda: any(one["id"] == newcomer.island_id for one in listed(network, name)))
    return newcomer


@asynccontextmanager
async def connected(newcomer: Newcomer, admission: dict[str, Any]) -> AsyncIterator[Client]:
    jwt: str = admission["user_jwt"]
    client = await nats.connect(
        admission["nats_url"],
        **options("island"),
        user_jwt_cb=jwt.encode,
        signature_cb=lambda nonce: base64.b64encode(newcomer.user.sign(nonce.encode())),
        inbox_prefix=subjects.inbox_prefix(newcomer.island_id),
    )
    try:
        yield client
    finally:
        await client.close()


async def pairing(newcomer: Newcomer, admission: dict[str, Any]) -> dict[str, Any]:
    """What the coordinator answers the island that asks for a code."""
    async with connected(newcomer, admission) as client:
        answer = await client.request(subjects.PAIRING, b"{}", timeout=ANSWER_S)
    found: dict[str, Any] = json.loads(answer.data)
    return found


@pytest.fixture
def name() -> str:
    return f"Shed {next(_numbers)}"


def listed(network: Up, name: str) -> list[dict[str, Any]]:
    return [one for one in network.typed("island", "list", "--json").json if one["name"] == name]


def test_an_island_is_paired_with_the_code_it_was_given(network: Up, name: str) -> None:
    newcomer = Newcomer.new()
    admission = asyncio.run(enrolled(network.url, newcomer, name))
    answer = asyncio.run(pairing(newcomer, admission))
    assert (admission["status"], answer["pair_url"]) == ("pending", f"{network.url}/pair")
    said = network.typed("island", "pair", answer["code"].lower())
    assert (said.code, said.out) == (0, f"{name} is yours now ({newcomer.island_id}).\n")
    assert asyncio.run(pairing(newcomer, admission)) == {"success": False, "error": "already paired"}
    assert [one["id"] for one in listed(network, name)] == [newcomer.island_id]


def test_a_code_that_no_island_shows_is_told_with_the_next_step(network: Up) -> None:
    said = network.typed("island", "pair", "ABC234")
    assert said.code == 1
    assert said.err.startswith("error: code: no island shows it now")
    assert "\nnext: type the code that the island shows now" in said.err


def test_an_island_is_renamed_by_its_name_or_its_id(network: Up, name: str) -> None:
    island = owned(network, name)
    assert network.typed("island", "rename", name, f"{name} b").out == f"It is called {name} b now.\n"
    renamed = network.typed("island", "rename", island.island_id, f"{name} c", "--json").json
    assert renamed == {"host_id": island.island_id, "name": f"{name} c"}
    assert listed(network, f"{name} c")


def test_a_name_that_two_islands_share_is_not_enough(network: Up, name: str) -> None:
    first, second = owned(network, name), owned(network, name)
    said = network.typed("island", "rename", name, "Other")
    assert said.code == 1
    assert said.err.startswith(f"error: NAME: 2 islands are called {name}\nnext: name one by its id: ")
    assert all(one.island_id in said.err for one in (first, second))
    assert network.typed("island", "rename", first.island_id, "Other").code == 0


def test_an_island_one_does_not_have_is_told(network: Up) -> None:
    said = network.typed("island", "remove", "Nowhere", "--yes")
    assert (said.code, said.err.splitlines()[0]) == (1, "error: NAME: you have no island Nowhere")
    assert "island list" in said.err


def test_an_island_is_removed_when_that_is_confirmed(network: Up, name: str) -> None:
    owned(network, name)
    unasked = network.typed("island", "remove", name)
    assert (unasked.code, unasked.err) == (2, "error: --yes: is needed where nobody can be asked\n")
    assert listed(network, name)
    said = network.typed("island", "remove", name, "--yes")
    assert said.out == f"{name} is removed. To join again: archipelago island join\n"
    assert listed(network, name) == []


@pytest.mark.parametrize(("typed", "is_removed"), [("y", True), ("n", False), ("", False)])
def test_a_person_is_asked_before_an_island_is_removed(
    network: Up, name: str, typed: str, monkeypatch: pytest.MonkeyPatch, *, is_removed: bool
) -> None:
    owned(network, name)
    monkeypatch.setattr("sys.stdin", Keyboard(typed))
    said = network.typed("island", "remove", name)
    assert (listed(network, name) == []) is is_removed
    assert is_removed or said.err == "error: nothing was changed\n"


class Keyboard:
    """A terminal at which one line is typed, or none at all."""

    def __init__(self, line: str) -> None:
        self._line = line

    def isatty(self) -> bool:
        return True

    def readline(self, _: int = -1) -> str:
        return f"{self._line}\n" if self._line else ""


def test_an_operator_suspends_reinstates_and_revokes(network: Up, name: str) -> None:
    island = owned(network, name)
    suspended = network.typed("island", "suspend", island.island_id, "--reason", "too loud")
    assert suspended.out == f"{name} is suspended.\n"
    assert [one["status"] for one in listed(network, name)] == ["suspended"]
    assert name in next(line for line in lines(network) if "suspended" in line)
    assert network.typed("island", "reinstate", island.island_id).code == 0
    assert [one["status"] for one in listed(network, name)] == ["offline"]
    revoked = network.typed("island", "revoke", island.island_id, "--reason", "stolen", "--json").json
    assert (revoked["membership"], revoked["suspended"]) == ("revoked", False)


def lines(network: Up) -> list[str]:
    return network.typed("island", "list").out.splitlines()


def test_barring_needs_a_reason_and_an_island(network: Up) -> None:
    assert network.typed("island", "suspend", "island-nobody").code == 2
    unknown = network.typed("island", "revoke", "island-nobody", "--reason", "test")
    assert (unknown.code, "is not enrolled" in unknown.err) == (1, True)
    assert network.typed("island", "suspend", "../jobs", "--reason", "test").code == 1


def test_credentials_let_an_island_in_that_has_no_keys(network: Up, name: str) -> None:
    said = network.typed("island", "credentials", name)
    fields = dict(line.split(maxsplit=1) for line in said.out.replace("host id", "host_id").splitlines())
    assert said.err == "The URL holds the password and is shown only now.\n"
    assert fields["host_id"] in fields["url"]
    assert [(one["id"], one["signed"]) for one in listed(network, name)] == [(fields["island"], False)]

    async def pinged() -> bytes:
        client = await nats.connect(fields["url"], allow_reconnect=False, inbox_prefix="_INBOX")
        try:
            answer = await client.request(f"host.{fields['host_id']}.ping", timeout=ANSWER_S)
        finally:
            await client.close()
        return bytes(answer.data)

    def is_let_in() -> bool:
        try:
            return asyncio.run(pinged()) == b"pong"
        except nats.errors.Error:
            return False  # The door may still be reading.

    assert comes_true(is_let_in)


def test_what_an_island_said_in_vain_is_shown_with_its_reason(network: Up, name: str) -> None:
    island = owned(network, name)
    admission = asyncio.run(enrolled(network.url, island, name))
    assert network.typed("island", "rejected", name).out == "Nothing was rejected in the last thirty days.\n"
    asyncio.run(say_unsigned(island, admission))

    def said() -> Said:
        return network.typed("island", "rejected", name)

    assert comes_true(lambda: "bad_signature" in said().out)
    assert f"host.{island.island_id}.status" in said().out
    [row] = network.typed("island", "rejected", island.island_id, "--json").json
    assert (row["code"], row["claim_stream"]) == ("bad_signature", "JOB_STATUS")
    everybody_s = network.typed("island", "rejected", "--json").json
    assert row in everybody_s


async def say_unsigned(island: Newcomer, admission: dict[str, Any]) -> None:
    async with connected(island, admission) as client:
        await client.request(subjects.status(island.island_id), b"{}", timeout=ANSWER_S)
