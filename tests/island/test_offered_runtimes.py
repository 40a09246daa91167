"""Only what passed its self-test is offered, and the owner hears what changed."""

from dataclasses import replace

from adapters.runtime.contract import Capability
from island.offered_runtimes import OfferedRuntimes
from island.presence import registration
from tests.adapters.runtime.scripted import ScriptedRuntime
from tests.island.islands import Workshop


class MoodyRuntime(ScriptedRuntime):
    is_well = True

    async def probe(self) -> Capability:
        found = await super().probe()
        return found if self.is_well else replace(found, offered=False, reasons=("no answer", "no memory"))


async def test_a_runtime_that_fails_its_test_is_told_and_not_offered(workshop: Workshop) -> None:
    runtime = MoodyRuntime(slots=1)
    offered = OfferedRuntimes({"scripted": runtime}, say=workshop.said.append)
    await offered.test()
    await offered.test()
    assert registration(workshop.profile, offered.capabilities).supported_runtimes == ["scripted"]

    runtime.is_well = False
    await offered.test()
    message = registration(workshop.profile, offered.capabilities)

    assert message.supported_runtimes == []
    assert [(one.passed, one.detail) for one in message.self_tests] == [(False, "no answer; no memory")]
    assert workshop.said == [
        "offers scripted: scripted 1, score 1",
        "cannot offer scripted: no answer; no memory",
    ]
