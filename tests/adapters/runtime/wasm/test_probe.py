"""The runtime is advertised only after it gave the known answer, and says what is missing where it did not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from wasmtime import wat2wasm

from adapters.runtime.wasm import self_test
from adapters.runtime.wasm.runtime import WasmRuntime
from adapters.runtime.wasm.walls import Wall
from tests.adapters.runtime.wasm.house import wasm_house

MULTIPLIER, INCREMENT, MODULUS = 6364136223846793005, 1442695040888963407, 1 << 64


def after(steps: int, x: int) -> int:
    """The generator jumped ahead: the step is composed with itself, bit by bit of the count."""
    factor, offset = 1, 0
    step_factor, step_offset = MULTIPLIER, INCREMENT
    while steps:
        if steps & 1:
            factor, offset = factor * step_factor % MODULUS, (offset * step_factor + step_offset) % MODULUS
        step_factor, step_offset = (
            step_factor**2 % MODULUS,
            (step_offset * step_factor + step_offset) % MODULUS,
        )
        steps >>= 1
    return (factor * x + offset) % MODULUS


def test_the_module_in_binary_is_the_module_in_text() -> None:
    assert bytes(wat2wasm(self_test.TEXT)) == self_test.MODULE


def test_the_known_answer_is_the_right_one() -> None:
    question = int.from_bytes(self_test.QUESTION, "little")
    assert after(self_test.STEPS, question).to_bytes(8, "little") == self_test.ANSWER


async def test_every_wall_is_there_or_named_as_a_gap(tmp_path: Path) -> None:
    async with wasm_house(tmp_path) as house:
        capability = await house.runtime.probe()
    assert capability.offered
    assert set(capability.walls) | set(capability.gaps) == set(Wall)
    assert not set(capability.walls) & set(capability.gaps)
    assert {Wall.RESOURCES, Wall.UNPRIVILEGED, Wall.DIES_WITH_PARENT} <= set(capability.walls)
    assert (capability.runtime, capability.engine) == ("wasm", "wasmtime")
    assert capability.engine_version.startswith("50.")


async def test_a_folder_that_cannot_be_used_is_the_reason(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    async with wasm_house(in_the_way) as house:
        capability = await house.runtime.probe()
    assert not capability.offered
    assert str(in_the_way) in capability.reasons[0]


async def test_a_wrong_answer_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_test, "ANSWER", b"mistaken")
    async with wasm_house(tmp_path) as house:
        capability = await house.runtime.probe()
    assert (capability.offered, capability.score) == (False, 0.0)
    assert "self-test answered e9525b0f644be348" in capability.reasons[0]


async def test_another_system_than_linux_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = WasmRuntime(folder=tmp_path, slots=1)
    monkeypatch.setattr(sys, "platform", "darwin")
    capability = await runtime.probe()
    monkeypatch.undo()
    assert not capability.offered
    assert capability.reasons == ("the WebAssembly runtime is built for Linux, and this is darwin",)
    await runtime.aclose()
