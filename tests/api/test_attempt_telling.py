"""What a listener hears of attempts: each text once, and another attempt's text only where it differs."""

from dataclasses import replace
from typing import Final

import pytest

from adapters.nats.outputs import Chunk, ChunkKind
from api import attempt_telling
from api.attempt_telling import AttemptTelling, Finished, Moment, Restarted, Resume, Step, Text, ToldText
from domain.job_state import Phase
from projections.jobs import new_job
from tests.examples import ISLAND, submitted

ROW: Final = replace(
    new_job(submitted(), 1), state=Phase.RUNNING, attempt=1, island_id=ISLAND, output_after=10
)
SECOND: Final = replace(ROW, attempt=2, output_after=20)


def token(seq: int, content: str, position: int | None = None) -> Chunk:
    return Chunk(kind=ChunkKind.TOKEN, seq=seq, content=content, position=position or 10 + seq)


def heard(telling: AttemptTelling, *chunks: Chunk, ends: bool = False) -> list[Moment]:
    moments = [*telling.begin()]
    for chunk in chunks:
        moments += telling.take(chunk)
    return [*moments, *(telling.finish() if ends else ())]


def first(resume: Resume | None = None, told: ToldText | None = None) -> AttemptTelling:
    return AttemptTelling(ROW, resume or Resume(), told or ToldText())


def text(seq: int, content: str, *, position: int | None = None, attempt: int = 1) -> Text:
    return Text(position=position or 10 + seq, attempt=attempt, seq=seq, content=content)


def test_every_chunk_is_told_with_its_place() -> None:
    final = Chunk(kind=ChunkKind.FINAL, seq=3, position=14)
    step = Chunk(kind=ChunkKind.PROGRESS, step=1, total=4, position=13)
    assert heard(first(), token(1, "a"), token(2, "b"), step, final) == [
        text(1, "a"),
        text(2, "b"),
        Step(position=13, attempt=1, step=1, total=4),
        Finished(position=14, attempt=1, seq=3),
    ]


def test_who_resumes_hears_only_what_came_after() -> None:
    assert heard(first(Resume(after=12)), token(1, "a"), token(2, "b"), token(3, "c")) == [text(3, "c")]


def test_who_resumes_by_number_hears_only_what_came_after() -> None:
    assert heard(first(Resume(after_seq=2)), token(1, "a"), token(2, "b"), token(3, "c")) == [text(3, "c")]


def test_a_chunk_that_was_sent_twice_moves_no_position_back() -> None:
    late = token(1, "a", position=15)
    assert heard(first(), late, token(2, "b"), token(3, "c")) == [
        text(1, "a", position=15),
        text(2, "b", position=15),
        text(3, "c", position=15),
    ]


def test_no_text_is_lost_behind_a_chunk_that_was_sent_twice() -> None:
    late = token(1, "a", position=15)
    resumed = heard(first(Resume(after=15)), late, token(2, "b"), token(3, "c"))
    assert [moment.content for moment in resumed if isinstance(moment, Text)] == ["b", "c"]


def told(*contents: str) -> ToldText:
    before = ToldText()
    for content in contents:
        before.add(content)
    return before


def second(before: ToldText) -> AttemptTelling:
    return AttemptTelling(SECOND, Resume(), before)


def test_an_attempt_that_says_the_same_is_silent_until_it_says_more() -> None:
    telling = second(told("Hello", " wo"))
    assert heard(telling, token(1, "Hel"), token(2, "lo world"), token(3, "!")) == [
        text(2, "rld", attempt=2),
        text(3, "!", attempt=2),
    ]


def test_an_attempt_that_says_something_else_begins_again() -> None:
    telling = second(told("Hello", " wo"))
    assert heard(telling, token(1, "Hel"), token(2, "p")) == [
        Restarted(attempt=2),
        text(1, "Hel", attempt=2),
        text(2, "p", attempt=2),
    ]


def test_an_attempt_that_differs_at_once_begins_again_without_a_repetition() -> None:
    assert heard(second(told("Hello")), token(1, "x")) == [Restarted(attempt=2), text(1, "x", attempt=2)]


def test_an_attempt_that_says_less_begins_again_at_its_end() -> None:
    assert heard(second(told("Hello")), token(1, "He"), ends=True) == [
        Restarted(attempt=2),
        text(1, "He", attempt=2),
    ]


def test_a_third_attempt_is_compared_with_what_the_listener_has_now() -> None:
    before = told("Hello")
    assert heard(second(before), token(1, "x"))[0] == Restarted(attempt=2)
    third = AttemptTelling(replace(SECOND, attempt=3), Resume(), before)
    assert heard(third, token(1, "xy")) == [text(1, "y", attempt=3)]


def test_who_resumes_in_an_attempt_that_is_over_begins_again() -> None:
    telling = AttemptTelling(SECOND, Resume(after=15), ToldText())
    assert heard(telling, token(1, "a", position=21)) == [
        Restarted(attempt=2),
        text(1, "a", position=21, attempt=2),
    ]


def test_a_text_too_long_to_be_kept_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt_telling, "TOLD_CHARACTERS_MAX", 4)
    assert heard(second(told("Hel", "lo")), token(1, "Hello")) == [
        Restarted(attempt=2),
        text(1, "Hello", attempt=2),
    ]
