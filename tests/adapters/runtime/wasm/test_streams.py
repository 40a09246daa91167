"""The island's end of a guest's input, without a guest."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from adapters.runtime.wasm.streams import StandardInput
from tests.adapters.runtime.traces import becomes, descriptors


async def test_a_guest_that_leaves_without_reading_is_no_error() -> None:
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    before = descriptors()
    theirs, ours = os.pipe()
    StandardInput(ours, b"x" * (1 << 20))
    assert len(descriptors()) == len(before) + 2
    os.close(theirs)
    await becomes(lambda: descriptors() == before or bool(errors))
    assert errors == []


async def test_a_small_input_is_written_and_closed_at_once() -> None:
    theirs, ours = os.pipe()
    StandardInput(ours, b"one line\n")
    with os.fdopen(theirs, "rb") as guest:
        assert guest.read() == b"one line\n"
