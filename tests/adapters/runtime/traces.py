"""What a runtime could leave behind in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

EFFECT_S_MAX = 10.0


def children() -> set[int]:
    """Processes that this one has started and that are not gone yet, zombies included.

    Not their own children: a database server of other tests starts and ends processes whenever it likes.
    """
    return {child.pid for child in psutil.Process().children()}


def descriptors() -> dict[str, str]:
    """Open descriptors by number and what they are."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        # The one that lists the folder is gone by now.
        with contextlib.suppress(FileNotFoundError):
            found[entry.name] = str(entry.readlink())
    return found


@dataclass(frozen=True, slots=True)
class Traces:
    """Taken before something; `left` says afterwards what is new."""

    children: set[int] = field(default_factory=children)
    descriptors: dict[str, str] = field(default_factory=descriptors)

    def left(self) -> tuple[set[int], set[tuple[str, str]]]:
        return children() - self.children, descriptors().items() - self.descriptors.items()


NOTHING: tuple[set[int], set[tuple[str, str]]] = (set(), set())


async def becomes(condition: Callable[[], bool]) -> None:
    """Wait for an effect in another process."""
    async with asyncio.timeout(EFFECT_S_MAX):
        while not condition():
            await asyncio.sleep(0.005)
