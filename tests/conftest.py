"""Fixtures that every test may ask for by name, how properties are run, and one correction to how loops are kept."""

import asyncio

from hypothesis import settings

pytest_plugins = ["tests.servers", "tests.event_logs"]

# A busy machine is slow, not wrong; and a failure prints what makes it happen again.
settings.register_profile("gate", deadline=None, print_blob=True)
settings.load_profile("gate")


def pytest_sessionstart() -> None:
    """Say that no loop is set, once.

    Where nothing was ever set, Python before 3.14 answers pytest-asyncio's "which loop was here before?" by making
    one, which nobody closes: some later test then fails with its ResourceWarning.
    """
    asyncio.set_event_loop(None)
