"""`archipelago audit export`: the whole log as one file that needs no network to be read."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failure import CommandFailed, wrong_usage
from cli.options import AsJson, DataDir
from cli.projections import NatsCaFile, NatsKeys, NatsUrl, log_access
from cli.terminal import say, show_json

if TYPE_CHECKING:
    from adapters.log_export import Written
    from adapters.nats.connection import Access

ExportFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="The file to write; it must not be there yet.")
]
First = Annotated[int, typer.Option("--from", min=1, metavar="POSITION", help="The first commit to write.")]
Last = Annotated[
    int, typer.Option("--to", min=0, metavar="POSITION", help="The last one. Default: the newest.")
]


def export_log(
    file: ExportFile,
    *,
    first: First = 1,
    last: Last = 0,
    nats_url: NatsUrl = "",
    nats_keys: NatsKeys = None,
    ca_file: NatsCaFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write the log into one file: every commit with its bytes, times and headers, none left out.

    The file appears when its last line is written; what was broken off leaves nothing behind.
    """
    if file.exists():
        raise wrong_usage("FILE", f"{file} is there already", next_step="choose another name")
    log = log_access(nats_url, nats_keys, ca_file, data_dir)
    written = asyncio.run(exported(log, file, first, last))
    if as_json:
        show_json({"file": str(file), "commits": written.commits, "bytes": written.file_bytes})
    else:
        say(f"{written.commits} commits, {written.file_bytes:,} bytes: {file}")


async def exported(log: "Access", file: Path, first: int, last: int) -> "Written":
    from adapters import clock
    from adapters.log_export import ExportDamaged, Header, write_export
    from cli.audit_run import log_sources
    from cli.log_progress import told

    async with log_sources(log) as sources:
        last = last or sources.last
        if not first <= last <= sources.last:
            raise wrong_usage("--to", f"the log has positions 1 to {sources.last}")
        now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC).isoformat()
        header = Header(first=first, last=last, exported_at=now)
        batches = told(sources.read(after=first - 1, up_to=last), "export", sources.progress)
        try:
            return await write_export(file, header, batches)
        except (OSError, ExportDamaged) as fault:
            raise CommandFailed(f"{file}: {fault}") from fault
