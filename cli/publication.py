"""Publishing a cargo from its folder: the artifact first, then the manifest that names it by digest.

Used by `archipelago cargo publish` and, for the cargos we ship, by `archipelago up`. Repeating it changes nothing.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import cli
from cli.coordinator import Coordinator
from cli.failure import CommandFailed, wrong_usage

MANIFEST: Final = "manifest.json"
SHIPPED: Final = ("wasm_hash",)
MANIFEST_BYTES_MAX: Final = 1_000_000
ARTIFACT_BYTES_MAX: Final = 32 * 1024 * 1024
"""The largest artifact that the coordinator takes."""


async def publish_cargo(coordinator: Coordinator, path: Path) -> dict[str, Any]:
    """The cargo as the coordinator shows it now. `path` is the manifest or its folder. Raises CommandFailed."""
    path = path / MANIFEST if path.is_dir() else path
    manifest = read_manifest(path)
    digest, content = read_artifact(path, manifest)
    await coordinator.put(f"/artifacts/{digest}", content)
    return await coordinator.post("/workloads", manifest)


def read_manifest(path: Path) -> dict[str, Any]:
    """Only what publishing needs is checked here; the coordinator checks the rest."""
    try:
        found = json.loads(bounded(path, MANIFEST_BYTES_MAX))
    except ValueError as error:
        raise wrong_usage("MANIFEST", f"{path} must be JSON: {error}") from error
    if not isinstance(found, dict):
        raise wrong_usage("MANIFEST", f"{path} must hold one JSON object")
    return found


def read_artifact(path: Path, manifest: dict[str, Any]) -> tuple[str, bytes]:
    """The artifact that lies beside the manifest, as digest and bytes."""
    artifact = manifest.get("artifact")
    if not isinstance(artifact, dict) or not all(
        isinstance(artifact.get(k), str) for k in ("file", "digest")
    ):
        raise wrong_usage("artifact", "must name a file beside the manifest and its digest, sha256:…")
    file = path.parent / artifact["file"]
    if file.resolve().parent != path.parent.resolve():
        raise wrong_usage("artifact.file", "must lie in the manifest's own folder")
    content = bounded(file, ARTIFACT_BYTES_MAX)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if digest != artifact["digest"]:
        raise CommandFailed(
            f"artifact.digest: {file.name} has {digest}",
            next_step="build the artifact again, or correct the digest and raise the version",
        )
    return digest, content


def bounded(path: Path, most: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > most:
            raise wrong_usage(str(path), f"must be at most {most} bytes, and has {size}")
        return path.read_bytes()
    except OSError as error:
        raise wrong_usage(str(path), error.strerror or str(error)) from error


def shipped_manifests() -> list[Path]:
    """The manifests of the cargos that come with this program; a folder of the user's own beside them is not ours."""
    cargos = Path(cli.__file__).parents[1] / "cargos"
    return [cargos / name / MANIFEST for name in SHIPPED]


async def publish_shipped(coordinator: Coordinator) -> list[str]:
    """Publishes what is missing; the names and versions of what was.

    The artifact is handed in each time: a log that was restored knows cargos whose artifacts were lost with the server.
    """
    published = []
    for path in shipped_manifests():
        manifest = read_manifest(path)
        known = await coordinator.find(f"/workloads/{manifest['slug']}")
        if known is None or known["version"] != manifest["version"]:
            await publish_cargo(coordinator, path)
            published.append(f"{manifest['slug']} {manifest['version']}")
        else:
            digest, content = read_artifact(path, manifest)
            await coordinator.put(f"/artifacts/{digest}", content)
    return published
