"""The columns of a fleet: one row an island, kept by `adapters.columnar_fleet`.

Numbers lie in numpy arrays that grow by doubling. Words (platform, region, owner, formats, categories) become small
codes, and what few islands have (an ask for this cargo, a warm cargo) lies in an index from the word to the rows that
have it. Rows of islands that left are used again.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final, Generic, TypeVar, cast

import numpy as np
import numpy.typing as npt

from domain.cargo_spec import Runtime
from domain.ids import IslandId
from domain.lot import lot_key
from domain.placement import DEFAULT_ASK, Offer

ROWS_FIRST: Final = 64
RUNTIMES: Final = {runtime.value: index for index, runtime in enumerate(Runtime)}
NONE: Final = -1  # No score for this runtime, no default ask.
QUESTIONS_KEPT_MAX: Final = 1_000
WORDS_SPARE: Final = 1_000  # Words that no island has any more are forgotten when there are so many of them.
LONG_AGO_MS: Final = -(1 << 60)
NUMBERS: Final = (
    "cooldown_until_ms",
    "cpu_cores",
    "ram_mb",
    "disk_free_mb",
    "gpu_vram_mb",
    "gpu_bandwidth_mb_s",
    "slots",
    "active",
    "trust_level_min",
    "karma",
)
FLAGS: Final = ("is_approved", "is_online", "is_draining", "is_suspended", "is_unsigned")
WORDS: Final = ("owner_id", "platform", "region", "formats", "categories")

Integers = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Booleans = npt.NDArray[np.bool_]
W = TypeVar("W", bound=Hashable)


class Words(Generic[W]):
    """Words as small codes, and what was asked about each word before as an array by code."""

    def __init__(self) -> None:
        self._codes: dict[W, int] = {}
        self._answers: dict[Hashable, Integers] = {}

    def __len__(self) -> int:
        return len(self._codes)

    def code(self, word: W) -> int:
        return self._codes.setdefault(word, len(self._codes))

    def known(self, word: W) -> int:
        """The code of a word that some island has, or `NONE`."""
        return self._codes.get(word, NONE)

    def answers(self, question: Hashable, answer: Callable[[W], int]) -> Integers:
        """`answer` of every word by its code; asked of each word once for each `question`."""
        if question not in self._answers and len(self._answers) >= QUESTIONS_KEPT_MAX:
            self._answers.clear()
        known = self._answers.get(question)
        if known is None or len(known) < len(self._codes):
            known = np.array([answer(word) for word in self._codes], dtype=np.int64)
            self._answers[question] = known
        return known


class Index:
    """From a word to the rows that have it and their values, as arrays where nothing changed since."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[int, int]] = {}
        self._arrays: dict[str, tuple[Integers, Integers]] = {}

    def change(self, row: int, old: Mapping[str, int], new: Mapping[str, int]) -> None:
        if old == new:
            return
        for word in old.keys() - new.keys():
            self._arrays.pop(word, None)
            del self._rows[word][row]
            if not self._rows[word]:
                del self._rows[word]
        for word, value in new.items():
            if old.get(word) != value:
                self._arrays.pop(word, None)
                self._rows.setdefault(word, {})[row] = value

    def of(self, word: str) -> tuple[Integers, Integers]:
        """Rows and their values, side by side."""
        arrays = self._arrays.get(word)
        if arrays is None:
            found = self._rows.get(word, {})
            arrays = self._arrays[word] = (
                np.fromiter(found.keys(), dtype=np.int64, count=len(found)),
                np.fromiter(found.values(), dtype=np.int64, count=len(found)),
            )
            if not found:
                del self._arrays[word]
        return arrays


