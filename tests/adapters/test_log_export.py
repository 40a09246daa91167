"""An export is the log, byte for byte; a damaged file is told by the place."""

import gzip
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.log_export import (
    ExportDamaged,
    Header,
    Written,
    commit_of,
    line_of,
    read_export,
    read_header,
    write_export,
)
from commands.raw_commit import RawCommit

NOON = "2026-11-24T12:00:00Z"


def raw(position: int, body: bytes = b"[]") -> RawCommit:
    return RawCommit(
        position=position,
        subject=f"evt.job.j-{position}",
        headers={"Command-Id": f"c-{position}"},
        body=body,
        recorded_at_ms=1_700_000_000_000 + position,
    )


async def in_batches(commits: Sequence[RawCommit]) -> AsyncIterator[Sequence[RawCommit]]:
    for start in range(0, len(commits), 2):
        yield commits[start : start + 2]


async def exported(
    path: Path, commits: Sequence[RawCommit], *, first: int = 1, last: int | None = None
) -> Written:
    header = Header(first=first, last=len(commits) if last is None else last, exported_at=NOON)
    return await write_export(path, header, in_batches(commits))


async def test_what_was_exported_is_read_again(tmp_path: Path) -> None:
    commits = [raw(1), raw(2, b'[{"name":"x"}]'), raw(3, bytes(range(256)))]
    written = await exported(tmp_path / "log", commits)
    assert list(read_export(tmp_path / "log")) == commits
    assert written == Written(commits=3, file_bytes=(tmp_path / "log").stat().st_size)
    assert read_header(tmp_path / "log").last == 3


@given(body=st.binary(max_size=200), headers=st.dictionaries(st.text(), st.text()), at=st.integers(0, 2**62))
def test_any_commit_survives_a_line(body: bytes, headers: dict[str, str], at: int) -> None:
    commit = RawCommit(position=1, subject="evt.job.j", headers=headers, body=body, recorded_at_ms=at)
    assert commit_of(line_of(commit)) == commit


async def test_equal_logs_give_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        await exported(tmp_path / name, [raw(1), raw(2)])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


async def test_a_part_of_the_log_is_an_export_too(tmp_path: Path) -> None:
    await exported(tmp_path / "log", [raw(7), raw(8)], first=7, last=8)
    assert [commit.position for commit in read_export(tmp_path / "log")] == [7, 8]


@pytest.mark.parametrize(
    ("commits", "last", "told"),
    [([raw(1), raw(3)], 3, "position 2: missing"), ([raw(1)], 2, "position 2: the log ended at 1")],
)
async def test_an_incomplete_export_leaves_no_file(
    tmp_path: Path, commits: list[RawCommit], last: int, told: str
) -> None:
    with pytest.raises(ExportDamaged, match=told):
        await exported(tmp_path / "log", commits, last=last)
    assert list(tmp_path.iterdir()) == []


async def test_a_missing_line_is_told_by_its_position(tmp_path: Path) -> None:
    await exported(tmp_path / "log", [raw(1), raw(2), raw(3)])
    lines = gzip.decompress((tmp_path / "log").read_bytes()).splitlines(keepends=True)
    (tmp_path / "holed").write_bytes(gzip.compress(b"".join(lines[:2] + lines[3:])))
    with pytest.raises(ExportDamaged, match="position 2: missing"):
        list(read_export(tmp_path / "holed"))
    (tmp_path / "cut").write_bytes(gzip.compress(b"".join(lines[:3])))
    with pytest.raises(ExportDamaged, match="position 3: missing"):
        list(read_export(tmp_path / "cut"))


@pytest.mark.parametrize("kept_bytes", [20, 60])
async def test_a_file_cut_short_is_damaged(tmp_path: Path, kept_bytes: int) -> None:
    await exported(tmp_path / "log", [raw(1), raw(2)])
    (tmp_path / "cut").write_bytes((tmp_path / "log").read_bytes()[:kept_bytes])
    with pytest.raises(ExportDamaged, match="line"):
        list(read_export(tmp_path / "cut"))


@pytest.mark.parametrize("content", [b"plain text\n", gzip.compress(b""), gzip.compress(b'{"format":"x"}\n')])
def test_what_is_no_export_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(ExportDamaged, match="line 1"):
        list(read_export(tmp_path / "other"))
    with pytest.raises(ExportDamaged, match="line 1"):
        read_header(tmp_path / "other")


async def test_a_line_that_is_no_commit_is_told_by_its_number(tmp_path: Path) -> None:
    await exported(tmp_path / "log", [raw(1), raw(2)])
    lines = gzip.decompress((tmp_path / "log").read_bytes()).splitlines(keepends=True)
    for bad in (b"{}\n", lines[2].replace(b'"body":"', b'"body":"!'), b"no end"):
        (tmp_path / "bad").write_bytes(gzip.compress(b"".join([*lines[:2], bad])))
        with pytest.raises(ExportDamaged, match="line 3"):
            list(read_export(tmp_path / "bad"))
