"""Following a job: nothing is shown twice and nothing is left out, whatever interrupts it."""

import signal

import pytest

from cli.follow import AWAY_MAX_S, Patience
from tests.cli.commands import start, typed
from tests.cli.told_streams import HOLD, JOB_ID, frame, told

SUCCEEDED = frame("complete", state="succeeded")


def follow(url: str, *words: str) -> tuple[str, ...]:
    return ("job", "follow", JOB_ID, "--url", url, "--key", "ak_x", *words)


def test_output_is_shown_as_it_comes_and_the_end_is_told() -> None:
    frames = [
        frame("state", state="running"),
        frame("chunk", 1, content="one\ntwo"),
        frame("state", state="succeeded"),
        SUCCEEDED,
    ]
    with told(frames) as telling:
        said = typed(*follow(telling.url))
    assert (said.code, said.out) == (0, "one\ntwo\n")
    assert said.err.splitlines() == [
        "The job is running.",
        "The job succeeded, 0.5 credits charged. Why there: archipelago job why job-1",
    ]


def test_a_broken_stream_is_resumed_behind_the_last_line() -> None:
    streams = [frame("chunk", 4, content="one\n")], [frame("chunk", 7, content="two\n"), SUCCEEDED]
    with told(*streams) as telling:
        said = typed(*follow(telling.url))
    assert said.out == "one\ntwo\n"
    assert telling.asked == ["", "4"]


def test_a_coordinator_whose_servers_fail_is_asked_again() -> None:
    streams = (
        [frame("chunk", 4, content="one\n"), frame("error", error="unavailable")],
        [frame("chunk", 7, content="two\n"), SUCCEEDED],
    )
    with told(*streams) as telling:
        assert typed(*follow(telling.url)).out == "one\ntwo\n"


def test_after_ctrl_c_the_next_follow_goes_on_at_the_exact_line() -> None:
    streams = (
        [frame("chunk", 4, content="one\ntw"), HOLD],
        [frame("chunk", 7, content="o\nthree\n"), SUCCEEDED],
        [frame("chunk", 4, content="one\ntw"), frame("chunk", 7, content="o\nthree\n"), SUCCEEDED],
    )
    with told(*streams) as telling:
        process = start(*follow(telling.url))
        assert process.stdout is not None
        assert process.stdout.readline() == "one\n"
        assert process.stdout.read(2) == "tw"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert err == "Interrupted; the job goes on. Resume here with: archipelago job follow job-1\n"
        assert typed(*follow(telling.url)).out == "o\nthree\n"
        assert typed(*follow(telling.url)).out == "one\ntwo\nthree\n", "the end was reached: it begins anew"
    assert telling.asked == ["", "4", ""]


def test_from_start_shows_everything_again() -> None:
    streams = [frame("chunk", 4, content="one\n"), HOLD], [frame("chunk", 4, content="one\n"), SUCCEEDED]
    with told(*streams) as telling:
        process = start(*follow(telling.url))
        assert process.stdout is not None
        assert process.stdout.readline() == "one\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert typed(*follow(telling.url, "--from-start")).out == "one\n"
    assert telling.asked == ["", ""]


def test_waiting_in_json_leaves_the_readers_place_alone() -> None:
    streams = [frame("chunk", 4, content="one\n"), HOLD], [SUCCEEDED], [SUCCEEDED]
    with told(*streams) as telling:
        process = start(*follow(telling.url))
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert typed(*follow(telling.url, "--json")).json == {
            "id": JOB_ID,
            "state": "succeeded",
            "charged": "0.5",
        }
        typed(*follow(telling.url))
    assert telling.asked == ["", "", "4"]


def test_another_attempt_that_says_something_else_begins_again() -> None:
    frames = [
        frame("chunk", 4, content="on"),
        frame("restarted", attempt=2),
        frame("chunk", 9, content="two\n"),
        SUCCEEDED,
    ]
    with told(frames) as telling:
        said = typed(*follow(telling.url))
    assert said.out == "on\ntwo\n"
    assert said.err.startswith("Another attempt says something else; its output begins again.\n")


def test_a_failed_job_ends_with_one_and_its_reason() -> None:
    with told([frame("error", error="out of fuel")], state="failed", error="out of fuel") as telling:
        said = typed(*follow(telling.url))
    assert said.code == 1
    assert said.err == "The job is failed: out of fuel. What happened: archipelago job events job-1\n"


def test_hostile_output_cannot_move_the_cursor() -> None:
    hostile = "\x1b[2J\x1b]0;title\x07\x9b31m\u202eabc\r\nplain"
    with told([frame("chunk", 1, content=hostile), SUCCEEDED]) as telling:
        out = typed(*follow(telling.url)).out
    assert out == "\ufffd[2J\ufffd]0;title\ufffd\ufffd31m\ufffdabc\ufffd\nplain\n"


def test_an_answer_that_is_no_stream_of_ours_is_told() -> None:
    with told([frame("chunk", 1, content="a").replace("{", "[")]) as telling:
        said = typed(*follow(telling.url))
    assert said.code == 1
    assert said.err.startswith("error: coordinator: its stream holds what is none of ours")


def test_a_coordinator_that_breaks_off_again_and_again_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.follow.AWAY_MAX_S", 0.2)
    monkeypatch.setattr("cli.follow.PAUSE_S", 0.02)
    with told(*[[]] * 100) as telling:
        said = typed(*follow(telling.url))
    assert said.code == 1
    assert said.err.startswith("error: coordinator: breaks off the output of job-1 again and again\nnext: ")
    assert 1 < len(telling.asked) < 100


def test_patience_begins_anew_behind_a_steady_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr("cli.follow.time.monotonic", lambda: now_s)
    patience = Patience()
    patience.opened()
    now_s = 1000.0
    assert not patience.is_over
    patience.opened()
    now_s = 1001.0
    assert not patience.is_over
    now_s = 1000.0 + AWAY_MAX_S + 1
    assert patience.is_over
