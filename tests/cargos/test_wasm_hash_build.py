"""hash.wasm can be rebuilt from its source, byte for byte, and the manifest names exactly those bytes."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from jsonschema import Draft202012Validator
from msgspec import Meta

CARGO = Path(__file__).parents[2] / "cargos" / "wasm_hash"

Text = Annotated[str, Meta(min_length=1, max_length=200)]
Count = Annotated[int, Meta(ge=1)]


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """A part of the manifest: every field is required, no other is known."""


class Artifact(Strict):
    file: Annotated[str, Meta(pattern=r"^[a-z0-9_-]+\.wasm\Z")]
    digest: Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]


class Limits(Strict):
    memory_mb: Annotated[int, Meta(ge=1, le=1024)]
    wall_s: Annotated[int, Meta(ge=1, le=300)]
    fuel: Annotated[int, Meta(ge=1, le=10**11)]
    output_bytes: Annotated[int, Meta(ge=1, le=4000)]


class Requirements(Strict):
    ram_mb: Count
    cpu_cores: Count


class Manifest(Strict):
    slug: Literal["wasm-hash"]
    version: Annotated[str, Meta(pattern=r"^\d+\.\d+\.\d+\Z")]
    name: Text
    description: Text
    category: Literal["data"]
    runtime: Literal["wasm"]
    artifact: Artifact
    determinism: Literal["exact"]
    trust_level: Literal[1]
    limits: Limits
    requirements: Requirements
    price_micro: Count
    target_score: Count
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def manifest() -> Manifest:
    return msgspec.json.decode((CARGO / "manifest.json").read_bytes(), type=Manifest)


def test_the_manifest_is_complete_and_within_its_trust_level() -> None:
    for schema in (manifest().input_schema, manifest().output_schema):
        Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


def test_the_manifest_and_the_sums_name_the_committed_bytes() -> None:
    digest = sha256(CARGO / manifest().artifact.file)

    assert manifest().artifact.digest == f"sha256:{digest}"
    assert (CARGO / "SHA256SUMS").read_text() == f"{digest}  hash.wasm\n"


def test_a_rebuild_with_cold_caches_gives_the_committed_bytes(tmp_path: Path) -> None:
    build = [sys.executable, str(CARGO / "build.py"), "--out", str(tmp_path)]

    printed = subprocess.run(build, check=True, capture_output=True, text=True).stdout

    assert (tmp_path / "SHA256SUMS").read_text() == (CARGO / "SHA256SUMS").read_text()
    assert sha256(tmp_path / "hash.wasm") == sha256(CARGO / "hash.wasm")
    assert printed.startswith(manifest().artifact.digest)
