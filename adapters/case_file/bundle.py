"""The bytes of a case file. Called by `GET /jobs/{job_id}/case`; what is in it and why: `README.txt` beside this.

Equal commits under the same checkpoint give equal bytes. A commit whose body is withheld is in it by its digest.
"""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from adapters.case_file.verify import told
from commands.raw_commit import RawCommit
from domain.checkpoint import CheckpointSigned
from domain.ids import JobId

FOLDER: Final = Path(__file__).parent
EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can name; what was recorded when stands inside."""
READABLE: Final = 0o644 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenCommit:
    """`path` leads from the commit to the checkpoint's root."""

    commit: RawCommit
    path: Sequence[bytes]
    is_withheld: bool = False


def case_file(job_id: JobId, commits: Sequence[ProvenCommit], checkpoint: CheckpointSigned) -> bytes:
    """A zip. The commits are in the order of their positions, each once."""
    lines = [line_of(proven) for proven in commits]
    files = {
        "README.txt": (FOLDER / "README.txt").read_bytes(),
        "case.json": text_of(told(job_id, lines)),
        "checkpoint.json": text_of(msgspec.to_builtins(checkpoint)),
        "commits.json": text_of(lines),
        "verify.py": (FOLDER / "verify.py").read_bytes(),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = READABLE
            file.writestr(entry, content)
    return packed.getvalue()


def line_of(proven: ProvenCommit) -> dict[str, Any]:
    commit = proven.commit
    shown = None if proven.is_withheld else commit.body
    return {
        "position": commit.position,
        "subject": commit.subject,
        "headers": dict(commit.headers),
        "recorded_at_ms": commit.recorded_at_ms,
        "body_sha256": hashlib.sha256(commit.body).hexdigest(),
        "body": None if shown is None else base64.b64encode(shown).decode(),
        "events": None if shown is None else json.loads(shown),
        "path": [digest.hex() for digest in proven.path],
    }


def text_of(content: Any) -> bytes:
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"
