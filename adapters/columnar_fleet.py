"""Placement over columns: what `domain.placement.place` answers, for fleets of many thousand islands.

Made by `api.planners` for the placing process. Every rule and every term is computed for all islands at once, on whole
numbers and in the order of the domain's rules; only the ten best become offers and candidates again. That both answer
the same is held by `tests/adapters/test_columnar_fleet.py`.
"""

from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from adapters.fleet_columns import RUNTIMES, FleetColumns, Integers, Keys
from domain import gpu_bandwidth as gpu
from domain import lot as lots
from domain.cargo_spec import Runtime
from domain.ids import IslandId
from domain.placement import (
    CANDIDATES_KEPT_MAX,
    OWN_ISLANDS_TIER,
    PROVEN_ISLANDS_TIER,
    Explanation,
    Offer,
    Placement,
    Refusal,
    RefusalCount,
    Want,
    affinity_key,
    ask_micro,
    loads,
    memory_needed_mb,
    region_points,
    runs_on,
    score,
)
from domain.placement_rules import CURRENT, FULL, PlacementRules
from domain.region import Nearness, is_allowed, nearness

REFUSALS: Final = tuple(Refusal)
CODE_OF: Final = {refusal: index for index, refusal in enumerate(REFUSALS, start=1)}
FITS: Final = 0
AT_CAPACITY: Final = CODE_OF[Refusal.AT_CAPACITY]
TRIED_BEFORE: Final = CODE_OF[Refusal.TRIED_BEFORE]
Codes = npt.NDArray[np.int8]


