"""Fixtures that every test may ask for by name, and one correction to how loops are kept."""

import asyncio

pytest_plugins = ["tests.servers"]


def pytest_sessionstart() -> None:
    """Say that no loop is set, once.

    Where nothing was ever set, Python before 3.14 answers pytest-asyncio's "which loop was here before?" by making
    one, which nobody closes: some later test then fails with its ResourceWarning.
    """
    asyncio.set_event_loop(None)
