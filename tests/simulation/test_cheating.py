"""Where every tenth island cheats, next to no wrong result is believed, and finding that out costs little."""

import pytest

from benchmarks import cheating


@pytest.mark.parametrize("seed", range(3))
def test_one_result_in_a_thousand_at_most_is_wrong_at_the_cost_of_one_run_in_seven(seed: int) -> None:
    found = cheating.run(8_000, seed)
    assert found.wrong_share <= 1e-3
    assert found.overhead_share <= 0.15
    assert found.cheats_caught == found.cheats


def test_without_checks_cheats_are_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cheating, "PROVEN_IN_ROW", 0)
    monkeypatch.setattr(cheating, "drawn", lambda *_args: None)
    assert cheating.run(2_000).wrong_share > 1e-2
