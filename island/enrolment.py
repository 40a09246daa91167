"""How an island joins: once, over HTTP, with its owner's API key. Later starts need neither key nor coordinator.

Called by the composition root. What the coordinator answers is kept in the state directory, readable by the owner
alone.
"""

from typing import Final

import httpx
import msgspec

from domain.ids import IslandId
from island.state_store import StateStore

CREDENTIALS_FILE: Final = "credentials.json"
ROUTE: Final = "/api/v1/islands/enrol"
TIMEOUT_S: Final = 10.0
ANSWER_CHARACTERS_MAX: Final = 300


class Credentials(msgspec.Struct, kw_only=True, frozen=True):
    """What lets an island onto the network. `host_id` is the island's own id, as the coordinator knows it."""

    host_id: str
    name: str
    nats_url: str
    user: str
    password: str


class NotEnrolled(Exception):
    """The island could not join; the text says what to do next."""


def stored_credentials(store: StateStore, island_id: IslandId) -> Credentials | None:
    """Those of an earlier enrolment of this very island."""
    content = store.read(CREDENTIALS_FILE)
    if content is None:
        return None
    try:
        credentials = msgspec.json.decode(content, type=Credentials)
    except msgspec.DecodeError:
        return None
    return credentials if credentials.host_id == island_id else None


async def enrol(
    store: StateStore, *, island_id: IslandId, coordinator_url: str, key: str, name: str, platform: str
) -> Credentials:
    """Ask to join and keep what is answered. Raises `NotEnrolled`."""
    body = {"account_key": island_id, "name": name, "platform": platform}
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            answer = await client.post(
                coordinator_url.rstrip("/") + ROUTE, json=body, headers={"Authorization": f"Bearer {key}"}
            )
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise NotEnrolled(
            f"coordinator_url: no answer from {coordinator_url} ({type(fault).__name__}); "
            "check the address and that the coordinator runs"
        ) from fault
    if answer.status_code != httpx.codes.CREATED:
        raise NotEnrolled(_what_to_do(answer))
    credentials = _read(answer, island_id)
    store.write(CREDENTIALS_FILE, msgspec.json.encode(credentials))
    return credentials


def _read(answer: httpx.Response, island_id: IslandId) -> Credentials:
    try:
        credentials = msgspec.json.decode(answer.content, type=Credentials)
    except msgspec.DecodeError as fault:
        raise NotEnrolled(
            f"the coordinator's answer is no enrolment: {fault}; is this its address?"
        ) from fault
    if credentials.host_id != island_id:
        raise NotEnrolled("host_id: the coordinator enrolled another island than this one")
    return credentials


def _what_to_do(answer: httpx.Response) -> str:
    match answer.status_code:
        case httpx.codes.UNAUTHORIZED:
            return "key: the coordinator does not know this API key; make one with the scope `islands`"
        case httpx.codes.FORBIDDEN:
            return f"key: this API key may not enrol islands; make one with the scope `islands` ({_message(answer)})"
        case _:
            return (
                f"the coordinator refused the enrolment with status {answer.status_code}: {_message(answer)}"
            )


def _message(answer: httpx.Response) -> str:
    try:
        text = str(answer.json()["message"])
    except (ValueError, LookupError, TypeError):
        text = answer.text
    return text[:ANSWER_CHARACTERS_MAX]
