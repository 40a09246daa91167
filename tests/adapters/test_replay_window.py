"""A number counts once, whatever the order in which numbers arrive."""

from hypothesis import given, strategies

from adapters import replay_window
from adapters.replay_window import WINDOW_SIZE, ReplayWindows

HUGE = 1 << 53


@given(strategies.lists(strategies.integers(0, 3 * WINDOW_SIZE), max_size=200))
def test_a_number_is_new_once_and_only_while_the_window_can_tell(numbers: list[int]) -> None:
    windows, seen = ReplayWindows(), set[int]()
    for n in numbers:
        is_too_old = bool(seen) and n <= max(seen) - WINDOW_SIZE
        assert windows.take("island", "status", n) == (n not in seen and not is_too_old)
        seen.add(n)


def test_the_last_number_inside_the_window_is_new_and_the_one_behind_it_is_not() -> None:
    windows = ReplayWindows()
    assert windows.take("island", "status", WINDOW_SIZE)
    assert windows.take("island", "status", 1)
    assert not windows.take("island", "status", 0)


def test_a_hostile_leap_costs_neither_memory_nor_anybody_else() -> None:
    windows = ReplayWindows()
    assert windows.take("island", "status", 0)
    assert windows.take("island", "status", 1)
    assert windows.take("island", "status", HUGE)
    assert windows.take("island", "status", HUGE - 1)
    assert not windows.take("island", "status", 1)
    assert windows.take("other", "status", 1)
    assert windows.take("island", "lease", 1)


def test_the_window_unused_for_longest_is_forgotten() -> None:
    windows = ReplayWindows()
    for number in range(replay_window.WINDOWS_MAX):
        windows.take(f"island-{number}", "status", 5)
    assert not windows.take("island-0", "status", 5)
    windows.take("one-more", "status", 5)
    assert not windows.take("island-0", "status", 5)
    assert windows.take("island-1", "status", 5)
