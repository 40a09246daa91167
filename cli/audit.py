"""`archipelago audit …`: whom a cargo or an island touched, and making it good: new runs, refunds. For operators."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.case_file import save_case, show_proof
from cli.failure import ExitCode, wrong_usage
from cli.log_export import export_log
from cli.log_restore import ArchiveDsn, restore_log
from cli.options import AsJson, DataDir, Key, Offline, Url
from cli.projections import NatsCaFile, NatsKeys, NatsUrl, PostgresDsn, servers
from cli.terminal import note, say, show_fields, show_json

if TYPE_CHECKING:
    from cli.blast_radius import Selection

app = typer.Typer(
    help="Audit: whom a cargo or an island touched, and making it good. Needs an operator's key."
)

app.command("case")(save_case)
app.command("proof")(show_proof)
app.command("export")(export_log)
app.command("restore")(restore_log)

JOBS_MAX: Final = 10_000

Cargo = Annotated[
    str, typer.Option("--cargo", metavar="DIGEST", help="Jobs that ran this artifact, sha256:…")
]
Island = Annotated[str, typer.Option("--island", metavar="ID", help="Jobs that ran on this island.")]
Since = Annotated[str, typer.Option("--from", metavar="TIME", help="Attempts from then on. Default: all.")]
Until = Annotated[str, typer.Option("--to", metavar="TIME", help="Attempts before then. Default: now.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=JOBS_MAX, help="At most so many jobs.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it becomes part of the log.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without this only what would be done is shown.")]
SigningKey = Annotated[
    str, typer.Option("--key", metavar="PUBLIC", help="The key that must have signed the checkpoints.")
]
KeptCheckpoint = Annotated[
    Path | None,
    typer.Option(
        "--since", metavar="FILE", help="A checkpoint that you kept: GET /audit/checkpoint as it came."
    ),
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print one line a job, comma separated.")]


@app.command("touched")
def touched(
    *,
    cargo: Cargo = "",
    island: Island = "",
    since: Since = "",
    until: Until = "",
    limit: Limit = JOBS_MAX,
    as_csv: AsCsv = False,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the jobs that ran an artifact or ran on an island: whose they are, what came of them, what they cost."""
    from cli.blast_radius import show_csv, show_radius, touched_jobs
    from cli.coordinator import ask

    selection = selected(cargo, island, since, until)
    jobs = ask(url, key, data_dir, lambda coordinator: touched_jobs(coordinator, selection, limit))
    if as_json:
        show_json(jobs)
    elif as_csv:
        show_csv(jobs)
    else:
        show_radius(jobs)


@app.command("refund")
def refund(
    *,
    cargo: Cargo = "",
    island: Island = "",
    since: Since = "",
    until: Until = "",
    limit: Limit = JOBS_MAX,
    reason: Reason = "refunded by an operator",
    yes: Yes = False,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Refund what the touched jobs cost. Shows how many and how much; does it only with --yes.

    May be broken off and repeated: each job is refunded once.
    """
    selection = selected(cargo, island, since, until)
    where = (url, key, data_dir)
    repair("refund", selection, limit=limit, reason=reason, is_meant=yes, where=where, as_json=as_json)


@app.command("rerun")
def rerun(
    *,
    cargo: Cargo = "",
    island: Island = "",
    since: Since = "",
    until: Until = "",
    limit: Limit = JOBS_MAX,
    reason: Reason = "run again by an operator",
    yes: Yes = False,
    url: Url = "",
    key: Key = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Run the touched jobs again on the network's account. Shows how many; does it only with --yes.

    With --cargo in the newest version, with --island on islands of other owners. May be broken off and repeated: each
    job is run again once.
    """
    selection = selected(cargo, island, since, until)
    where = (url, key, data_dir)
    repair("rerun", selection, limit=limit, reason=reason, is_meant=yes, where=where, as_json=as_json)


@app.command("books")
def books(url: Url = "", key: Key = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Add up the whole ledger: what must be 0 is, and one digest stands for every entry.

    Exit code 1 where the books are not right.
    """
    from cli.coordinator import ask

    proof = ask(url, key, data_dir, lambda coordinator: coordinator.get("/audit/books"))
    proof.pop("data", None)
    if as_json:
        show_json(proof)
    else:
        show_fields(
            (
                ("books", "right" if proof["right"] else "NOT RIGHT"),
                ("sum of all entries", proof["sum"]),
                ("unexplained balances", len(proof["unexplained"])),
                ("holds of ended jobs", len(proof["held_for_ended_jobs"])),
                ("charges not arrived", len(proof["uncleared"])),
                ("entries", proof["entries"]),
                ("digest", proof["digest"]),
                ("up to position", proof["position"]),
            )
        )
    if not proof["right"]:
        raise typer.Exit(ExitCode.FAILED)


@app.command("check")
def check(
    *,
    nats_url: NatsUrl = "",
    nats_keys: NatsKeys = None,
    ca_file: NatsCaFile = None,
    postgres_dsn: PostgresDsn = "",
    archive_dsn: ArchiveDsn = "",
    data_dir: DataDir = None,
    offline: Offline = None,
    key: SigningKey = "",
    since: KeptCheckpoint = None,
    as_json: AsJson = False,
) -> None:
    """Check the log and the books: nothing missing or changed, every balance and karma point computed a second way.

    The second way shares no rule with the coordinator; what it finds is compared with each row in PostgreSQL. The tree
    over the log is built again, and every signature the network gave is verified.
    Exit code 1 where something is not right.
    """
    from cli.audit_check import Trust
    from cli.audit_run import check_export, check_network, show_results
    from cli.kept_checkpoint import kept_checkpoint

    trust = Trust(key=key, kept=kept_checkpoint(since) if since else None)
    if offline:
        show_results(asyncio.run(check_export(offline, trust)), as_json=as_json)
        return
    log, dsn = servers(nats_url, nats_keys, ca_file, postgres_dsn, data_dir)
    show_results(asyncio.run(check_network(log, dsn, archive_dsn, trust)), as_json=as_json)


def selected(cargo: str, island: str, since: str, until: str) -> "Selection":
    """Raises CommandFailed where nothing is selected."""
    from cli.blast_radius import Selection

    if not cargo and not island:
        raise wrong_usage("--cargo", "name an artifact with --cargo, an island with --island, or both")
    return Selection(cargo=cargo, island=island, since=since, until=until)


def repair(
    what: str,
    selection: "Selection",
    *,
    limit: int,
    reason: str,
    is_meant: bool,
    where: tuple[str, str, Any],
    as_json: bool,
) -> None:
    """Shows what would be done, and does it where that was asked for. Exits with FAILED where a job was refused."""
    from cli.blast_radius import is_open, preview, repair_jobs, touched_jobs
    from cli.coordinator import ask

    jobs = ask(*where, lambda coordinator: touched_jobs(coordinator, selection, limit))
    wanted = [job for job in jobs if is_open(what, job)]
    told = preview(what, jobs, wanted)
    if not is_meant:
        if as_json:
            show_json(told)
        else:
            show_fields(told.items())
        note(f"Nothing was done. Do it with: archipelago audit {what} … --yes")
        return
    done, refused = ask(*where, lambda coordinator: repair_jobs(coordinator, what, wanted, selection, reason))
    if as_json:
        show_json({**told, "done": done, "refused": refused})
    else:
        say(f"{what}: {done} of {len(wanted)} jobs.")
        for job_id, why in refused.items():
            note(f"{job_id}: {why}")
    if refused:
        raise typer.Exit(ExitCode.FAILED)
