"""How many claims an island may make, by the time at which the server stored them."""

from hypothesis import given, strategies

from adapters.claim_quota import BUCKETS_MAX, CLAIMS_BURST, CLAIMS_PER_S, ClaimQuota


def taken(quota: ClaimQuota, claims: int, at_ms: int, island_id: str = "island") -> int:
    return sum(quota.take(island_id, at_ms) for _ in range(claims))


def test_a_burst_is_taken_and_what_goes_beyond_it_is_not() -> None:
    quota = ClaimQuota()
    assert taken(quota, CLAIMS_BURST + 50, at_ms=0) == CLAIMS_BURST
    assert taken(quota, CLAIMS_PER_S * 2, at_ms=1_000) == CLAIMS_PER_S


def test_an_island_at_its_limit_costs_no_other_anything() -> None:
    quota = ClaimQuota()
    taken(quota, 2 * CLAIMS_BURST, at_ms=0)
    assert taken(quota, 10, at_ms=0, island_id="other") == 10


def test_a_backlog_is_judged_by_when_it_was_received() -> None:
    quota = ClaimQuota()
    taken(quota, CLAIMS_BURST, at_ms=0)
    steady = [quota.take("island", n * 1_000 // CLAIMS_PER_S) for n in range(1, 10 * CLAIMS_PER_S)]
    assert all(steady)


def test_claims_that_come_out_of_order_cost_no_more_than_others() -> None:
    quota = ClaimQuota()
    quota.take("island", 10_000)
    assert taken(quota, CLAIMS_BURST - 1, at_ms=0) == CLAIMS_BURST - 1


@given(strategies.lists(strategies.integers(0, 60_000), max_size=300))
def test_no_order_of_times_makes_more_of_a_quota(times_ms: list[int]) -> None:
    quota = ClaimQuota()
    span_ms = max(times_ms, default=0)
    claims = CLAIMS_BURST + 300
    found = sum(taken(quota, claims, at_ms=at_ms) for at_ms in times_ms[:3])
    assert found <= CLAIMS_BURST + span_ms * CLAIMS_PER_S // 1_000


def test_a_forgotten_bucket_is_a_full_one() -> None:
    quota = ClaimQuota()
    taken(quota, CLAIMS_BURST, at_ms=0)
    for number in range(BUCKETS_MAX):
        quota.take(f"island-{number}", 0)
    assert taken(quota, CLAIMS_BURST + 1, at_ms=0) == CLAIMS_BURST
