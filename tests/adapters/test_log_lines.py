"""A line of the log tells the event and its fields, and nothing in a field can look like another line."""

import logging
from typing import Any

import pytest

from adapters.log_lines import VALUE_CHARACTERS_MAX, LogLines


def line(message: str = "job_lost", **fields: Any) -> str:
    record = logging.getLogger("somewhere").makeRecord(
        "somewhere", logging.INFO, __file__, 1, message, (), None, extra=fields
    )
    return LogLines().format(record)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (7, "7"),
        (0.5, "0.5"),
        (None, "null"),
        (True, "true"),
        ("as it is", '"as it is"'),
        (("a", 1), "\"('a', 1)\""),
    ],
)
def test_a_field_stands_behind_the_event(value: object, told: str) -> None:
    assert line(answer=value).endswith(f" INFO somewhere job_lost answer={told}")


def test_fields_keep_their_order() -> None:
    assert line(first=1, second=2).endswith("job_lost first=1 second=2")


def test_a_line_without_fields_ends_with_the_event() -> None:
    assert line(color_message="of uvicorn").endswith("somewhere job_lost")


def test_a_field_cannot_begin_a_line_of_its_own() -> None:
    told = line(error="oops\n2026-01-01 INFO registrar accounts_pushed\x1b[31m\u2028")
    assert len(told.splitlines()) == 1
    assert told.isprintable()


def test_a_long_field_is_cut_off() -> None:
    assert len(line(error="x" * 10_000)) < VALUE_CHARACTERS_MAX + 100
