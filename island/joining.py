"""The start of an island: go on where it has joined, or join.

Called by the composition root before it makes anything that needs the network.
"""

from collections.abc import Callable

import httpx

from adapters.tls import is_exposed
from island.credentials import Credentials, stored_credentials, stored_farewell
from island.enrolment import HOW_TO_JOIN, CoordinatorDoor, Expelled, NotEnrolled
from island.identity import Identity, with_new_user_key
from island.settings import Settings
from island.state_store import StateStore


class NotJoined(Exception):
    """The island cannot begin; the text says what to do."""


class SentAway(NotJoined):
    """The network does not want the island as it is: beginning again would not help."""


async def join(
    settings: Settings,
    store: StateStore,
    identity: Identity,
    client: httpx.AsyncClient,
    *,
    platform: str,
    say: Callable[[str], None],
) -> tuple[Identity, Credentials]:
    """Those stored, where they still count, else new ones; the user key is a new one where the old was revoked.

    Raises `NotJoined`, `SentAway` and `NotEnrolled`.
    """
    url = settings.coordinator_url
    if not settings.joins_again:
        if (farewell := stored_farewell(store)) is not None:
            raise SentAway(farewell)
        if (stored := stored_credentials(store, identity, url)) is not None:
            return identity, stored
    if url is None:
        raise NotJoined(f"this island has not joined a network; join one with: {HOW_TO_JOIN}")
    refuse_plaintext(settings, "coordinator_url", url)
    say(f"joining the network of {url}")
    door = CoordinatorDoor(client, url)
    try:
        return identity, await _enrol(settings, door, identity, platform)
    except Expelled as revoked:
        if not settings.joins_again:
            raise SentAway(str(revoked)) from revoked
    say("the old key was revoked; joining with a new one")
    identity = with_new_user_key(store, identity)
    try:
        return identity, await _enrol(settings, door, identity, platform)
    except Expelled as again:
        raise NotEnrolled(str(again)) from again


def refuse_plaintext(settings: Settings, name: str, url: str) -> None:
    """Raises `NotJoined` where others could read along and nobody has agreed to that."""
    if is_exposed(url) and not settings.allow_plaintext:
        raise NotJoined(
            f"{name}: {url} is another machine and not encrypted; use an encrypted address, "
            "or add --allow-plaintext if nobody between here and there can do harm"
        )


async def _enrol(settings: Settings, door: CoordinatorDoor, identity: Identity, platform: str) -> Credentials:
    key = settings.key.get_secret_value() if settings.key else None
    return await door.enrol(identity, key=key, name=settings.name, platform=platform)
