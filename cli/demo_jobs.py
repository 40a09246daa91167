"""The jobs of the demo: hash files of this program on the network, and hash them here as well.

Used by `cli.demo`. What comes back is believed only where it equals what the standard library says.
"""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cli
from cli.coordinator import Coordinator
from cli.follow import Forgotten, follow
from cli.job_input import FILE_BYTES_MAX
from cli.job_output import is_settled

CARGO: Final = "wasm-hash"
FILES_MAX: Final = 40
FOLDERS: Final = (
    "domain",
    "commands",
    "projections",
    "adapters",
    "api",
    "registrar",
    "island",
    "cli",
    "cargos",
)
SUBMITTED_AT_ONCE: Final = 8
SETTLED_WITHIN_S: Final = 15.0
POLL_S: Final = 0.05
PAGE_ROWS: Final = 100

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashed:
    """One file's job. `first_output_s` is on the monotonic clock, None where the job said nothing."""

    file: str
    job_id: str
    is_verified: bool
    first_output_s: float | None


def repository() -> Path:
    """The folder that holds our packages: a checkout, or where they are installed."""
    return Path(cli.__file__).parents[1]


def chosen_files() -> list[Path]:
    """At most FILES_MAX of our own files, spread evenly over all folders, each small enough for one job."""
    found = [
        path
        for folder in FOLDERS
        for path in sorted((repository() / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and 0 < path.stat().st_size <= FILE_BYTES_MAX
    ]
    step = max(1.0, len(found) / FILES_MAX)
    return [found[int(number * step)] for number in range(min(len(found), FILES_MAX))]


def digests(content: bytes) -> dict[str, str]:
    """What we can compute ourselves: BLAKE3 only where its library is installed, as it is for development."""
    found = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
    }
    if find_spec("blake3"):
        from blake3 import blake3

        found["blake3"] = blake3(content).hexdigest()
    return found


async def hash_files(coordinator: Coordinator, files: Sequence[Path], tell: Tell) -> list[Hashed]:
    """Submits a job for each file, a few at once, and tells each output as it comes."""
    free = asyncio.Semaphore(SUBMITTED_AT_ONCE)

    async def hash_one(path: Path) -> Hashed:
        async with free:
            return await hash_file(coordinator, path, tell)

    return list(await asyncio.gather(*(hash_one(path) for path in files)))


async def hash_file(coordinator: Coordinator, path: Path, tell: Tell) -> Hashed:
    content = path.read_bytes()
    expected = digests(content)
    started = time.monotonic()
    given = {"base64": base64.b64encode(content).decode(), "algorithms": list(expected)}
    job = await coordinator.post("/jobs", {"workload": CARGO, "input": given})
    output, first_output_s = "", None
    async for piece in follow(coordinator, job["id"], Forgotten()):
        if piece.text and first_output_s is None:
            first_output_s = time.monotonic()
        output += piece.text
    is_verified = says(output, expected | {"bytes": len(content)})
    name = path.relative_to(repository()).as_posix()
    tell(output_line(name, expected["sha256"], time.monotonic() - started, is_verified=is_verified))
    return Hashed(file=name, job_id=job["id"], is_verified=is_verified, first_output_s=first_output_s)


def says(output: str, expected: Mapping[str, object]) -> bool:
    try:
        return bool(json.loads(output) == expected)
    except ValueError:
        return False


def output_line(name: str, sha256: str, seconds: float, *, is_verified: bool) -> str:
    verdict = "verified" if is_verified else "DIFFERS "
    return f"  {verdict}  {seconds * 1000:5.0f} ms  {sha256[:16]}…  {name}"


async def settled_jobs(coordinator: Coordinator) -> list[dict[str, Any]]:
    """All jobs once they have ended and are paid, or as they are when that takes too long."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while True:
        jobs: list[dict[str, Any]] = (await coordinator.get("/jobs", limit=PAGE_ROWS))["jobs"]
        if all(map(is_settled, jobs)) or time.monotonic() > deadline:
            return jobs
        await asyncio.sleep(POLL_S)
