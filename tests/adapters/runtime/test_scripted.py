"""The scripted runtime keeps the contract, so that a test of the island may trust it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.runtime.contract import Artifact
from tests.adapters.runtime.runtime_contract import House, RuntimeContract
from tests.adapters.runtime.scripted import Complain, Echo, Exit, Repeat, Say, ScriptedRuntime, Sleep, Step

_SCRIPTS: dict[str, tuple[Step, ...]] = {
    "echo": (Echo(),),
    "exit_7": (Say(b"tick\n"), Exit(7)),
    "sleep": (Say(b"tick\n"), Sleep()),
    "flood": (Repeat(b"x" * 65_535 + b"\n"),),
    "endless_line": (Say(b"tick\n"), Repeat(b"x" * 65_536)),
    "complain": (*(Complain(b"x" * 65_536) for _ in range(4)), Complain(b"the last words")),
}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    runtimes: list[ScriptedRuntime] = []

    def another() -> ScriptedRuntime:
        runtimes.append(ScriptedRuntime(slots=2))
        for steps in _SCRIPTS.values():
            runtimes[-1].cargo(*steps)
        return runtimes[-1]

    def cargo(name: str) -> Artifact:
        return runtimes[0].cargo(*_SCRIPTS[name])

    yield House(runtime=another(), cargo=cargo, another=another)
    for runtime in runtimes:
        await runtime.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


class TestScriptedRuntime(RuntimeContract):
    pass
