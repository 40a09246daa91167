"""Fixtures of the island's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.island.islands import Workshop


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[Workshop]:
    workshop = Workshop(tmp_path / "state")
    yield workshop
    await workshop.close()
