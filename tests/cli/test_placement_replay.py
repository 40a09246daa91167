"""Counterfactuals as they are typed and read: what a file of rules may say, and the text that a person gets.

The texts lie in `tests/golden/counterfactuals`; renew them with `python -m tests.cli.test_placement_replay`.
"""

import asyncio
import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Final

import pytest

from cli.comparison_view import replayed_json, show_comparison
from cli.failure import CommandFailed
from cli.placement_replay import Replayed, replay_between
from cli.supposition import rules_from, supposition
from commands.counterfactual import Supposition
from domain.ids import JobId
from domain.placement_rules import CURRENT, PlacementRules
from domain.pricing import MICRO_PER_CREDIT
from tests.memory_log import MemoryEventLog
from tests.story import Story

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "counterfactuals"


def market_day() -> Story:
    """Twelve jobs, a cheap island, a dear one, and one that asks more than most bids."""
    story = Story()
    story.join("attic", asks={"_default": 1 * MICRO_PER_CREDIT}, slots=3)
    story.join("garden", asks={"_default": 3 * MICRO_PER_CREDIT}, slots=8)
    story.join("harbour", asks={"_default": 6 * MICRO_PER_CREDIT}, slots=8)
    for number in range(1, 13):
        bid_micro = (2 if number % 4 == 0 else 4) * MICRO_PER_CREDIT
        story.submit(JobId(f"0192d0b4-7c2e-7aaa-8bbb-{number:012}"), bid_micro=bid_micro)
        story.wait(1)
    return story


CASES: Final[dict[str, Supposition]] = {
    "nothing_changed": Supposition(),
    "without_an_island": Supposition(without=frozenset({"attic"})),
    "a_dearer_island": Supposition(price_permille={"attic": 3_500}),
    "a_cheaper_island": Supposition(price_permille={"harbour": 150}),
    "other_rules": Supposition(
        rules=PlacementRules(price=0, weights=dict(CURRENT.weights) | {"wasm": (0, 0, 100)})
    ),
}


def replayed(supposed: Supposition, story: Callable[[], Story] = market_day, **bounds: int) -> Replayed:
    log = MemoryEventLog()
    log.commits = story().commits
    first, last = bounds.get("first", 1), bounds.get("last", len(log.commits))
    return asyncio.run(replay_between(log, supposed, first, last))


def text_of(supposed: Supposition) -> str:
    said, found = io.StringIO(), replayed(supposed)
    with redirect_stdout(said):
        show_comparison(found.comparison, found.unseen, 3)
    return said.getvalue()


@pytest.mark.parametrize("name", CASES)
def test_a_person_reads(name: str) -> None:
    assert text_of(CASES[name]) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_every_text_belongs_to_a_case() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == CASES.keys()


def test_a_program_reads_all_of_it() -> None:
    found = replayed_json(replayed(CASES["without_an_island"]))
    assert json.loads(json.dumps(found)) == found
    assert (found["from"], found["decided"], found["different"]["not_placed"]) == (1, 12, 2)
    assert len(found["differences"]) == 3


def test_only_decisions_between_the_positions_count() -> None:
    whole = replayed(Supposition()).comparison.decided
    commits = market_day().commits
    middle = len(commits) // 2
    before = replayed(Supposition(), last=middle).comparison.decided
    behind = replayed(Supposition(), first=middle + 1).comparison.decided
    assert 0 < before < whole
    assert before + behind == whole


def test_an_island_that_was_never_there_is_refused() -> None:
    with pytest.raises(CommandFailed, match="no island nowhere was there"):
        replayed(Supposition(without=frozenset({"nowhere"})))
    with pytest.raises(CommandFailed, match="--from: must not be behind"):
        replayed(Supposition(), first=9, last=3)


def test_rules_that_differ_are_read_from_toml_and_from_json(tmp_path: Path) -> None:
    toml, other = tmp_path / "rules.toml", tmp_path / "rules.json"
    toml.write_text("warm = 0\n[weights]\nwasm = [100, 0, 0]\n")
    other.write_text('{"warm": 0, "weights": {"wasm": [100, 0, 0]}}')
    assert rules_from(toml) == rules_from(other)
    rules = rules_from(toml)
    assert (rules.warm, rules.weights["wasm"]) == (0, (100, 0, 0))
    assert (rules.price, rules.weights["onnx"]) == (CURRENT.price, CURRENT.weights["onnx"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("wram = 0", "wram: is no rule"),
        ("version = 9", "version: is no rule"),
        ("warm = 1.5", "warm: must be a whole number"),
        ("warm = true", "warm: must be a whole number"),
        ("warm = 99999999999", "warm: must be a whole number"),
        ("weights = 3", "weights: must name runtimes"),
        ("[weights]\ncobol = [1, 2, 97]", "weights.cobol: must be one of"),
        ("[weights]\nwasm = [50, 50, 50]", "weights.wasm: must be three percentages"),
        ("[weights]\nwasm = [50, 50]", "weights.wasm: must be three percentages"),
        ("warm", "must be TOML"),
    ],
)
def test_a_wrong_file_of_rules_is_refused_by_the_name_of_the_field(
    tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(CommandFailed, match="--rules") as failed:
        rules_from(file)
    assert told in failed.value.message


def test_a_price_factor_names_an_island_and_a_number() -> None:
    assert supposition(None, (), ["a=b=1.2"]).price_permille == {"a=b": 1_200}
    for wrong in ("garden", "=2", "garden=", "garden=-1", "garden=nan", "garden=1001"):
        with pytest.raises(CommandFailed, match="--price-factor: must be ISLAND=FACTOR"):
            supposition(None, (), [wrong])


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, supposed in CASES.items():
        (GOLDEN / f"{name}.txt").write_text(text_of(supposed), encoding="utf-8")
