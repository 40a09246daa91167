"""Ctrl-C and SIGTERM for commands that have much to put away: the first begins an orderly stop, the second hurries it.

Used by `archipelago up` and `archipelago demo`.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


async def until_told_to_stop(
    work: Coroutine[Any, Any, None], *, on_first: Callable[[], None], on_second: Callable[[], None]
) -> bool:
    """Runs `work`, and cancels it at the first signal; what it puts away then is not interrupted again.

    Returns whether it was a signal that ended it. Raises what `work` raises.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    was_told = False

    def on_signal() -> None:
        nonlocal was_told
        if was_told:
            on_second()
            return
        was_told = True
        on_first()
        task.cancel()

    for one in SIGNALS:
        loop.add_signal_handler(one, on_signal)
    try:
        await task
    except asyncio.CancelledError:
        if not was_told:
            raise
    finally:
        for one in SIGNALS:
            loop.remove_signal_handler(one)
    return was_told
