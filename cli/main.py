"""The `archipelago` command: what can be typed, and how a failure is told.

Entry point of the package. Each group of commands has a module of its own, which imports what it needs only when it
runs, so that help comes at once. Exit codes: `cli.failure.ExitCode`.
"""

import sys

import typer

from cli import (
    account,
    api_key,
    as_of,
    audit,
    authority,
    batch,
    cargo,
    coordinator_program,
    demo,
    deploy,
    island,
    job,
    karma,
    keys,
    market,
    marketplace,
    placement,
    projections,
    registrar_program,
    report,
    sign_in,
    up,
    webhook,
    workflow,
)
from cli.failure import CommandFailed, ExitCode
from cli.terminal import complain

app = typer.Typer(
    name="archipelago",
    help="Run jobs on contributed machines: a network on this machine, or a client of one elsewhere.",
    epilog="Begin with `archipelago demo`, or with `archipelago up` and the commands it prints.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(authority.believe)
app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("coordinator")(coordinator_program.coordinator)
app.command("registrar")(registrar_program.registrar)
app.command("door")(registrar_program.door)
app.command("deploy")(deploy.deploy)
app.command("sign-in")(sign_in.sign_in)
app.command("sign-out")(sign_in.sign_out)
app.add_typer(account.app, name="account")
app.add_typer(api_key.app, name="api-key")
app.add_typer(job.app, name="job")
app.add_typer(batch.app, name="batch")
app.add_typer(cargo.app, name="cargo")
app.add_typer(island.app, name="island")
app.add_typer(karma.app, name="karma")
app.add_typer(keys.app, name="keys")
app.add_typer(market.app, name="market")
app.add_typer(marketplace.app, name="marketplace")
app.add_typer(placement.app, name="placement")
app.add_typer(audit.app, name="audit")
app.add_typer(report.app, name="report")
app.add_typer(as_of.app, name="as-of")
app.add_typer(webhook.app, name="webhook")
app.add_typer(workflow.app, name="workflow")
app.add_typer(projections.app, name="projections")


def main() -> None:
    """Run what was typed and end the process with its exit code."""
    arguments = sys.argv[1:] or ["--help"]
    try:
        code = app(arguments, prog_name="archipelago", standalone_mode=False)
    except CommandFailed as failed:
        complain(failed.message, failed.next_step)
        sys.exit(failed.code)
    except typer.TyperException as error:
        complain(error.format_message(), f"see {command_of(error)} --help")
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else ExitCode.OK)


def command_of(error: typer.TyperException) -> str:
    """The command whose usage was wrong, as it is typed."""
    context = getattr(error, "ctx", None)
    return str(context.command_path) if context else "archipelago"


if __name__ == "__main__":
    main()
