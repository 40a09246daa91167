"""Releases of the island program, the keys that sign cargos, and who is offered what."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import nacl.signing
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.cosign_keys import KeyUnusable, read_cosign_keys
from domain.api_key import Scope
from tests.api.network import BASE, Network, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIGNER: Final = nacl.signing.SigningKey(b"\x07" * 32)
PUBLIC: Final = bytes(SIGNER.verify_key).hex()


@asynccontextmanager
async def releasing(network: Network, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A face of the network that knows the release key."""
    transport = httpx.ASGITransport(network.app_with(**({"release_keys": (PUBLIC,)} | settings)))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://test{BASE}") as http:
        yield http


def release_of(content: bytes, version: str, **fields: Any) -> dict[str, Any]:
    plain = {
        "version": version,
        "platform": "linux-aarch64",
        "download_url": "https://net.example/island",
        "signature": SIGNER.sign(content).signature.hex(),
        "checksum_sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
    }
    return plain | fields


async def upload(network: Network, content: bytes) -> None:
    person = await network.person()
    digest = hashlib.sha256(content).hexdigest()
    stored = await network.http.put(f"/artifacts/sha256:{digest}", content=content, headers=person.headers)
    assert stored.status_code == 201


async def operator(network: Network) -> Person:
    return await network.person(funds=0, scopes=(Scope.ADMIN,))


async def test_the_newest_release_is_offered_to_islands_of_ours(network: Network) -> None:
    staff, owner = await operator(network), await network.person()
    island_id = await network.island(owner.account_id)
    await upload(network, b"the island program")
    query = {"version": "1.0", "platform": "linux-aarch64", "host_id": island_id}
    async with releasing(network) as http:
        release = release_of(b"the island program", "2.1.0", release_notes="Faster.")
        published = await http.post("/admin/agent-releases", json=release, headers=staff.headers)
        assert (published.status_code, published.json()["is_newest"]) == (201, True)
        again = await http.post("/admin/agent-releases", json=release, headers=staff.headers)
        assert again.status_code == 201
        offered = (await http.get("/agent/update", params=query | {"version": "2.0.9"})).json()
        known = (await http.get("/agent/update", params=query | {"version": "2.1.0"})).json()
        foreign = (await http.get("/agent/update", params=query | {"host_id": "reference-island"})).json()
        elsewhere = (await http.get("/agent/update", params=query | {"platform": "ios-aarch64"})).json()
    offer = offered.pop("data")
    assert offer == offered
    assert offer == {
        "update_available": True,
        "current_version": "2.0.9",
        "latest_version": "2.1.0",
        "is_critical": False,
        **{name: release[name] for name in ("download_url", "signature", "checksum_sha256", "size_bytes")},
        "release_notes": "Faster.",
    }
    for nothing in (known, foreign, elsewhere):
        assert nothing["update_available"] is False
        assert "download_url" not in nothing


async def test_an_island_without_keys_is_offered_nothing(network: Network) -> None:
    owner = await network.person(scopes=(Scope.READ, Scope.ISLANDS))
    ticket = (await network.http.post("/hosts/tickets", json={"name": "old"}, headers=owner.headers)).json()
    query = {"version": "0.0.1", "platform": "linux-aarch64", "host_id": ticket["host_id"]}
    assert not (await network.http.get("/agent/update", params=query)).json()["update_available"]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("signature", "0" * 128),
        ("signature", nacl.signing.SigningKey(b"\x08" * 32).sign(b"signed file").signature.hex()),
        ("checksum_sha256", "0" * 64),
        ("size_bytes", 12),
        ("version", "v1"),
        ("platform", "beos"),
        ("download_url", "file:///etc/passwd"),
    ],
)
async def test_a_release_that_does_not_fit_its_file_is_refused(
    network: Network, field: str, wrong: Any
) -> None:
    staff = await operator(network)
    await upload(network, b"signed file")
    async with releasing(network) as http:
        release = release_of(b"signed file", "3.0.0") | {field: wrong}
        refused = await http.post("/admin/agent-releases", json=release, headers=staff.headers)
    assert (refused.status_code, list(refused.json()["errors"])) == (422, [field])


async def test_without_a_release_key_no_release_is_taken(network: Network) -> None:
    staff = await operator(network)
    async with releasing(network, release_keys=()) as http:
        refused = await http.post(
            "/admin/agent-releases", json=release_of(b"x", "3.0.0"), headers=staff.headers
        )
    assert (refused.status_code, refused.json()["error"]["code"]) == (501, "not_available")


def pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


async def test_the_keys_that_sign_cargos_are_a_bare_list(network: Network, tmp_path: Path) -> None:
    key = pem()
    (tmp_path / "release-2026.pem").write_text(key)
    async with releasing(network, cosign_keys=tmp_path) as http:
        listed = await http.get("/signing-keys")
        well_known = await http.get("http://test/.well-known/cosign-keys.json")
    assert listed.json() == well_known.json()
    [found] = listed.json()
    assert (found["key_id"], found["public_key"], found["algorithm"]) == ("release-2026", key, "ecdsa-p256")
    assert (await network.http.get("/signing-keys")).json() == []


async def test_a_folder_that_cannot_be_read_is_the_operator_s_to_repair(
    network: Network, tmp_path: Path
) -> None:
    (tmp_path / "a.pem").write_text("no key")
    async with releasing(network, cosign_keys=tmp_path) as http:
        answer = await http.get("/signing-keys")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert str(tmp_path) not in answer.text


async def test_a_file_that_holds_no_such_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("no key")
    with pytest.raises(KeyUnusable, match=r"a\.pem: must hold a public key"):
        read_cosign_keys(tmp_path)
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    text = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "a.pem").write_bytes(text)
    with pytest.raises(KeyUnusable, match="P-256"):
        read_cosign_keys(tmp_path)
