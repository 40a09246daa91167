"""What a job had better bid and an island had better ask: the market's rate, and how scarce and how strong things are.

Called by the API and shown to people; nothing is decided by it. Whole numbers, rounded down, at least one micro-credit.
"""

import re
from dataclasses import dataclass
from typing import Final

from domain.gpu_bandwidth import bandwidth_mb_s

BID_PERCENT: Final = 105
SURGE_PERCENT: Final = 125
SURGE_SHARE: Final = 2  # Surge is when more jobs wait than this many times the free slots.
SURGE_KEPT_MS: Final = 30_000  # How long a suggestion stands before it is looked at again.
CPU_PERCENT: Final = 50

# Percent of the rate by hardware; names count first, then memory bandwidth in GB/s, the highest that is reached.
NAMED_PERCENT: Final = {
    **dict.fromkeys(("h100", "a100", "4090"), 200),
    **dict.fromkeys(("3090", "4080", "a6000"), 150),
    **dict.fromkeys(("3080", "3070", "4070"), 120),
    **dict.fromkeys(("3060", "1080"), 100),
}
BANDWIDTH_PERCENT: Final = ((1_000, 200), (700, 150), (440, 120), (0, 100))


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedBid:
    bid_micro: int
    is_surge: bool


def suggested_bid(rate_micro: int, *, waiting: int, free_slots: int) -> SuggestedBid:
    """A little above the rate, and more while jobs wait for islands."""
    is_surge = waiting > SURGE_SHARE * free_slots
    percent = BID_PERCENT * (SURGE_PERCENT if is_surge else 100)
    return SuggestedBid(bid_micro=max(1, rate_micro * percent // 10_000), is_surge=is_surge)


def suggested_ask_micro(rate_micro: int, gpu_model: str | None, gpu_vram_mb: int) -> int:
    """The rate times what the hardware is worth."""
    return max(1, rate_micro * hardware_percent(gpu_model, gpu_vram_mb) // 100)


def hardware_percent(gpu_model: str | None, gpu_vram_mb: int) -> int:
    """What a machine is worth, in percent of an entry GPU. Sources: the price table of docs/market.md."""
    if gpu_model is None and not gpu_vram_mb:
        return CPU_PERCENT
    words = re.findall(r"[a-z0-9]+", (gpu_model or "").lower())
    for name, percent in NAMED_PERCENT.items():
        if name in words:
            return percent
    gb_s = bandwidth_mb_s(gpu_model, gpu_vram_mb) // 1000
    return next(percent for reached, percent in BANDWIDTH_PERCENT if gb_s >= reached)
