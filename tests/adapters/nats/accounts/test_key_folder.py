"""Folders of secrets: made once, closed to others, and never silently replaced."""

import stat
from pathlib import Path

import pytest

from adapters.nats.accounts.deployment import Deployment
from adapters.nats.accounts.island_keys import IslandKeys
from adapters.nats.accounts.jwt import read
from adapters.nats.accounts.key_folder import KeyFolder, KeysUnusable
from adapters.nats.accounts.nkey import Kind
from adapters.nats.accounts.roles import Role


def test_secrets_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    Deployment.open(tmp_path / "fabric")
    files = [path for path in (tmp_path / "fabric").rglob("*") if path.is_file()]
    assert files
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in files} == {0o700}


def test_opening_again_keeps_every_secret(tmp_path: Path) -> None:
    Deployment.open(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    Deployment.open(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_each_program_has_what_it_needs_and_no_more(tmp_path: Path) -> None:
    Deployment.open(tmp_path)
    coordinator = list((tmp_path / "coordinator").iterdir())
    masters = {path.name for path in coordinator if path.suffix == ".master"}
    assert masters == {"emails.master", "subjects.master"}
    assert {path.suffix for path in coordinator} <= {".creds", ".seed", ".master"}
    assert not (tmp_path / "door" / "operator-signing.seed").exists()
    assert not (tmp_path / "door" / "islands.master").exists()
    assert not (tmp_path / "registrar" / "core-signing.seed").exists()
    IslandKeys.of_registrar(KeyFolder(tmp_path / "registrar"))


@pytest.mark.parametrize("name", ["emails.master", "subjects.master"])
@pytest.mark.parametrize("lost", ["operator", "coordinator"])
def test_the_secrets_of_what_people_write_outlive_either_folder(tmp_path: Path, lost: str, name: str) -> None:
    """Without them nobody who signed in by mail would be found again, and no sealed text could be read."""
    Deployment.open(tmp_path)
    secret = (tmp_path / "coordinator" / name).read_text()
    (tmp_path / lost / name).unlink()
    Deployment.open(tmp_path)
    for folder in ("operator", "coordinator"):
        assert (tmp_path / folder / name).read_text() == secret


def test_credentials_hold_a_document_for_the_seed_beside_it(tmp_path: Path) -> None:
    Deployment.open(tmp_path)
    lines = (tmp_path / "coordinator" / "api.creds").read_text().splitlines()
    user = KeyFolder(tmp_path / "coordinator").pair("api-user", Kind.USER)
    assert read(lines[1])["sub"] == user.public
    assert user.seed in lines


def test_a_damaged_secret_is_named_and_not_replaced(tmp_path: Path) -> None:
    Deployment.open(tmp_path)
    seed = tmp_path / "registrar" / "operator-signing.seed"
    seed.write_text("SOnonsense")
    with pytest.raises(KeysUnusable, match=r"operator-signing\.seed"):
        Deployment.open(tmp_path)
    assert seed.read_text() == "SOnonsense"


def test_missing_credentials_are_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(KeysUnusable, match=r"coordinator\.creds: is missing; make it with"):
        KeyFolder(tmp_path).credentials(Role.COORDINATOR)


def test_a_master_that_is_no_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "islands.master").write_text("not hex")
    with pytest.raises(KeysUnusable, match=r"islands\.master"):
        KeyFolder(tmp_path).master("islands")
