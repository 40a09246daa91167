"""How an attempt is named on the wire, and that nothing else passes for one."""

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.claim import ClaimRejected, ClaimRejection, parse_wire_id, wire_id
from domain.ids import JobId
from domain.job import ATTEMPTS_MAX


def test_the_first_attempt_has_the_name_of_its_job() -> None:
    assert wire_id(JobId("j"), 1) == "j"
    assert wire_id(JobId("j"), 2) == "j_2"


@for_all(st.uuids().map(str), st.integers(1, ATTEMPTS_MAX))
def test_a_wire_id_comes_back_as_it_went(job_id: str, attempt: int) -> None:
    assert parse_wire_id(wire_id(JobId(job_id), attempt)) == (job_id, attempt)


@pytest.mark.parametrize(
    "text",
    [
        *("j_", "j_0", "j_1", "j_-2", "j_100", "j_2_3", "j_x", "j_²", "j_٣", "j_2.0", "j_ 2"),
        *("", "_2", "*", ">", "a.b", "a b", "a\r\n", "ä", "j\0", 65 * "j"),
    ],
)
def test_what_is_no_wire_id_is_refused(text: str) -> None:
    with pytest.raises(ClaimRejected) as rejected:
        parse_wire_id(text)
    assert rejected.value.code is ClaimRejection.UNKNOWN_JOB


@for_all(st.text(max_size=12) | st.from_regex(r"[a-z_0-9]{0,6}_[0-9]{0,3}", fullmatch=True))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        _, attempt = parse_wire_id(text)
    except ClaimRejected:
        return
    assert 1 <= attempt < 100
