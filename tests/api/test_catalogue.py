"""Publishing a cargo: its artifact, its manifest, and what the catalogue then shows."""

import copy
import json
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from domain.api_key import Scope
from domain.trust import LEVEL_LIMITS
from tests.api.network import Network, Person, digest_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

CARGO: Final = Path(__file__).resolve().parents[2] / "cargos" / "wasm_hash"
MANIFEST: Final[dict[str, Any]] = json.loads((CARGO / "manifest.json").read_text("utf-8"))
MODULE: Final = (CARGO / MANIFEST["artifact"]["file"]).read_bytes()
PYTHON_SDK: Final = {"User-Agent": "archipelag-python/0.3"}


async def publish(network: Network, person: Person, manifest: dict[str, Any]) -> httpx.Response:
    return await network.http.post("/workloads", json=manifest, headers=person.headers)


async def upload(network: Network, person: Person, content: bytes) -> httpx.Response:
    return await network.http.put(f"/artifacts/{digest_of(content)}", content=content, headers=person.headers)


def manifest_with(slug: str, **changes: Any) -> dict[str, Any]:
    manifest = copy.deepcopy(MANIFEST)
    manifest["slug"] = slug
    for path, value in changes.items():
        *outer, last = path.split("__")
        inside = manifest
        for name in outer:
            inside = inside[name]
        inside[last] = value
    return manifest


async def test_a_cargo_of_the_repository_can_be_published_and_run(network: Network) -> None:
    person = await network.person()
    stored = await upload(network, person, MODULE)
    assert stored.json()["digest"] == MANIFEST["artifact"]["digest"]
    published = await publish(network, person, MANIFEST)
    again = await publish(network, person, MANIFEST)
    assert (published.status_code, again.status_code) == (201, 201)
    shown = (await network.http.get("/workloads/wasm-hash", headers=person.headers)).json()
    assert (shown["version"], shown["runtime_type"], shown["pricing"]["per_job"]) == ("1.0.0", "wasm", "0.5")
    assert shown["input_schema"] == MANIFEST["input_schema"]
    assert shown["requirements"] == {"ram_mb": 64, "cpu_cores": 1}
    assert shown["data"]["price_per_job"] == 0.5
    state = await network.services.reads.cargo(shown["slug"])
    assert state is not None
    assert state.cargo.spec.limits.pids == LEVEL_LIMITS[MANIFEST["trust_level"]].pids
    assert state.cargo.spec.artifact_bytes == len(MODULE)
    good = {"workload": "wasm-hash", "input": {"text": "hi", "algorithm": "md5"}}
    bad = {"workload": "wasm-hash", "input": {"text": "hi", "algorithm": "crc"}}
    assert (await network.http.post("/jobs", json=good, headers=person.headers)).status_code == 201
    refused = await network.http.post("/jobs", json=bad, headers=person.headers)
    assert list(refused.json()["errors"]) == ["input.algorithm"]


async def test_a_text_is_not_published_as_a_module(network: Network) -> None:
    person = await network.person()
    await upload(network, person, b"(module)")
    named = MANIFEST | {"slug": "no-module", "artifact": {"file": "a.wasm", "digest": digest_of(b"(module)")}}
    refused = await publish(network, person, named)
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["artifact"])


async def test_level_three_is_the_operator_s_and_every_other_begins_at_zero(network: Network) -> None:
    person = await network.person()
    admin = await network.key_for(person.account_id, scopes=(Scope.WRITE, Scope.ADMIN))
    await upload(network, person, MODULE)
    official = MANIFEST | {"slug": "official-hash", "trust_level": 3}
    refused = await publish(network, person, official)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    earned = await publish(network, person, MANIFEST | {"slug": "earned-hash", "trust_level": 2})
    assert (earned.status_code, earned.json()["trust_level"]) == (201, 0)
    accepted = await publish(network, admin, official)
    assert (accepted.status_code, accepted.json()["trust_level"]) == (201, 3)


