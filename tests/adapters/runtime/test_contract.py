"""The words of the contract itself: every end has one code and one to answer for it, and limits are checked."""

from __future__ import annotations

import pytest

from adapters.runtime.contract import End, FailureCode, Fault, Limits, Outcome, failure_code, fault

_TABLE = [
    (Outcome(end=End.EXITED, exit_code=0), None, Fault.NOBODY),
    (Outcome(end=End.EXITED, exit_code=1), FailureCode.CRASHED, Fault.CARGO),
    (Outcome(end=End.EXITED, exit_code=126), FailureCode.CANNOT_START, Fault.CARGO),
    (Outcome(end=End.EXITED, exit_code=127), FailureCode.CANNOT_START, Fault.CARGO),
    (Outcome(end=End.TRAPPED), FailureCode.CRASHED, Fault.CARGO),
    (Outcome(end=End.OUT_OF_FUEL), FailureCode.OUT_OF_FUEL, Fault.CARGO),
    (Outcome(end=End.OUT_OF_MEMORY), FailureCode.OUT_OF_MEMORY, Fault.CARGO),
    (Outcome(end=End.TIMED_OUT), FailureCode.TIMED_OUT, Fault.CARGO),
    (Outcome(end=End.OUTPUT_LIMIT), FailureCode.OUTPUT_TOO_LARGE, Fault.CARGO),
    (Outcome(end=End.LINE_LIMIT), FailureCode.OUTPUT_TOO_LARGE, Fault.CARGO),
    (Outcome(end=End.REFUSED), FailureCode.VERIFICATION_FAILED, Fault.NOBODY),
    (Outcome(end=End.STOPPED), None, Fault.NOBODY),
    (Outcome(end=End.ISLAND_FAULT), FailureCode.RUNTIME_MISSING, Fault.ISLAND),
]


@pytest.mark.parametrize(("outcome", "code", "who"), _TABLE, ids=str)
def test_an_end_has_one_code_and_one_to_answer_for_it(
    outcome: Outcome, code: FailureCode | None, who: Fault
) -> None:
    assert (failure_code(outcome), fault(outcome)) == (code, who)


def test_the_table_knows_every_end() -> None:
    assert {outcome.end for outcome, _, _ in _TABLE} == set(End)


@pytest.mark.parametrize("field", ["memory_mb", "wall_s", "fuel", "output_bytes", "line_bytes"])
def test_a_limit_of_nothing_is_an_error_that_names_it(field: str) -> None:
    with pytest.raises(ValueError, match=rf"limits\.{field} must be greater than 0, not 0"):
        Limits(**{field: 0})
