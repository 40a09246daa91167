"""How many claims an island may make: a token bucket for each, filled by the time at which claims were received.

Used by the claim mailbox before anything of a claim is read. A backlog that is worked off late costs nobody anything:
what counts is when the server stored a claim, never when it is looked at.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

CLAIMS_PER_S: Final = 200
"""A busy island of 64 slots with jobs of a second makes three claims a job."""
CLAIMS_BURST: Final = 1_000
BUCKETS_MAX: Final = 40_000
"""About 200 bytes each: two streams of 20 000 islands. A forgotten bucket is a full one."""
MILLI: Final = 1_000


@dataclass(slots=True)
class Bucket:
    """`filled_milli` is what is left, in thousandths of a claim, at `at_ms`."""

    at_ms: int
    filled_milli: int = CLAIMS_BURST * MILLI

    def take(self, at_ms: int) -> bool:
        if at_ms > self.at_ms:
            gained_milli = (at_ms - self.at_ms) * CLAIMS_PER_S
            self.filled_milli = min(CLAIMS_BURST * MILLI, self.filled_milli + gained_milli)
            self.at_ms = at_ms
        if self.filled_milli < MILLI:
            return False
        self.filled_milli -= MILLI
        return True


class ClaimQuota:
    """One for each stream: streams are worked off at their own pace, so their times do not belong together."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, island_id: str, at_ms: int) -> bool:
        """Counts one claim received at `at_ms`. False where it is one too many."""
        bucket = self._buckets.get(island_id)
        if bucket is None:
            bucket = self._buckets[island_id] = Bucket(at_ms)
            if len(self._buckets) > BUCKETS_MAX:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(island_id)
        return bucket.take(at_ms)
