"""Stop words are cut wherever the pieces of a text happen to end."""

from hypothesis import given
from hypothesis import strategies as st

from api.stop_words import StopCutter

texts = st.text(alphabet="ab.", max_size=40)
stops = st.lists(st.text(alphabet="ab.", min_size=1, max_size=4), max_size=3)


def shown(pieces: list[str], words: list[str]) -> tuple[str, bool]:
    cutter = StopCutter(words)
    text = "".join([*map(cutter.feed, pieces), cutter.rest()])
    return text, cutter.is_cut


@given(pieces=st.lists(texts, max_size=6), words=stops)
def test_pieces_are_cut_as_the_whole_text_is_or_before(pieces: list[str], words: list[str]) -> None:
    whole = "".join(pieces)
    text, is_cut = shown(pieces, words)
    assert is_cut == any(word in whole for word in words)
    assert whole.startswith(text)
    assert not any(word in text for word in words)


@given(pieces=st.lists(texts, max_size=6))
def test_without_stop_words_nothing_is_lost(pieces: list[str]) -> None:
    assert shown(pieces, []) == ("".join(pieces), False)


def test_what_only_begins_like_a_stop_word_is_shown() -> None:
    assert shown(["one EN", "OUGH"], ["END"]) == ("one ENOUGH", False)
    assert shown(["one EN"], ["END"]) == ("one EN", False)


def test_a_stop_word_in_two_pieces_is_cut() -> None:
    assert shown(["one EN", "D two"], ["END"]) == ("one ", True)


def test_nothing_that_may_be_shown_is_kept_back() -> None:
    cutter = StopCutter(["END"])
    assert [cutter.feed("one"), cutter.feed(" E"), cutter.feed("N"), cutter.feed("x")] == [
        "one",
        " ",
        "",
        "ENx",
    ]
