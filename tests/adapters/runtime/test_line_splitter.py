"""However a stream is cut into chunks, the same lines come out, and never more than the limits allow."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from adapters.runtime.contract import End
from adapters.runtime.line_splitter import LineSplitter

chunks = st.lists(st.text(alphabet="ab\n", min_size=1, max_size=12).map(str.encode), max_size=12)


def split(
    parts: list[bytes], *, line_bytes_max: int, output_bytes_max: int
) -> tuple[list[bytes], LineSplitter]:
    splitter = LineSplitter(line_bytes_max=line_bytes_max, output_bytes_max=output_bytes_max)
    lines: list[bytes] = []
    for part in parts:
        lines += splitter.feed(part)
        if splitter.broken is not None:
            break
    return lines + list(filter(None, [splitter.rest()])), splitter


@given(chunks)
def test_lines_do_not_depend_on_the_chunks(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    lines, splitter = split(parts, line_bytes_max=1000, output_bytes_max=1000)
    assert lines == io.BytesIO(whole).readlines()
    assert (splitter.bytes_seen, splitter.lines_seen, splitter.broken) == (len(whole), len(lines), None)


@given(chunks, st.integers(1, 8), st.integers(1, 60))
def test_limits_hold_whatever_comes(parts: list[bytes], line_bytes_max: int, output_bytes_max: int) -> None:
    lines, splitter = split(parts, line_bytes_max=line_bytes_max, output_bytes_max=output_bytes_max)
    whole = b"".join(parts)
    assert whole.startswith(b"".join(lines))
    assert all(len(line.rstrip(b"\n")) <= line_bytes_max for line in lines)
    assert splitter.bytes_seen <= output_bytes_max
    allowed = whole[:output_bytes_max]
    if any(len(line.rstrip(b"\n")) > line_bytes_max for line in io.BytesIO(allowed)):
        assert splitter.broken is End.LINE_LIMIT
    elif len(whole) > output_bytes_max:
        assert splitter.broken is End.OUTPUT_LIMIT
    else:
        assert splitter.broken is None
