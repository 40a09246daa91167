"""A workflow of four steps, what may be asked of it, and one example of everything that happens to it.

`get` and `count` come first; `join` needs both, and `tell` needs `join`. Shared by the tests of the domain and of the
storage format.
"""

from typing import Any, Final

from domain.batch_events import FailMode, Outcome
from domain.ids import JobId
from domain.workflow import (
    EndStep,
    Step,
    StepEnded,
    StepStarted,
    SubmitWorkflow,
    WorkflowEnded,
    WorkflowStopped,
    WorkflowSubmitted,
)
from tests.examples import CUSTOMER, T0_MS, at_ms

WORKFLOW_ID: Final = "01900000-0000-7000-8000-0000000000aa"
NEEDS: Final = {"get": (), "count": (), "join": ("get", "count"), "tell": ("join",)}


def job_of(key: str) -> JobId:
    return JobId(f"01900000-0000-7000-8000-00000000000{list(NEEDS).index(key)}")


STEPS: Final = tuple(
    Step(
        key=key,
        job_id=job_of(key),
        workload="wasm-hash",
        input_json='{"input":{"text":"hello"},"mapping":{}}',
        depends_on=needs,
        bid_micro=500_000,
    )
    for key, needs in NEEDS.items()
)
IDS: Final[dict[str, Any]] = {"workflow_id": WORKFLOW_ID, "account_id": CUSTOMER}
KNOWN: Final[dict[str, Any]] = {
    "name": "Hash twice",
    "steps": STEPS,
    "fail_mode": FailMode.BEST_EFFORT,
    "request_sha256": "a" * 64,
}


def submit(**fields: Any) -> SubmitWorkflow:
    return SubmitWorkflow(**IDS | KNOWN | {"now_ms": T0_MS} | fields)


def submitted(**fields: Any) -> WorkflowSubmitted:
    return WorkflowSubmitted(**IDS | KNOWN | {"submitted_at_ms": T0_MS} | fields)


def started(key: str, at_s: int = 0) -> StepStarted:
    return StepStarted(**IDS, key=key, job_id=job_of(key), started_at_ms=at_ms(at_s))


def end(key: str, outcome: Outcome = Outcome.SUCCEEDED, code: str | None = None, at_s: int = 5) -> EndStep:
    return EndStep(job_id=job_of(key), outcome=outcome, code=code, now_ms=at_ms(at_s))


def ended(
    key: str, outcome: Outcome = Outcome.SUCCEEDED, code: str | None = None, at_s: int = 5, detail: str = ""
) -> StepEnded:
    return StepEnded(
        **IDS,
        key=key,
        job_id=job_of(key),
        outcome=outcome,
        code=code,
        detail=detail,
        ended_at_ms=at_ms(at_s),
    )


def stopped(outcome: Outcome, *running: str, because: str = "", at_s: int = 5) -> WorkflowStopped:
    jobs = tuple(job_of(key) for key in running)
    return WorkflowStopped(**IDS, outcome=outcome, because=because, running=jobs, stopped_at_ms=at_ms(at_s))


def over(outcome: Outcome, at_s: int = 5) -> WorkflowEnded:
    return WorkflowEnded(**IDS, outcome=outcome, ended_at_ms=at_ms(at_s))


EVENTS: Final[tuple[Any, ...]] = (
    submitted(),
    started("get"),
    ended("get", Outcome.FAILED, "invalid", detail="the output of get is no JSON"),
    stopped(Outcome.FAILED, "count", because="get"),
    over(Outcome.FAILED),
)
