"""`archipelago report …`: what the log says of an account, an island or a time, so that anyone can check it."""

import typer

from cli import report_verify

app = typer.Typer(
    help="Reports: computed from the log alone, the same for ever, and checked by whoever likes."
)


@app.callback()
def group() -> None:
    """Keeps `verify` a word of its own while it is the only command."""


app.command("verify")(report_verify.verify)
