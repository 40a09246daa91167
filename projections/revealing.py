"""How the read side is given its texts readable. `adapters.field_cipher` does it where there are keys.

Tables hold marked texts sealed, as the log does. A reader that is given nothing gets them as they are stored.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

R = TypeVar("R")


class Reveal(Protocol):
    async def __call__(self, rows: Sequence[R], /) -> list[R]: ...


async def as_stored(rows: Sequence[R], /) -> list[R]:
    return list(rows)
