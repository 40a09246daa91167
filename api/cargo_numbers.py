"""The public number of each cargo, which SDKs read in every job. It never changes, so it is asked for once."""

from collections import OrderedDict
from typing import Final

from domain.ids import CargoSlug
from projections.read_model import ReadModel

NUMBERS_CACHED_MAX: Final = 10_000


class CargoNumbers:
    def __init__(self, reads: ReadModel) -> None:
        self._reads = reads
        self._numbers: OrderedDict[CargoSlug, int] = OrderedDict()

    async def of(self, slug: CargoSlug) -> int | None:
        """None while the read side has not seen the cargo yet."""
        number = self._numbers.get(slug)
        if number is None:
            row = await self._reads.cargo(slug)
            if row is None:
                return None
            number = self._numbers[slug] = row.created_position
            while len(self._numbers) > NUMBERS_CACHED_MAX:
                self._numbers.popitem(last=False)
        return number
