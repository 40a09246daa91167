"""What comparing its results tells of an island: a row of valid ones for each runtime, and what to doubt."""

from domain.ids import JobId
from domain.island import ISLAND as ISLAND_DECIDER
from domain.island_commands import ConfirmResult, ContradictResult, CreditWork
from domain.island_events import ResultConfirmed, ResultContradicted
from domain.island_state import UNCHECKED_KEPT_MAX, Island
from tests.examples import ISLAND, T0_MS, enrolled
from tests.scenario import added


def confirm(job: str, runtime: str = "wasm", attempt: int = 1) -> ConfirmResult:
    return ConfirmResult(island_id=ISLAND, runtime=runtime, job_id=JobId(job), attempt=attempt, now_ms=T0_MS)


def contradict(job: str, runtime: str = "wasm") -> ContradictResult:
    return ContradictResult(island_id=ISLAND, runtime=runtime, job_id=JobId(job), attempt=1, now_ms=T0_MS)


def work(job: str, runtime: str | None = "wasm") -> CreditWork:
    return CreditWork(
        island_id=ISLAND, job_id=JobId(job), attempt=1, worked_ms=1, now_ms=T0_MS, unchecked=runtime
    )


def told(*commands: ConfirmResult | ContradictResult | CreditWork) -> tuple[list[object], Island]:
    past = list(enrolled())
    for command in commands:
        past += added(ISLAND_DECIDER, past, command)
    return list(past), ISLAND_DECIDER.fold(past)


def test_valid_results_are_counted_in_a_row_for_each_runtime() -> None:
    events, island = told(confirm("a"), confirm("b"), confirm("c", "container"))
    rows = [(event.runtime, event.in_row) for event in events if isinstance(event, ResultConfirmed)]
    assert rows == [("wasm", 1), ("wasm", 2), ("container", 1)]
    assert island.valid_in_row == {"wasm": 2, "container": 1}


def test_a_wrong_result_begins_the_row_of_its_runtime_anew() -> None:
    _, island = told(confirm("a"), confirm("b", "container"), contradict("c"))
    assert island.valid_in_row == {"wasm": 0, "container": 1}


def test_a_result_counts_once() -> None:
    _, island = told(confirm("a"), confirm("a"), contradict("a"))
    assert island.valid_in_row == {"wasm": 1}


def test_the_last_unchecked_results_of_the_runtime_are_doubted_and_each_only_once() -> None:
    jobs = [f"job-{number}" for number in range(UNCHECKED_KEPT_MAX + 2)]
    events, island = told(
        *(work(job) for job in jobs), work("other", "container"), work("checked", None), contradict("x")
    )
    [caught] = [event for event in events if isinstance(event, ResultContradicted)]
    assert caught.doubted == tuple(jobs[2:])
    assert island.unchecked == {"wasm": (), "container": ("other",)}
