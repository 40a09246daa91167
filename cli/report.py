"""`archipelago report …`: what the log says of an account, an island or a time, so that anyone can check it."""

import typer

from cli import report_make, report_verify

app = typer.Typer(
    help="Reports: computed from the log alone, the same for ever, and checked by whoever likes."
)

app.command("invoice")(report_make.invoice)
app.command("statement")(report_make.statement)
app.command("usage")(report_make.usage)
app.command("audit")(report_make.audit)
app.command("verify")(report_verify.verify)
