"""The facts of the log as frames for WebSockets: gathered for a tick, encoded once for everybody who may see the same.

Held by `api.edge`; `run` moves the tick, `follow` is one subscription. A follower keeps a position and nothing else:
whoever is slow gets fewer and larger frames, and whoever is far behind reads the log.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Final

from adapters.field_cipher import FieldCipher
from adapters.nats.event_tail import EventTail
from adapters.revealed_log import revealed_commits
from api.fact_owners import FactOwners
from api.server_frames import Row, changes_frame, encoded
from api.shapes.fact import fact_shape
from api.shapes.present import instant
from api.single_flight import SingleFlight
from commands.event_log import Commit
from domain.check_events import VerdictReached
from domain.ids import AccountId

TICK_S: Final = 0.02
FRAME_BYTES_MAX: Final = 128 * 1024  # A frame ends behind the commit that reaches this.


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who follows: an account its own facts, None everybody's; of one category, None of all."""

    account_id: AccountId | None
    category: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What an audience is told of the log up to `position`; no frame where nothing concerns it."""

    position: int
    frame: str | None


class FactFeed:
    def __init__(
        self, tail: EventTail, cipher: FieldCipher, owners: FactOwners, shared: SingleFlight
    ) -> None:
        self._tail = tail
        self._cipher = cipher
        self._owners = owners
        self._shared = shared
        self._position = 0
        self._moved = asyncio.Event()

    async def run(self, after: int) -> None:
        """Moves the tick from position `after` on, until cancelled; run again, from where it stopped."""
        self._move(
            max(after, self._position)
        )  # Whoever resumes before anything new happens has a past to read.
        async for commits in self._tail.follow(self._position, gathering_s=TICK_S):
            self._move(commits[-1].position)

    def _move(self, position: int) -> None:
        self._position = position
        self._moved.set()
        self._moved = asyncio.Event()

    async def follow(self, audience: Audience, after: int) -> AsyncGenerator[str]:
        """Frames of what happened behind `after`, for ever. Raises what the log and the read side raise."""
        while True:
            while self._position <= after:
                await self._moved.wait()
            key = (audience, after, self._position)
            block = await self._shared.result(key, partial(self._block, audience, after, self._position))
            after = block.position
            if block.frame is not None:
                yield block.frame

    async def _block(self, audience: Audience, after: int, up_to: int) -> Block:
        """The first facts behind `after`, up to the tick or as many as fit one frame."""
        async with aclosing(self._tail.follow(after)) as batches:
            commits = [commit for commit in await anext(batches) if commit.position <= up_to]
        told = [commit for commit in commits if audience.category in (None, category_of(commit))]
        if audience.account_id is not None:
            owners = await self._shared.result(
                ("owners", after, up_to, audience.category), partial(self._owners_of, told)
            )
            told = [
                commit for commit, owner in zip(told, owners, strict=True) if owner == audience.account_id
            ]
        position = commits[-1].position if commits else up_to
        rows: list[bytes] = []
        size = 0
        for commit in await revealed_commits(self._cipher, told):
            found = fact_rows(commit, for_owner=audience.account_id is not None)
            rows += found
            size += sum(map(len, found))
            if size >= FRAME_BYTES_MAX:
                position = commit.position
                break
        return Block(position=position, frame=changes_frame(rows, position) if rows else None)

    async def _owners_of(self, commits: Sequence[Commit]) -> list[AccountId | None]:
        return [await self._owners.of(commit) for commit in commits]


def category_of(commit: Commit) -> str:
    return commit.stream.partition(".")[0]


def fact_rows(commit: Commit, *, for_owner: bool) -> list[bytes]:
    """The commit's facts, encoded. Of a check an owner is told the verdict alone: until then nobody knows of it."""
    about = {
        "stream": commit.stream,
        "recorded_at": instant(commit.recorded_at_ms),
        "actor": commit.origin.actor or "",
    }
    return [
        encoded(Row(commit.position, index, "put", about | fact_shape(event)))
        for index, event in enumerate(commit.events)
        if not (for_owner and category_of(commit) == "check" and not isinstance(event, VerdictReached))
    ]
