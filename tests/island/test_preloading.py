"""A cargo that is fetched before its first job, because the coordinator advised it."""

from typing import Any

import pytest

from adapters.wire import PreloadRecommendation
from tests.adapters.runtime.scripted import Exit, Say, Sleep
from tests.island.islands import Workshop, settle

pytestmark = pytest.mark.looptime

TOKEN = b'{"type":"token","content":"a"}\n'


def advice(workshop: Workshop, **fields: Any) -> PreloadRecommendation:
    """To fetch a cargo whose bytes can be had."""
    digest = workshop.job(Say(TOKEN), Exit(0)).cargo.digest
    plain = {
        "type": "scripted",
        "workload_slug": "wanted",
        "runtime_type": "scripted",
        "wasm_url": "http://net.example/cargo",
        "wasm_hash": digest,
    }
    return PreloadRecommendation(**(plain | fields))


def warm(workshop: Workshop) -> list[str]:
    cache = workshop.fabric.beats[-1][1].cache
    return cache.warm_workload_ids if cache else []


async def test_a_recommended_cargo_is_told_as_warm_before_its_first_job(workshop: Workshop) -> None:
    async with workshop.at_work() as agent:
        await settle()
        assert warm(workshop) == []
        agent.preload(advice(workshop))
        await settle()
        assert warm(workshop) == ["wanted"]
        assert workshop.said[-1] == "fetched wanted: jobs wait for it"
        agent.preload(advice(workshop))
        await settle()
    assert workshop.said.count("fetched wanted: jobs wait for it") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"runtime_type": "llmcpp"},
        {"wasm_hash": None},
        {"wasm_hash": "sha256:short"},
        {"wasm_url": "file:///etc/passwd"},
        {"wasm_url": None},
        {"wasm_hash": f"sha256:{'0' * 64}", "wasm_url": "http://127.0.0.1:1/nothing"},
    ],
)
async def test_advice_that_cannot_be_followed_changes_nothing(
    workshop: Workshop, wrong: dict[str, Any]
) -> None:
    async with workshop.at_work() as agent:
        agent.preload(advice(workshop, **wrong))
        await settle()
        assert warm(workshop) == []
        workshop.fabric.assign(workshop.job(Sleep(1), Say(TOKEN)))
        await settle()
    assert not any("fetched" in line for line in workshop.said)


async def test_an_island_that_leaves_fetches_nothing(workshop: Workshop) -> None:
    async with workshop.at_work() as agent:
        agent.drain()
        agent.preload(advice(workshop))
        await settle()
    assert not any("fetched" in line for line in workshop.said)
