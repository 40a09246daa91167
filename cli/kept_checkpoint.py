"""A checkpoint that somebody kept as a file: the answer of `GET /audit/checkpoint`. Used by `cli/audit.py`."""

from pathlib import Path
from typing import TYPE_CHECKING

from cli.failure import CommandFailed

if TYPE_CHECKING:
    from domain.checkpoint import CheckpointSigned


def kept_checkpoint(file: Path) -> "CheckpointSigned":
    """Raises CommandFailed where the file holds none."""
    import msgspec

    from domain.checkpoint import CheckpointSigned

    try:
        return msgspec.json.decode(file.read_bytes(), type=CheckpointSigned)
    except (OSError, msgspec.MsgspecError) as fault:
        raise CommandFailed(
            f"--since: {file}: {fault}", next_step="keep the whole answer of GET /api/v1/audit/checkpoint"
        ) from fault
