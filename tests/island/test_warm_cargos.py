"""Which cargos count as warm."""

from island.warm_cargos import WARM_MAX, WARM_S, WarmCargos


def test_a_cargo_is_warm_for_an_hour_after_use() -> None:
    warm = WarmCargos()
    assert warm.use("a", 0.0)
    assert not warm.use("a", 10.0)
    assert warm.slugs(10.0 + WARM_S - 1) == ["a"]
    assert warm.slugs(10.0 + WARM_S) == []
    assert warm.use("a", 10.0 + WARM_S)


def test_the_newest_come_first_and_the_oldest_go() -> None:
    warm = WarmCargos()
    for number in range(WARM_MAX + 1):
        warm.use(f"cargo-{number}", float(number))
    slugs = warm.slugs(100.0)
    assert len(slugs) == WARM_MAX
    assert (slugs[0], slugs[-1]) == (f"cargo-{WARM_MAX}", "cargo-1")