class FleetColumns:
    """`is_used` tells which rows are islands. Everything else of an unused row means nothing."""

    def __init__(self, failures_kept: int) -> None:
        self.offers: list[Offer | None] = [None] * ROWS_FIRST
        self.row_of: dict[IslandId, int] = {}
        self.is_used: Booleans = np.zeros(ROWS_FIRST, dtype=np.bool_)
        self.keys: Keys = np.zeros(ROWS_FIRST, dtype=np.uint64)
        self.numbers = {name: np.zeros(ROWS_FIRST, dtype=np.int64) for name in NUMBERS}
        self.flags = {name: np.zeros(ROWS_FIRST, dtype=np.bool_) for name in FLAGS}
        self.codes = {name: np.zeros(ROWS_FIRST, dtype=np.int64) for name in WORDS}
        self.words: dict[str, Words[Any]] = {name: Words() for name in WORDS}
        self.scores: Integers = np.full((len(RUNTIMES), ROWS_FIRST), NONE, dtype=np.int64)
        self.default_asks: Integers = np.full(ROWS_FIRST, NONE, dtype=np.int64)
        self.failures_ms: Integers = np.full((failures_kept, ROWS_FIRST), LONG_AGO_MS, dtype=np.int64)
        self.asks = Index()
        self.warm = Index()
        self.recent = Index()
        self._free: list[int] = list(range(ROWS_FIRST - 1, -1, -1))

    def put(self, offer: Offer) -> None:
        """Adds an island, or writes what changed of one."""
        row = self.row_of.get(offer.island_id)
        if row is None:
            row = self._new_row(offer)
            before = None
        else:
            before = self.offers[row]
        self.offers[row] = offer
        for name, numbers in self.numbers.items():
            numbers[row] = getattr(offer, name)
        for name, flags in self.flags.items():
            flags[row] = getattr(offer, name)
        self._put_words(row, before, offer)
        self._put_mappings(row, before, offer)

    def take(self, island_id: IslandId) -> None:
        """Removes an island; one that is not there is no fault."""
        row = self.row_of.pop(island_id, None)
        if row is None:
            return
        gone = self.offers[row]
        assert gone is not None
        self.asks.change(row, gone.asks_micro, {})
        self.warm.change(row, dict.fromkeys(gone.warm_slugs, 1), {})
        self.recent.change(row, gone.recent_cargos_ms, {})
        self.offers[row] = None
        self.is_used[row] = False
        self._free.append(row)

    def _new_row(self, offer: Offer) -> int:
        if not self._free:
            self._grow()
        row = self._free.pop()
        self.row_of[offer.island_id] = row
        self.is_used[row] = True
        self.keys[row] = lot_key(offer.island_id)
        return row

    def _put_words(self, row: int, before: Offer | None, offer: Offer) -> None:
        for name, codes in self.codes.items():
            word = getattr(offer, name)
            if before is None or getattr(before, name) != word:
                codes[row] = self.words[name].code(word)
                if len(self.words[name]) > len(self.offers) + WORDS_SPARE:
                    self._forget_old_words(name)

    def _forget_old_words(self, name: str) -> None:
        self.words[name] = Words()
        self.codes[name][:] = 0
        for row in self.row_of.values():
            self.codes[name][row] = self.words[name].code(getattr(self.offers[row], name))

    def _put_mappings(self, row: int, before: Offer | None, offer: Offer) -> None:
        if before is None or before.scores is not offer.scores:
            for runtime, index in RUNTIMES.items():
                self.scores[index, row] = offer.scores.get(runtime, NONE)
        if before is None or before.recent_failures_ms is not offer.recent_failures_ms:
            depth = len(self.failures_ms)
            latest = sorted(offer.recent_failures_ms, reverse=True)[:depth]
            self.failures_ms[:, row] = latest + [LONG_AGO_MS] * (depth - len(latest))
        if before is None or before.asks_micro is not offer.asks_micro:
            self.default_asks[row] = offer.asks_micro.get(DEFAULT_ASK, NONE)
            self.asks.change(row, before.asks_micro if before else {}, offer.asks_micro)
        if before is None or before.warm_slugs is not offer.warm_slugs:
            was_warm = dict.fromkeys(before.warm_slugs, 1) if before else {}
            self.warm.change(row, was_warm, dict.fromkeys(offer.warm_slugs, 1))
        if before is None or before.recent_cargos_ms is not offer.recent_cargos_ms:
            self.recent.change(row, before.recent_cargos_ms if before else {}, offer.recent_cargos_ms)

    def _grow(self) -> None:
        rows = len(self.offers)
        self._free = list(range(2 * rows - 1, rows - 1, -1))
        self.offers += [None] * rows
        self.is_used = doubled(self.is_used)
        self.keys = doubled(self.keys)
        self.numbers = {name: doubled(column) for name, column in self.numbers.items()}
        self.flags = {name: doubled(column) for name, column in self.flags.items()}
        self.codes = {name: doubled(column) for name, column in self.codes.items()}
        self.scores = doubled(self.scores)
        self.default_asks = doubled(self.default_asks)
        self.failures_ms = doubled(self.failures_ms)


A = TypeVar("A", bound=npt.NDArray[Any])


def doubled(column: A) -> A:
    """Twice as long, with what it held at the beginning. Rows are in the last dimension."""
    return cast("A", np.concatenate([column, np.zeros_like(column)], axis=-1))
