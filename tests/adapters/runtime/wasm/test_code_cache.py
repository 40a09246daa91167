"""Compiled code on disk is used only if this island wrote it, for this module, and not a bit has changed."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from adapters.runtime.contract import End, Limits, RuntimeBroken
from adapters.runtime.wasm.code_cache import CodeCache
from adapters.runtime.wasm.compiled_module import CompiledModule
from adapters.runtime.wasm.compiler_process import CompileBounds
from adapters.runtime.wasm.runtime import WasmRuntime
from adapters.runtime.wasm.sealed_memory import SealedMemory
from tests.adapters.runtime.guests import guest
from tests.adapters.runtime.runtime_contract import House
from tests.adapters.runtime.wasm.house import wasm_house

DIGEST, OTHER_DIGEST = "a" * 64, "b" * 64
MODULE = CompiledModule(memory_pages=3, is_exact=True, code=b"machine code")
LIMITS = Limits(memory_mb=64)


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*/*") if path.is_file())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_stored_is_found_by_the_next_start(tmp_path: Path) -> None:
    CodeCache(tmp_path).store(DIGEST, MODULE)
    assert CodeCache(tmp_path).load(DIGEST) == MODULE
    assert CodeCache(tmp_path).load(OTHER_DIGEST) is None


def test_only_the_island_may_look_inside(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.mkdir(mode=0o777)
    CodeCache(folder).store(DIGEST, MODULE)
    assert mode(folder / "key") == 0o600
    assert mode(folder) == mode(entries(folder)[0].parent) == 0o700


def test_a_change_anywhere_in_an_entry_makes_it_worthless(tmp_path: Path) -> None:
    cache = CodeCache(tmp_path)
    cache.store(DIGEST, MODULE)
    (entry,) = entries(tmp_path)
    whole = entry.read_bytes()
    for at in range(len(whole)):
        entry.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert cache.load(DIGEST) is None
    for length in (0, 31, 32, 33, len(whole) - 1):
        entry.write_bytes(whole[:length])
        assert cache.load(DIGEST) is None
    entry.write_bytes(whole)
    assert cache.load(DIGEST) == MODULE


def test_an_entry_written_elsewhere_is_not_believed(tmp_path: Path) -> None:
    here, elsewhere = CodeCache(tmp_path / "here"), CodeCache(tmp_path / "elsewhere")
    elsewhere.store(DIGEST, MODULE)
    (foreign,) = entries(tmp_path / "elsewhere")
    here.store(DIGEST, MODULE)
    (ours,) = entries(tmp_path / "here")
    ours.write_bytes(foreign.read_bytes())
    assert here.load(DIGEST) is None


def test_an_entry_does_not_hold_for_another_module(tmp_path: Path) -> None:
    cache = CodeCache(tmp_path)
    cache.store(DIGEST, MODULE)
    (entry,) = entries(tmp_path)
    entry.rename(entry.with_name(OTHER_DIGEST))
    assert cache.load(OTHER_DIGEST) is None


def test_a_damaged_key_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    CodeCache(tmp_path)
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(RuntimeBroken, match=r"key must hold 32 bytes; remove it"):
        CodeCache(tmp_path)


def test_the_entries_used_longest_ago_make_room(tmp_path: Path) -> None:
    body_bytes = 32 + len(MODULE.encode())
    cache = CodeCache(tmp_path, bytes_max=2 * body_bytes)
    for age, digest in ((30, "a" * 64), (20, "b" * 64)):
        cache.store(digest, MODULE)
        entry = next(path for path in entries(tmp_path) if path.name == digest)
        os.utime(entry, (entry.stat().st_atime - age, entry.stat().st_mtime - age))
    assert cache.load("a" * 64) == MODULE
    cache.store("c" * 64, MODULE)
    assert [path.name[0] for path in entries(tmp_path)] == ["a", "c"]


def test_sealed_code_cannot_be_changed_by_anybody() -> None:
    memory = SealedMemory(b"code")
    with pytest.raises(PermissionError):
        os.pwrite(memory.descriptor, b"x", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(memory.descriptor, 0)
    memory.close()
    assert memory.is_closed


async def ticks(house: House) -> bool:
    lines, outcome = await house.run("tick", limits=LIMITS)
    return (lines, outcome.end) == ([b"tick\n"], End.EXITED)


@pytest.mark.parametrize("damage", ["a changed byte", "the code of another module"])
async def test_a_damaged_or_forged_entry_is_compiled_anew(tmp_path: Path, damage: str) -> None:
    async with wasm_house(tmp_path) as house:
        await house.runtime.prepare(guest("tick"), LIMITS)
        (entry,) = entries(tmp_path)
        good = entry.read_bytes()
        await house.runtime.prepare(guest("spin"), LIMITS)
        (other,) = set(entries(tmp_path)) - {entry}
        entry.write_bytes(
            {
                "a changed byte": good[:500] + bytes([good[500] ^ 0xFF]) + good[501:],
                "the code of another module": good[:32] + other.read_bytes()[32:],
            }[damage]
        )
    async with wasm_house(tmp_path) as house:
        assert await ticks(house)
    assert entry.read_bytes() == good


async def test_a_known_module_needs_no_compiler(tmp_path: Path) -> None:
    async with wasm_house(tmp_path) as house:
        first, second = await asyncio.gather(
            *(house.runtime.prepare(guest("tick"), LIMITS) for _ in range(2))
        )
        assert first is second
    no_time_at_all = CompileBounds(wall_s=0.0)
    runtime = WasmRuntime(folder=tmp_path, slots=1, compile_bounds=no_time_at_all)
    prepared = await runtime.prepare(guest("tick"), LIMITS)
    assert prepared.digest == guest("tick").digest
    await runtime.aclose()
    assert prepared.code.is_closed
