"""In which form a report is asked for, and where it goes. Used by `archipelago report …`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failure import CommandFailed, wrong_usage
from cli.terminal import note

if TYPE_CHECKING:
    from adapters.reports.forms import Form, Written

FormName = Annotated[str, typer.Option("--format", help="text, json, csv, html or pdf.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it. Default: here.")
]


def write_out(make: "Callable[[Form], Written]", name: str, output: Path | None) -> None:
    """Makes the report and writes it. Raises CommandFailed, before it is made where the form or place cannot be."""
    form = form_named(name, output)
    written = make(form)
    if output is None:
        show(written.body, form)
        return
    try:
        unfinished = output.with_name(output.name + ".part")
        unfinished.write_bytes(written.body)
        unfinished.replace(output)
    except OSError as error:
        raise CommandFailed(f"--output: {output}: {error.strerror}") from error
    note(f"{output}: {written.lines} lines, {len(written.body):,} bytes, {written.digest}")


def show(body: bytes, form: "Form") -> None:
    from adapters.reports.forms import Form

    if form is Form.PDF:
        sys.stdout.buffer.write(body)
    else:
        sys.stdout.write(body.decode())


def form_named(name: str, output: Path | None) -> "Form":
    from adapters.reports.forms import Form

    try:
        form = Form(name)
    except ValueError:
        raise wrong_usage("--format", f"must be one of {', '.join(Form)}") from None
    if form is Form.PDF and output is None and sys.stdout.isatty():
        raise wrong_usage("--output", "name a file: a PDF is nothing for a terminal")
    return form
