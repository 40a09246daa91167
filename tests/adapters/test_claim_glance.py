"""One field of a body, found without the rest, whatever the rest is."""

import pytest

from adapters.claim_glance import active_jobs, job_named

UNREADABLE = [b"", b"{", b"[]", b"null", b"\xff", 60_000 * b"["]


@pytest.mark.parametrize("body", [*UNREADABLE, b'{"job_id":7}'])
def test_a_body_that_cannot_be_read_names_no_job(body: bytes) -> None:
    assert job_named(body) == ""


def test_the_job_is_found_without_reading_the_rest() -> None:
    assert job_named(b'{"x":[1,{"job_id":"no"}],"job_id":"job-1_2","state":5}') == "job-1_2"


@pytest.mark.parametrize("body", [*UNREADABLE, b'{"active_jobs":"7"}', b"{}"])
def test_a_heartbeat_that_cannot_be_read_runs_nothing(body: bytes) -> None:
    assert active_jobs(body) == 0


def test_the_number_of_jobs_is_found_without_reading_the_rest() -> None:
    assert active_jobs(b'{"x":[{"active_jobs":9}],"active_jobs":3,"status":5}') == 3