async def test_an_artifact_is_fetched_by_its_digest_without_a_key(network: Network) -> None:
    person, _ = await network.somebody()
    stored = await upload(network, person, b"some bytes")
    assert (stored.status_code, stored.json()["size_bytes"]) == (201, 10)
    fetched = await network.http.get(f"/artifacts/{digest_of(b'some bytes')}")
    assert fetched.content == b"some bytes"
    assert "immutable" in fetched.headers["Cache-Control"]


async def test_an_artifact_under_a_wrong_digest_is_refused(network: Network) -> None:
    person, _ = await network.somebody()
    digest = digest_of(b"other")
    answer = await network.http.put(f"/artifacts/{digest}", content=b"bytes", headers=person.headers)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["digest"])
    assert (await network.http.get(f"/artifacts/{digest}")).status_code == 404


async def test_an_artifact_may_be_larger_than_a_request_but_not_than_32_mib(network: Network) -> None:
    person, _ = await network.somebody()
    assert (await upload(network, person, b"x" * 2_000_000)).status_code == 201
    refused = await upload(network, person, b"x" * ((32 << 20) + 1))
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")


async def test_a_path_that_is_no_digest_is_invalid(network: Network) -> None:
    assert (await network.http.get("/artifacts/sha256:abc")).status_code == 422


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slug": "Not A Slug"}, "slug"),
        ({"version": "1"}, "version"),
        ({"name": "a\x00b"}, "name"),
        ({"runtime": "java"}, "runtime"),
        ({"artifact__digest": f"sha256:{'0' * 64}"}, "artifact.digest"),
        ({"artifact__digest": "md5:0"}, "artifact.digest"),
        ({"trust_level": 4}, "trust_level"),
        ({"price_micro": 0}, "price_micro"),
        ({"price_micro": "5"}, "price_micro"),
        ({"limits__memory_mb": 100_000}, "limits"),
        ({"limits__memory": 1}, "limits.memory"),
        ({"target_score": 0}, "target_score"),
        ({"input_schema": {"type": "nothing"}}, "input_schema"),
        ({"input_schema": {"description": "x" * 70_000}}, "input_schema"),
        ({"unknown": 1}, "unknown"),
    ],
)
async def test_a_wrong_manifest_names_the_field(
    network: Network, changes: dict[str, Any], field: str
) -> None:
    person, _ = await network.somebody()
    await upload(network, person, MODULE)
    answer = await publish(network, person, manifest_with(**{"slug": "wrong-one", **changes}))
    assert answer.status_code == 422, answer.text
    assert list(answer.json()["errors"]) == [field]


async def test_a_published_version_never_changes(network: Network) -> None:
    person = await network.person()
    await upload(network, person, MODULE)
    await publish(network, person, manifest_with("fixed"))
    answer = await publish(network, person, manifest_with("fixed", price_micro=1))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


async def test_the_name_of_a_cargo_belongs_to_its_publisher(network: Network) -> None:
    person, stranger = await network.person(), await network.person()
    await upload(network, person, MODULE)
    await publish(network, person, manifest_with("mine"))
    answer = await publish(network, stranger, manifest_with("mine", version="2.0.0"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


async def test_the_catalogue_is_listed_with_the_runtimes_each_client_knows(network: Network) -> None:
    person = await network.person(scopes=(Scope.READ,))
    slug = await network.cargo(spec={"runtime": "llmcpp"})
    plain = (await network.http.get("/workloads?limit=1", headers=person.headers)).json()
    sdk = (await network.http.get("/workloads?limit=1", headers=person.headers | PYTHON_SDK)).json()
    assert (plain["workloads"][0]["slug"], plain["count"]) == (slug, 1)
    assert plain["data"][0]["runtime_type"] == "llmcpp"
    assert sdk["data"][0]["runtime_type"] == "container"
    assert sdk["workloads"][0]["runtime_type"] == "llmcpp"


@pytest.mark.parametrize("slug", ["nothing", "No-Slug", "a.b", "%3E"])
async def test_an_unknown_workload_is_not_found(network: Network, slug: str) -> None:
    person, _ = await network.somebody()
    answer = await network.http.get(f"/workloads/{slug}", headers=person.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
