"""Everything a command shows: lines and tables for people, JSON for programs, errors on stderr.

Used by every command. What comes from jobs, cargos and islands is a stranger's text; nothing in it reaches the terminal
as a control sequence, because every line goes through `printable`.
"""

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Final, TextIO

from cli.typed_name import program

PIPE_WIDTH: Final = 180
"""Columns of a table that no terminal bounds."""
KEPT_CONTROLS: Final = frozenset("\n\t")
BIDI_CONTROLS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They would show a text in another order than it has."""
NAMED: Final = "`archipelago "  # How every sentence in this package names a command.
REPLACED: Final = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """`text` without anything that moves the cursor, colours, rings or turns the writing round."""
    return "".join(c if is_harmless(c) else REPLACED for c in text)


def is_harmless(character: str) -> bool:
    if character in KEPT_CONTROLS:
        return True
    # Cc: C0 and C1 controls; Cs: halves of surrogate pairs, which cannot be written at all.
    return unicodedata.category(character) not in {"Cc", "Cs"} and character not in BIDI_CONTROLS


def say(text: str = "", *, end: str = "\n", stream: TextIO | None = None) -> None:
    """Text for a person, written out at once."""
    print(printable(text), end=end, file=stream or sys.stdout, flush=True)


def note(text: str) -> None:
    """What is not the answer itself: progress, hints. It goes to stderr, so pipes get the answer alone."""
    say(text, stream=sys.stderr)


def complain(message: str, next_step: str) -> None:
    """An error, and what to do about it."""
    note(f"error: {message}")
    if next_step:
        note(f"next: {next_step.replace(NAMED, f'`{program()} ')}")


def show_json(value: Any) -> None:
    """One JSON value on one line; non-ASCII is escaped, so no terminal can be told anything by it."""
    print(json.dumps(value, separators=(",", ":")), flush=True)


def show_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people. A heading that begins with `>` is of a column of numbers, set to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = None if sys.stdout.isatty() else PIPE_WIDTH
    console = Console(markup=False, emoji=False, highlight=False, no_color=True, width=width)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="")
    for heading in headings:
        is_number = heading.startswith(">")
        table.add_column(heading.removeprefix(">"), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        print(line.rstrip(), flush=True)


def show_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Names and values, one a line; a value of None is left out."""
    present = [(name, value) for name, value in fields if value is not None]
    width = max((len(name) for name, _ in present), default=0)
    for name, value in present:
        say(f"{name:<{width}}  {value}")