class ColumnarFleet:
    """A placer. Rules are fixed when it is made."""

    def __init__(self, rules: PlacementRules = CURRENT) -> None:
        self._rules = rules
        self._columns = FleetColumns(rules.failures_counted_max)

    def update(self, offer: Offer) -> None:
        self._columns.put(offer)

    def remove(self, island_id: IslandId) -> None:
        self._columns.take(island_id)

    def place(self, want: Want, *, now_ms: int, view_position: int) -> Placement:
        columns = self._columns
        if not columns.row_of:
            return nowhere(self._rules, view_position)
        asks = self._asks(want)
        codes = self._codes(want, asks, now_ms)
        able = np.flatnonzero(((codes == FITS) | (codes == AT_CAPACITY)) & columns.is_used)
        self._keep_from_tried(want, codes, able)
        fits = np.flatnonzero((codes == FITS) & columns.is_used)
        best = self._best(want, fits, asks, now_ms) if len(fits) else []
        winner = best[0] if best else None
        explanation = Explanation(
            rules_version=self._rules.version,
            view_position=view_position,
            considered=len(columns.row_of),
            candidates=tuple(score(want, offer, now_ms, self._rules) for offer in best),
            refusals=self._refusals(codes),
        )
        if winner is None:
            return Placement(winner=None, price_micro=0, explanation=explanation)
        owner = columns.codes["owner_id"]
        able = able[codes[able] != TRIED_BEFORE]
        return Placement(
            winner=winner,
            price_micro=ask_micro(want, winner),
            explanation=explanation,
            has_other_owner=bool((owner[able] != owner[columns.row_of[winner.island_id]]).any()),
        )

    # Who is refused.

    def _codes(self, want: Want, asks: Integers, now_ms: int) -> Codes:
        """The first rule that each island breaks. Written from the last rule to the first, so the first one stays.

        `tried_before` is left out: whether it counts depends on who else could take the job.
        """
        columns = self._columns
        codes: Codes = np.zeros(len(columns.offers), dtype=np.int8)
        np.putmask(codes, columns.numbers["active"] >= columns.numbers["slots"], AT_CAPACITY)
        np.putmask(codes, asks > want.ask_limit_micro, CODE_OF[Refusal.ASK_ABOVE_BID])
        self._refuse_by_consent(want, codes)
        self._refuse_by_machine(want, codes)
        self._refuse_by_availability(codes, now_ms)
        if want.only_island is not None:
            others = columns.is_used.copy()
            if want.only_island in columns.row_of:
                others[columns.row_of[want.only_island]] = False
            np.putmask(codes, others, CODE_OF[Refusal.NOT_CHOSEN])
        return codes

    def _refuse_by_availability(self, codes: Codes, now_ms: int) -> None:
        flags = self._columns.flags
        np.putmask(codes, self._columns.numbers["cooldown_until_ms"] > now_ms, CODE_OF[Refusal.COOLDOWN])
        np.putmask(codes, flags["is_draining"], CODE_OF[Refusal.DRAINING])
        np.putmask(codes, ~flags["is_online"], CODE_OF[Refusal.OFFLINE])
        np.putmask(codes, flags["is_suspended"], CODE_OF[Refusal.SUSPENDED])
        np.putmask(codes, ~flags["is_approved"], CODE_OF[Refusal.NOT_APPROVED])

    def _refuse_by_machine(self, want: Want, codes: Codes) -> None:
        cargo, numbers = want.cargo, self._columns.numbers
        needs = cargo.requirements
        if cargo.model_format:
            can_load = self._told("formats", ("loads", cargo.model_format), lambda one: loads(cargo, one))
            np.putmask(codes, can_load == 0, CODE_OF[Refusal.FORMAT_UNSUPPORTED])
        if needs.disk_mb:
            np.putmask(codes, numbers["disk_free_mb"] < needs.disk_mb, CODE_OF[Refusal.DISK_SHORT])
        if needs.cpu_cores:
            np.putmask(codes, numbers["cpu_cores"] < needs.cpu_cores, CODE_OF[Refusal.CPU_SHORT])
        np.putmask(codes, numbers["ram_mb"] < memory_needed_mb(want), CODE_OF[Refusal.RAM_SHORT])
        if needs.vram_mb:
            np.putmask(codes, numbers["gpu_vram_mb"] < needs.vram_mb, CODE_OF[Refusal.VRAM_SHORT])
            np.putmask(codes, numbers["gpu_vram_mb"] == 0, CODE_OF[Refusal.GPU_MISSING])
        if cargo.platforms or cargo.runtime is Runtime.COREML:
            question = ("runs", cargo.platforms, cargo.runtime)
            can_run = self._told("platform", question, lambda one: runs_on(cargo, one))
            np.putmask(codes, can_run == 0, CODE_OF[Refusal.PLATFORM_MISMATCH])
        np.putmask(codes, self._scores(want) < 0, CODE_OF[Refusal.RUNTIME_UNSUPPORTED])

    def _refuse_by_consent(self, want: Want, codes: Codes) -> None:
        columns, trust_level = self._columns, want.cargo.trust_level
        unsigned = columns.flags["is_unsigned"]
        owners, owner_words = columns.codes["owner_id"], columns.words["owner_id"]
        category = want.cargo.category
        takes = self._told("categories", ("takes", category), lambda one: one.takes(category))
        np.putmask(codes, takes == 0, CODE_OF[Refusal.CATEGORY_REFUSED])
        np.putmask(codes, columns.numbers["trust_level_min"] > trust_level, CODE_OF[Refusal.TRUST_REFUSED])
        if trust_level > self._rules.unsigned_trust_level_max:
            np.putmask(codes, unsigned, CODE_OF[Refusal.UNSIGNED])
        if want.tier >= OWN_ISLANDS_TIER:
            np.putmask(codes, owners != owner_words.known(want.account_id), CODE_OF[Refusal.PRIVACY_TIER])
        elif want.tier >= PROVEN_ISLANDS_TIER:
            unproven = unsigned | (columns.numbers["karma"] < self._rules.private_karma_min)
            np.putmask(codes, unproven, CODE_OF[Refusal.PRIVACY_TIER])
        for owner_id in want.excluded_owners:
            np.putmask(codes, owners == owner_words.known(owner_id), CODE_OF[Refusal.SAME_OWNER])
        if want.region is not None:
            policy = want.region
            allowed = self._told("region", ("allowed", policy), lambda one: is_allowed(policy, one))
            np.putmask(codes, allowed == 0, CODE_OF[Refusal.REGION_EXCLUDED])

    def _keep_from_tried(self, want: Want, codes: Codes, able: Integers) -> None:
        """An island that failed the job gets it again only where no other one could ever take it."""
        rows = [self._columns.row_of[one] for one in want.tried if one in self._columns.row_of]
        tried = [row for row in rows if codes[row] in (FITS, AT_CAPACITY)]
        if len(able) > len(tried):
            codes[tried] = TRIED_BEFORE

    def _refusals(self, codes: Codes) -> tuple[RefusalCount, ...]:
        used = codes[self._columns.is_used]
        keys = self._columns.keys
        found = []
        for code in np.flatnonzero(np.bincount(used, minlength=len(REFUSALS) + 1)[1:]) + 1:
            rows = np.flatnonzero((codes == code) & self._columns.is_used)
            example = self._offer(int(rows[keys[rows].argmin()]))
            found.append(RefusalCount(code=REFUSALS[code - 1], count=len(rows), example=example.island_id))
        return tuple(sorted(found, key=lambda one: one.code))

    # Who is best.

    def _best(self, want: Want, fits: Integers, asks: Integers, now_ms: int) -> list[Offer]:
        """The ten best of the rows that fit, best first."""
        totals = self._totals(want, fits, asks, now_ms)
        near = self._nearness(want)[fits] if want.region is not None else np.zeros(len(fits), dtype=np.int64)
        draws = self._lots(want, self._columns.keys[fits])
        if len(fits) > CANDIDATES_KEPT_MAX:
            kept = self._front(totals, near, draws)
            fits, totals, near, draws = fits[kept], totals[kept], near[kept], draws[kept]
        order = np.lexsort((draws, -near, -totals))[:CANDIDATES_KEPT_MAX]
        return [self._offer(int(row)) for row in fits[order]]

    def _front(self, totals: Integers, near: Integers, draws: Keys) -> Integers:
        """Positions that hold the ten best: all above the tenth total, and the first lots among those that equal it."""
        tenth = np.partition(totals, -CANDIDATES_KEPT_MAX)[-CANDIDATES_KEPT_MAX]
        above, equal = np.flatnonzero(totals > tenth), np.flatnonzero(totals == tenth)
        chosen = [above]
        for level in (2, 1, 0):
            level_rows = equal[near[equal] == level]
            if len(level_rows) > CANDIDATES_KEPT_MAX:
                first = np.argpartition(draws[level_rows], CANDIDATES_KEPT_MAX)[:CANDIDATES_KEPT_MAX]
                level_rows = level_rows[first]
            chosen.append(level_rows)
        return np.concatenate(chosen)

    def _totals(self, want: Want, fits: Integers, asks: Integers, now_ms: int) -> Integers:
        rules, numbers = self._rules, self._columns.numbers
        by_speed, by_fit, by_headroom = rules.weights[want.cargo.runtime]
        slots = numbers["slots"][fits]
        weighted = by_speed * self._speed(want, fits) + by_fit * self._fit(want, fits)
        weighted += by_headroom * (FULL * (slots - numbers["active"][fits]) // slots)
        totals: Integers = weighted // 100
        totals += rules.karma_each * np.clip(numbers["karma"][fits], 0, rules.karma_counted_max)
        failures = (self._columns.failures_ms[:, fits] >= now_ms - rules.recent_ms).sum(axis=0)
        totals += rules.failure_each * failures
        totals += rules.price * asks[fits] // max(1, want.ask_limit_micro)
        totals += self._sparse_points(want, now_ms)[fits]
        if want.region is not None:
            points = np.array([region_points(near, rules) for near in Nearness], dtype=np.int64)
            totals += points[self._nearness(want)[fits]]
        return totals

    def _sparse_points(self, want: Want, now_ms: int) -> Integers:
        """What only islands with the warm cargo or with this customer's latest jobs get."""
        points: Integers = np.zeros(len(self._columns.offers), dtype=np.int64)
        points[self._columns.warm.of(want.cargo.slug)[0]] += self._rules.warm
        rows, ran_ms = self._columns.recent.of(affinity_key(want.account_id, want.cargo.slug))
        points[rows[ran_ms >= now_ms - self._rules.recent_ms]] += self._rules.affinity
        return points

    def _speed(self, want: Want, fits: Integers) -> Integers:
        found = self._scores(want)[fits]
        if want.cargo.runtime is Runtime.LLMCPP:
            found = np.where(found == 0, self._tokens_per_s(want.cargo.model_mb or gpu.MODEL_MB, fits), found)
        target = want.cargo.target_score
        return cast("Integers", FULL * np.minimum(found, target) // target)

    def _tokens_per_s(self, model_mb: int, fits: Integers) -> Integers:
        """`domain.gpu_bandwidth.tokens_per_s` over rows."""
        numbers = self._columns.numbers
        bandwidth, vram_mb = numbers["gpu_bandwidth_mb_s"][fits], numbers["gpu_vram_mb"][fits]
        tenths = np.where(vram_mb >= model_mb, gpu.WHOLE_TENTHS, gpu.PARTLY_TENTHS)
        tenths = np.where(vram_mb == 0, gpu.UNKNOWN_TENTHS, tenths)
        read = bandwidth * 1024 * gpu.EFFICIENCY_PERCENT * tenths
        by_gpu = (2 * read + model_mb * 1_000_000) // (2 * model_mb * 1_000_000)
        by_cpu: Any = gpu.CPU_TOKENS_S
        if model_mb <= gpu.CPU_MODEL_MB_MAX:
            by_cpu = np.maximum(
                by_cpu, numbers["cpu_cores"][fits] * gpu.CPU_SMALL_TOKENS_S_PER_12_CORES // 12
            )
        return np.where(bandwidth == 0, by_cpu, by_gpu)

    def _fit(self, want: Want, fits: Integers) -> Integers:
        """`domain.placement.fit_points` over rows."""
        rules, vram_mb = self._rules, want.cargo.requirements.vram_mb
        needed = vram_mb or memory_needed_mb(want)
        available = np.maximum(1, self._columns.numbers["gpu_vram_mb" if vram_mb else "ram_mb"][fits])
        low, high = rules.fit_best_from_percent, rules.fit_best_to_percent
        little = rules.fit_idle + 100 * (FULL - rules.fit_idle) * needed // (max(1, low) * available)
        much = 100 * FULL * (available - needed) // (max(1, 100 - high) * available)
        best = np.where(100 * needed <= high * available, FULL, much)
        return np.where(100 * needed < low * available, little, best)

    def _lots(self, want: Want, keys: Keys) -> Keys:
        """`domain.lot.lot` over rows; arithmetic on 64 bits wraps by itself."""
        mixed = (keys ^ np.uint64(lots.lot_key(want.job_id))) + np.uint64(lots.GAMMA)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(lots.MIX_FIRST)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(lots.MIX_SECOND)
        return cast("Keys", mixed ^ (mixed >> np.uint64(31)))

    # Columns of one decision.

    def _asks(self, want: Want) -> Integers:
        default = self._columns.default_asks
        asks: Integers = np.where(default < 0, want.cargo.price_micro, default)
        rows, asked = self._columns.asks.of(want.cargo.slug)
        asks[rows] = asked
        return asks

    def _scores(self, want: Want) -> Integers:
        return cast("Integers", self._columns.scores[RUNTIMES[want.cargo.runtime]])

    def _nearness(self, want: Want) -> Integers:
        policy = want.region
        return self._told("region", ("near", policy), lambda one: nearness(policy, one))

    def _told(self, name: str, question: Any, answer: Any) -> Integers:
        """What a question about a word is answered for every row."""
        columns = self._columns
        return columns.words[name].answers(question, answer)[columns.codes[name]]

    def _offer(self, row: int) -> Offer:
        offer = self._columns.offers[row]
        assert offer is not None
        return offer


def nowhere(rules: PlacementRules, view_position: int) -> Placement:
    """What is answered where there is no island at all."""
    explanation = Explanation(rules_version=rules.version, view_position=view_position)
    return Placement(winner=None, price_micro=0, explanation=explanation)
