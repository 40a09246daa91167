"""A document is renewed long before it ends, at once when it is refused, and never in a hurry."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from adapters.nats.accounts.jwt import mint
from adapters.nats.accounts.nkey import Kind, NKey
from island.credentials import Credentials, KeptCredentials, stored_farewell
from island.enrolment import Expelled, Expulsion, NotEnrolled
from island.renewal import PAUSE_MAX_S, PAUSE_MIN_S, Renewal
from island.state_store import StateStore

ISSUED_AT_S = 1_700_000_000
LIFE_S = 86_400
ISSUER = NKey.new(Kind.ACCOUNT)
USER = NKey.new(Kind.USER).public


def document(number: int) -> Credentials:
    issued_at_s = ISSUED_AT_S + number
    return Credentials(
        host_id=ISSUER.public,
        user_key=USER,
        name="mine",
        coordinator_url="https://coordinator.example",
        nats_url="tls://coordinator.example",
        user_jwt=mint(ISSUER, USER, "user", {}, issued_at_s=issued_at_s, expires_at_s=issued_at_s + LIFE_S),
        expires_at_s=issued_at_s + LIFE_S,
        pair_url="https://coordinator.example/pair",
        is_paired=False,
    )


class Scene:
    """A coordinator that answers with `answer`, and a note of when it was asked."""

    def __init__(self, store: StateStore) -> None:
        self.store = store
        self.kept = KeptCredentials(store, document(0))
        self.asked_at_s: list[float] = []
        self.farewells: list[str] = []
        self.answer: Credentials | Exception = document(1)

    async def ask(self) -> Credentials:
        self.asked_at_s.append(asyncio.get_running_loop().time())
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    @asynccontextmanager
    async def renewing(self, *, age_s: float = 0) -> AsyncIterator[Renewal]:
        now_ms = int((ISSUED_AT_S + age_s) * 1000)
        renewal = Renewal(self.kept, self.ask, now_ms=now_ms, on_expelled=self.farewells.append)
        running = asyncio.create_task(renewal.run())
        yield renewal
        running.cancel()
        await asyncio.wait([running])


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    store = StateStore.open(tmp_path)
    yield Scene(store)
    store.close()


@pytest.mark.looptime
async def test_a_document_is_renewed_at_half_its_life_each_time(scene: Scene) -> None:
    async with scene.renewing():
        await asyncio.sleep(LIFE_S + 1)
    assert scene.asked_at_s == pytest.approx([LIFE_S / 2, LIFE_S], abs=1)
    assert scene.kept.newest == document(1)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("age_s", "wait_s"), [(LIFE_S / 4, LIFE_S / 4), (LIFE_S, 0), (10 * LIFE_S, 0), (-LIFE_S, LIFE_S / 2)]
)
async def test_the_age_of_a_stored_document_counts_whatever_the_clock_says(
    scene: Scene, age_s: float, wait_s: float
) -> None:
    async with scene.renewing(age_s=age_s):
        await asyncio.sleep(LIFE_S * 3 / 4)
    assert scene.asked_at_s[0] == pytest.approx(wait_s, abs=1)
    assert len(scene.asked_at_s) <= 2


@pytest.mark.looptime
async def test_a_silent_coordinator_is_asked_again_after_growing_pauses(scene: Scene) -> None:
    scene.answer = NotEnrolled("no answer")
    async with scene.renewing(age_s=LIFE_S):
        await asyncio.sleep(10 * PAUSE_MAX_S)
    pauses_s = [later - earlier for earlier, later in pairwise(scene.asked_at_s)]
    assert pauses_s[:4] == pytest.approx([PAUSE_MIN_S, 2 * PAUSE_MIN_S, 4 * PAUSE_MIN_S, 8 * PAUSE_MIN_S])
    assert max(pauses_s) == pytest.approx(PAUSE_MAX_S)
    assert scene.kept.newest == document(0)


@pytest.mark.looptime
async def test_a_refused_document_is_replaced_at_once_and_not_again_a_moment_later(scene: Scene) -> None:
    async with scene.renewing() as renewal:
        await renewal.renew()
        assert scene.kept.newest == document(1)
        await asyncio.gather(*(renewal.renew() for _ in range(10)))
        assert len(scene.asked_at_s) == 1
        await asyncio.sleep(PAUSE_MIN_S)
        await renewal.renew()
        assert len(scene.asked_at_s) == 2


@pytest.mark.looptime
async def test_an_island_that_has_to_go_is_told_once_and_asks_no_more(scene: Scene) -> None:
    scene.answer = Expelled(Expulsion.REMOVED, "https://coordinator.example")
    async with scene.renewing() as renewal:
        await renewal.renew()
        await asyncio.sleep(LIFE_S)
        await renewal.renew()
    assert len(scene.asked_at_s) == len(scene.farewells) == 1
    assert stored_farewell(scene.store) == scene.farewells[0]
    assert "removed by its owner" in scene.farewells[0]


@pytest.mark.looptime
async def test_documents_that_are_born_old_are_not_asked_for_without_a_pause(scene: Scene) -> None:
    scene.answer = msgspec.structs.replace(document(1), expires_at_s=0)
    async with scene.renewing(age_s=LIFE_S):
        await asyncio.sleep(60)
    assert len(scene.asked_at_s) <= 60 / PAUSE_MIN_S + 1
