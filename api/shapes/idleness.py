"""Why an island gets no jobs, as its owner reads it: counts, examples, and what would have changed them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from api.shapes.amounts import decimal_text
from api.shapes.present import instant
from commands.idleness import Fate, Idleness, JobFate
from domain.ids import IslandId
from domain.placement import Refusal

RIVALS_TOLD_MAX: Final = 5
WON_BACK_PERCENT: Final = 90
"""The ask that is suggested would have let this share in of the jobs that only the ask had kept away."""


def idleness_shape(island_id: IslandId, idleness: Idleness) -> dict[str, Any]:
    fates = idleness.fates
    by_fate = Counter(fate.fate for fate in fates)
    length_ms = max(1, idleness.until_ms - idleness.since_ms)
    shape = {
        "host_id": island_id,
        "since": instant(idleness.since_ms),
        "until": instant(idleness.until_ms),
        "decided": len(fates),
        "won": by_fate[Fate.WON],
        "outscored": by_fate[Fate.OUTSCORED],
        "refused": by_fate[Fate.REFUSED],
        "offline_percent": round(100 * idleness.offline_ms / length_ms),
        "trust_level_min": idleness.trust_level_min,
        "refusals": refusal_rows([fate for fate in fates if fate.fate is Fate.REFUSED]),
        "lost_to": rival_rows([fate for fate in fates if fate.fate is Fate.OUTSCORED]),
        "price": price_shape(fates),
    }
    return {**shape, "data": shape}


def refusal_rows(refused: Sequence[JobFate]) -> list[dict[str, Any]]:
    """By rule, most often first; the example is the newest job. It names no job: that is its customer's."""
    newest = {fate.refusal: fate for fate in refused}
    counts = Counter(fate.refusal for fate in refused).most_common()
    return [
        {
            "code": code,
            "count": count,
            "example": {
                "workload": newest[code].slug,
                "at": instant(newest[code].at_ms),
                "position": newest[code].position,
            },
        }
        for code, count in counts
    ]


def rival_rows(outscored: Sequence[JobFate]) -> list[dict[str, Any]]:
    """By winner, most often first: the term that was lost by mostly, and the points by mean."""
    rows: list[dict[str, Any]] = []
    for winner, count in Counter(fate.winner for fate in outscored).most_common(RIVALS_TOLD_MAX):
        against = [fate for fate in outscored if fate.winner == winner]
        term = Counter(fate.term for fate in against).most_common(1)[0][0]
        points = round(sum(fate.gap for fate in against) / count, 2)
        rows.append({"name": winner, "count": count, "term": term, "points": points})
    return rows


def price_shape(fates: Sequence[JobFate]) -> dict[str, Any] | None:
    """None where the ask kept no job away. `considered` jobs would have looked at the island at `suggested_ask`."""
    dear = [fate for fate in fates if fate.refusal is Refusal.ASK_ABOVE_BID]
    limits = sorted(fate.would_fit_at_micro for fate in dear if fate.would_fit_at_micro is not None)
    if not dear:
        return None
    shape: dict[str, Any] = {"ask": decimal_text(dear[-1].ask_micro), "above_bid": len(dear)}
    if not limits:
        return shape | {"considered": 0}
    suggested = limits[len(limits) * (100 - WON_BACK_PERCENT) // 100]
    considered = sum(limit >= suggested for limit in limits)
    return shape | {"suggested_ask": decimal_text(suggested), "considered": considered}
