"""The numbers of placement as data, under a version that every decision carries.

Read by `domain.placement` and by its columnar copy, `adapters.columnar_fleet`; a counterfactual decides once more with
others. Points are whole hundredths, so that the same decision comes out the same wherever it is computed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from domain.karma import PAYOUT_KARMA

PLACEMENT_RULES_VERSION: Final = 3
FULL: Final = 10_000
"""A hundred points in hundredths: the most that speed, fit or headroom can be."""
WEIGHTS: Final[Mapping[str, tuple[int, int, int]]] = MappingProxyType(
    {
        "llmcpp": (50, 35, 15),
        "container": (30, 40, 30),
        "wasm": (25, 40, 35),
        "onnx": (45, 40, 15),
        "coreml": (45, 40, 15),
        "diffusers": (45, 35, 20),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementRules:
    """`weights` are percent of speed, fit and headroom by runtime; all points are hundredths of a point.

    `price` is what an ask as high as the bid costs, lower asks in proportion.
    """

    version: int = PLACEMENT_RULES_VERSION
    weights: Mapping[str, tuple[int, int, int]] = field(default_factory=lambda: WEIGHTS)
    warm: int = 1_000
    region_same: int = 500
    region_adjacent: int = 200
    affinity: int = 500
    karma_each: int = 5
    karma_counted_max: int = 100
    failure_each: int = -500
    failures_counted_max: int = 4
    price: int = -1_000
    recent_ms: int = 10 * 60_000  # How long failures and affinity count.
    fit_idle: int = 4_000  # Fit of a job that takes next to nothing of the island.
    fit_best_from_percent: int = 50
    fit_best_to_percent: int = 80
    unsigned_trust_level_max: int = 1  # The highest trust level of a cargo on an island that cannot sign.
    private_karma_min: int = PAYOUT_KARMA  # What an island needs to see inputs of privacy tier 1.


CURRENT: Final = PlacementRules()
