"""Small parts of the command line that read and write: streams of events, bookmarks, tables, keys."""

import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.embedded.data_directory import DataDirectory
from cli.bookmark import BOOKMARKS_MAX, Bookmark
from cli.demo_result import micro
from cli.local_key import local_key
from cli.network import Network, find_network, forget_network, write_network
from cli.placement_view import REMEDIES
from cli.server_events import ServerEvent, StreamUnreadable, server_events
from cli.terminal import printable, show_table
from domain.placement import Refusal


async def of(*lines: str) -> AsyncIterator[str]:
    for line in lines:
        yield line


async def test_events_are_read_whole_and_half_ones_are_dropped() -> None:
    lines = of("id: 7", "event: chunk", "data: {", "data: }", "", ": ping", "", "event: chunk", "data: {}")
    assert [event async for event in server_events(lines)] == [ServerEvent("chunk", "{\n}", "7")]


async def test_an_id_belongs_to_its_own_event() -> None:
    lines = of("id: 7", "data: a", "", "data: b", "")
    assert [event.id async for event in server_events(lines)] == ["7", ""]


async def test_an_endless_event_is_cut_off() -> None:
    lines = of(*["data: " + "x" * 1024 * 1024] * 17, "")
    with pytest.raises(StreamUnreadable):
        _ = [event async for event in server_events(lines)]


def test_a_bookmark_is_kept_for_each_coordinator_and_job(tmp_path: Path) -> None:
    mine = Bookmark("http://a", "../../job", tmp_path)
    mine.write("7")
    assert Bookmark("http://a", "../../job", tmp_path).read() == "7"
    assert Bookmark("http://b", "../../job", tmp_path).read() == ""
    assert [path.parent for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "bookmarks"]
    mine.remove()
    assert mine.read() == ""


def test_bookmarks_do_not_grow_for_ever(tmp_path: Path) -> None:
    for number in range(BOOKMARKS_MAX + 5):
        Bookmark("http://a", str(number), tmp_path).write("1")
    assert len(list((tmp_path / "bookmarks").iterdir())) == BOOKMARKS_MAX


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\n", "a\tb\n"),
        ("\x1b[31mred", "\ufffd[31mred"),
        ("\x00\x07\r\x7f\x9b", "\ufffd" * 5),
        ("\u202egnp.exe", "\ufffdgnp.exe"),
        ("\ud800", "\ufffd"),
        ("gr\u00fc\u00dfe \u4f60\u597d \U0001f3dd", "gr\u00fc\u00dfe \u4f60\u597d \U0001f3dd"),
    ],
)
def test_only_harmless_characters_reach_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_table_shows_foreign_text_as_it_is_and_no_control(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("NAME", ">COUNT"), [("[red]x[/red]\x1b[0m", 7)])
    said = capsys.readouterr().out
    assert "[red]x[/red]\ufffd[0m" in said
    assert "\x1b" not in said


def test_every_refusal_says_what_would_change_it() -> None:
    assert set(REMEDIES) == set(Refusal)


def test_a_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "data")
    key, file = local_key(directory)
    assert re.fullmatch("ak_[0-9A-Za-z]{40}", key)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert local_key(directory) == (key, file)


def test_the_network_of_this_machine_is_found_and_forgotten(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "data")
    network = Network(url="http://a", key_file="k", nats_url="n", nats_keys="c", postgres_dsn="p")
    assert find_network(directory.root) is None
    write_network(directory, network)
    assert find_network(directory.root) == network
    assert stat.S_IMODE((directory.run / "network.json").stat().st_mode) == 0o600
    forget_network(directory)
    forget_network(directory)
    assert find_network(directory.root) is None


def test_looking_for_a_network_makes_no_folder(tmp_path: Path) -> None:
    assert find_network(tmp_path / "nowhere") is None
    assert not (tmp_path / "nowhere").exists()


def test_credits_become_whole_micro_credits() -> None:
    assert [micro("0.5"), micro("0.000001"), micro("12")] == [500_000, 1, 12_000_000]
