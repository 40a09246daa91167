"""The owner is told what to do, once and plainly; the island begins to work when the coordinator says so."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from adapters.wire import ALREADY_PAIRED, SUSPENDED, PairingAnswer
from island.credentials import Credentials, KeptCredentials
from island.pairing import ASK_S, ASK_UNATTENDED_S, ATTENDED_S, Pairing
from island.state_store import StateStore
from tests.island.memory_fabric import MemoryFabric

PAGE = "https://coordinator.example/pair"
PAIRED = PairingAnswer(success=False, error=ALREADY_PAIRED)


def code(text: str) -> PairingAnswer:
    return PairingAnswer(success=True, code=text, expires_in_seconds=600, pair_url=PAGE)


class Scene:
    def __init__(self, store: StateStore) -> None:
        self.fabric = MemoryFabric()
        self.said: list[str] = []
        self.admissions = self.bars = 0
        self.kept = KeptCredentials(
            store,
            Credentials(
                host_id="A",
                user_key="U",
                name="mine",
                coordinator_url="https://coordinator.example",
                nats_url="tls://coordinator.example",
                user_jwt="",
                expires_at_s=0,
                pair_url=PAGE,
                is_paired=False,
            ),
        )

    async def admitted(self) -> None:
        self.admissions += 1

    def barred(self) -> None:
        self.bars += 1

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Pairing]:
        pairing = Pairing(
            self.fabric, self.kept, on_admitted=self.admitted, on_barred=self.barred, say=self.said.append
        )
        running = asyncio.create_task(pairing.run())
        pairing.connected()
        await asyncio.sleep(0.1)
        yield pairing
        running.cancel()
        await asyncio.wait([running])


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    store = StateStore.open(tmp_path)
    yield Scene(store)
    store.close()


@pytest.mark.looptime
async def test_the_code_is_shown_once_and_again_when_it_changes(scene: Scene) -> None:
    scene.fabric.pairing = code("ABC234")
    async with scene.connected():
        await asyncio.sleep(10 * ASK_S)
        scene.fabric.pairing = code("XYZ789")
        await asyncio.sleep(10 * ASK_S)
    assert scene.said == [
        f"To lend this machine, type the code {one} at {PAGE} or run: archipelago island pair {one}"
        for one in ("ABC234", "XYZ789")
    ]
    assert not scene.fabric.is_admitted
    assert scene.bars == 0


@pytest.mark.looptime
async def test_a_paired_island_works_at_once_and_remembers_it(scene: Scene) -> None:
    scene.fabric.pairing = code("ABC234")
    async with scene.connected():
        scene.fabric.pairing = PAIRED
        await asyncio.sleep(ASK_S)
        assert scene.said[1:] == ["paired; waiting for jobs"]
        assert (scene.fabric.is_admitted, scene.admissions) == (True, 1)
        assert scene.kept.newest.is_paired
        asked = len(scene.fabric.asked_at_s)
        await asyncio.sleep(100 * ATTENDED_S)
        assert len(scene.fabric.asked_at_s) == asked


@pytest.mark.looptime
async def test_an_island_known_as_paired_works_while_nobody_answers(scene: Scene) -> None:
    scene.kept.note_pairing(is_paired=True)
    async with scene.connected():
        assert scene.fabric.is_admitted
    assert scene.said == []


@pytest.mark.looptime
async def test_an_island_known_as_paired_is_told_nothing_when_that_is_still_so(scene: Scene) -> None:
    scene.kept.note_pairing(is_paired=True)
    scene.fabric.pairing = PAIRED
    async with scene.connected():
        assert scene.fabric.is_admitted
    assert (scene.said, scene.admissions) == ([], 0)


@pytest.mark.looptime
async def test_an_island_that_is_not_known_as_paired_waits_while_nobody_answers(scene: Scene) -> None:
    async with scene.connected():
        await asyncio.sleep(ATTENDED_S)
    assert not scene.fabric.is_admitted
    assert scene.said == []


@pytest.mark.looptime
async def test_a_suspended_island_stops_working_says_so_once_and_comes_back(scene: Scene) -> None:
    scene.kept.note_pairing(is_paired=True)
    scene.fabric.pairing = PAIRED
    async with scene.connected() as pairing:
        scene.fabric.pairing = PairingAnswer(success=False, error=SUSPENDED)
        pairing.connected()
        await asyncio.sleep(10 * ASK_UNATTENDED_S)
        assert not scene.fabric.is_admitted
        assert scene.bars == 1
        (line,) = scene.said
        assert "suspended" in line
        scene.fabric.pairing = PAIRED
        await asyncio.sleep(ASK_UNATTENDED_S)
    assert scene.fabric.is_admitted
    assert scene.said[1:] == ["paired; waiting for jobs"]


@pytest.mark.looptime
async def test_a_passing_trouble_of_the_coordinator_stops_no_work(scene: Scene) -> None:
    scene.kept.note_pairing(is_paired=True)
    scene.fabric.pairing = PairingAnswer(success=False, error="ask again\x1b[2J")
    async with scene.connected():
        await asyncio.sleep(10 * ASK_UNATTENDED_S)
    assert scene.fabric.is_admitted
    assert scene.said == ["the coordinator does not pair this island: ask again[2J"]


@pytest.mark.looptime
async def test_an_island_that_lost_its_owner_waits_for_one_again(scene: Scene) -> None:
    scene.kept.note_pairing(is_paired=True)
    scene.fabric.pairing = code("ABC234")
    async with scene.connected():
        assert not scene.fabric.is_admitted
        assert not scene.kept.newest.is_paired
        assert "ABC234" in scene.said[0]


@pytest.mark.looptime
async def test_nobody_is_asked_as_often_for_ever(scene: Scene) -> None:
    scene.fabric.pairing = code("ABC234")
    async with scene.connected():
        await asyncio.sleep(2 * ATTENDED_S)
    asked_at_s = scene.fabric.asked_at_s
    pauses_s = [later - earlier for earlier, later in pairwise(asked_at_s)]
    assert (pauses_s[0], pauses_s[-1]) == pytest.approx((ASK_S, ASK_UNATTENDED_S))
