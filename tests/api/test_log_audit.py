"""A damaged log is a trouble until it is whole again; a server that says nothing is none."""

import asyncio
from collections.abc import Iterator

import pytest

from adapters.nats.replies import Unanswered
from api import workers
from api.workers import LOG_AUDIT, Troubles, audit_log

DAMAGE = "a: the event log holds 9 of 10 commits"


class Auditor:
    """Finds what was prepared, one after another, and notes the troubles that each look began with."""

    def __init__(self, troubles: Troubles, *found: list[str] | Exception) -> None:
        self._found: Iterator[list[str] | Exception] = iter(found)
        self._troubles = troubles
        self.seen: list[str | None] = []
        self.is_through = asyncio.Event()

    async def damages(self) -> list[str]:
        self.seen.append(self._troubles.by_worker.get(LOG_AUDIT))
        match next(self._found, None):
            case None:
                self.is_through.set()
                return []
            case Exception() as fault:
                raise fault
            case list() as damages:
                return damages


async def test_a_damage_is_told_until_it_is_healed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "AUDIT_EVERY_S", 0)
    troubles = Troubles()
    auditor = Auditor(troubles, [], [DAMAGE], Unanswered("away"), [DAMAGE, "b: gone"], [])
    auditing = asyncio.create_task(audit_log(auditor, troubles))  # type: ignore[arg-type]  # only `damages` is used
    async with asyncio.timeout(5):
        await auditor.is_through.wait()
    auditing.cancel()
    assert auditor.seen == [None, None, DAMAGE, DAMAGE, f"{DAMAGE}; b: gone", None]
