"""Manifests and artifacts are checked before anything is sent."""

import json
from pathlib import Path

import pytest

from cli.failure import CommandFailed
from cli.publication import read_artifact, read_manifest, shipped_manifests

DIGEST_OF_A = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"


def manifest(folder: Path, **artifact: str) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps({"slug": "a", "artifact": artifact}))
    return path


def test_an_artifact_is_read_from_beside_its_manifest(tmp_path: Path) -> None:
    (tmp_path / "a.wasm").write_bytes(b"a")
    path = manifest(tmp_path, file="a.wasm", digest=DIGEST_OF_A)
    assert read_artifact(path, read_manifest(path)) == (DIGEST_OF_A, b"a")


def test_an_artifact_that_was_changed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wasm").write_bytes(b"b")
    path = manifest(tmp_path, file="a.wasm", digest=DIGEST_OF_A)
    with pytest.raises(CommandFailed, match=r"artifact\.digest: a\.wasm has sha256:"):
        read_artifact(path, read_manifest(path))


@pytest.mark.parametrize("file", ["../a.wasm", "/etc/passwd", "sub/a.wasm"])
def test_an_artifact_elsewhere_is_never_read(tmp_path: Path, file: str) -> None:
    path = manifest(tmp_path, file=file, digest=DIGEST_OF_A)
    with pytest.raises(CommandFailed, match=r"artifact\.file: must lie in the manifest's own folder"):
        read_artifact(path, read_manifest(path))


def test_a_manifest_without_an_artifact_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="artifact: must name a file"):
        read_artifact(tmp_path / "manifest.json", {"artifact": "a.wasm"})


def test_every_cargo_we_ship_is_whole() -> None:
    assert [path.parent.name for path in shipped_manifests()] == ["wasm_hash"]
    for path in shipped_manifests():
        read_artifact(path, read_manifest(path))
