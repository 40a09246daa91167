"""Keys that change: the old one counts until it is forgotten, and what was replaced is revoked."""

from pathlib import Path
from typing import Any

import pytest

from adapters.nats.accounts import rotation
from adapters.nats.accounts.deployment import Deployment
from adapters.nats.accounts.inventory import secrets_below
from adapters.nats.accounts.jwt import read
from adapters.nats.accounts.key_folder import KeysUnusable
from adapters.nats.accounts.nkey import Kind
from adapters.nats.accounts.role_users import FILE
from adapters.nats.accounts.roles import Home, Role
from adapters.nats.accounts.rotation import Holder, RotationRefused


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment.open(tmp_path / "fabric")


def operator_claims(deployment: Deployment) -> dict[str, Any]:
    [line] = [line for line in settings(deployment).splitlines() if line.startswith("operator: ")]
    nats: dict[str, Any] = read(line.removeprefix("operator: "))["nats"]
    return nats


def settings(deployment: Deployment) -> str:
    return deployment.server_settings(Path("accounts"))


def account_claims(deployment: Deployment, home: Home) -> dict[str, Any]:
    mark = f"  {deployment.account(home)}: "
    [line] = [line for line in settings(deployment).splitlines() if line.startswith(mark)]
    return read(line.removeprefix(mark))


def server_with(deployment: Deployment, folder: Path) -> Path:
    """What a server that was started with these keys keeps of our own accounts."""
    folder.mkdir(exist_ok=True)
    for line in settings(deployment).splitlines():
        account, _, document = line.strip().partition(": ")
        if account.startswith("A") and len(account) == 56:
            (folder / f"{account}.jwt").write_text(document)
    return folder


def signing_key(deployment: Deployment) -> str:
    return deployment.registrar.pair("operator-signing", Kind.OPERATOR).public


def user_of(deployment: Deployment, role: Role) -> str:
    return deployment.folder(role).pair(f"{role}-user", Kind.USER).public


def test_during_a_rotation_both_keys_count_and_the_new_one_signs(deployment: Deployment) -> None:
    old = signing_key(deployment)
    new = rotation.rotate(deployment)
    assert new == signing_key(deployment) != old
    assert operator_claims(deployment)["signing_keys"] == [new, old]
    assert account_claims(deployment, Home.CORE)["iss"] == new


def test_a_second_rotation_waits_for_the_end_of_the_first(deployment: Deployment) -> None:
    new = rotation.rotate(deployment)
    with pytest.raises(RotationRefused, match="under way"):
        rotation.rotate(deployment)
    assert signing_key(deployment) == new


def test_an_interrupted_rotation_can_be_begun_again(deployment: Deployment) -> None:
    old = signing_key(deployment)
    seed = deployment.registrar.pair("operator-signing", Kind.OPERATOR).seed
    deployment.registrar.write("operator-signing.previous.seed", seed)  # And the power went.
    assert set(operator_claims(deployment)["signing_keys"]) == {old}
    new = rotation.rotate(deployment)
    assert operator_claims(deployment)["signing_keys"] == [new, old]


def test_the_old_key_is_kept_while_an_account_needs_it(deployment: Deployment, tmp_path: Path) -> None:
    accounts = server_with(deployment, tmp_path / "accounts")
    old = signing_key(deployment)
    rotation.rotate(deployment)
    with pytest.raises(RotationRefused, match="3 accounts are still signed with the old key"):
        rotation.finish_rotation(deployment, accounts)
    assert old in operator_claims(deployment)["signing_keys"]


def test_after_the_rotation_only_the_new_key_counts(deployment: Deployment, tmp_path: Path) -> None:
    old = signing_key(deployment)
    new = rotation.rotate(deployment)
    accounts = server_with(deployment, tmp_path / "accounts")
    assert rotation.finish_rotation(deployment, accounts) == old
    assert operator_claims(deployment)["signing_keys"] == [new]
    with pytest.raises(RotationRefused, match="no rotation is under way"):
        rotation.finish_rotation(deployment, accounts)


def test_the_accounts_of_another_network_say_nothing(deployment: Deployment, tmp_path: Path) -> None:
    other = server_with(Deployment.open(tmp_path / "other"), tmp_path / "accounts")
    rotation.rotate(deployment)
    with pytest.raises(RotationRefused, match="not where a server keeps the accounts of this network"):
        rotation.finish_rotation(deployment, other)


def test_a_damaged_account_is_named_and_not_passed_over(deployment: Deployment, tmp_path: Path) -> None:
    rotation.rotate(deployment)
    accounts = server_with(deployment, tmp_path / "accounts")
    (accounts / "A.jwt").write_text("half a docu")
    with pytest.raises(RotationRefused, match="cannot be read"):
        rotation.finish_rotation(deployment, accounts)


HELD = {
    Holder.COORDINATOR: (
        {
            Role.COORDINATOR,
            Role.PROJECTOR,
            Role.API,
            Role.EDGE,
            Role.ERASER,
            Role.AUDITOR,
            Role.APPLICATION,
        },
        "coordinator/",
    ),
    Holder.REGISTRAR: ({Role.REGISTRAR, Role.REGISTRAR_CORE}, "registrar/"),
    Holder.DOOR: ({Role.DOOR, Role.DOOR_CORE}, "door/"),
    Holder.DEPLOY: ({Role.DEPLOY}, "operator/deploy-user"),
}


@pytest.mark.parametrize("holder", Holder)
def test_replacing_makes_all_of_one_holder_new_and_revokes_its_users(
    deployment: Deployment, holder: Holder
) -> None:
    root = deployment.operator.path.parent
    before = {f"{one.folder}/{one.name}": one for one in secrets_below(root)}
    users = {role: user_of(deployment, role) for role in Role}
    deployment = rotation.replace(deployment, holder)
    roles, folder = HELD[holder]
    assert {role for role in Role if user_of(deployment, role) != users[role]} == roles
    revoked = {key for home in Home for key in deployment.users.revoked(home)}
    assert revoked == {users[role] for role in roles}
    changed = {f"{one.folder}/{one.name}" for one in secrets_below(root)} - {
        name for name, one in before.items() if one in secrets_below(root)
    }
    assert {name for name in before if name.startswith(folder)} <= changed
    assert not any(name.startswith("operator/") for name in changed - {"operator/deploy-user.seed"})


def test_the_door_and_the_registrar_always_hold_the_same_secret(deployment: Deployment) -> None:
    first = deployment.door.master("password-islands")
    for holder in (Holder.DOOR, Holder.REGISTRAR):
        deployment = rotation.replace(deployment, holder)
        assert deployment.door.master("password-islands") == deployment.registrar.master("password-islands")
        assert deployment.door.master("password-islands") != first
        first = deployment.door.master("password-islands")


def test_a_revocation_stands_in_the_document_of_the_roles_account(deployment: Deployment) -> None:
    old = user_of(deployment, Role.COORDINATOR)
    assert "revocations" not in account_claims(deployment, Home.CORE)["nats"]
    deployment = rotation.replace(deployment, Holder.COORDINATOR)
    document = account_claims(deployment, Home.CORE)
    issued = read(deployment.coordinator.credentials(Role.COORDINATOR).read_text().splitlines()[1])
    assert document["nats"]["revocations"][old] >= issued["iat"]
    assert user_of(deployment, Role.COORDINATOR) not in document["nats"]["revocations"]


def test_a_folder_that_was_lost_is_made_anew_and_its_old_users_revoked(deployment: Deployment) -> None:
    lost = user_of(deployment, Role.REGISTRAR)
    for file in deployment.registrar.path.iterdir():
        file.unlink()
    deployment.registrar.path.rmdir()
    deployment = Deployment.open(deployment.operator.path.parent)
    assert deployment.users.revoked(Home.SYSTEM) == [lost]


def test_a_revoked_key_that_comes_back_with_an_old_copy_is_not_used_again(deployment: Deployment) -> None:
    old = deployment.coordinator.pair("coordinator-user", Kind.USER)
    deployment = rotation.replace(deployment, Holder.COORDINATOR)
    deployment.coordinator.write("coordinator-user.seed", old.seed)
    deployment = Deployment.open(deployment.operator.path.parent)
    assert user_of(deployment, Role.COORDINATOR) not in (old.public, *deployment.users.revoked(Home.CORE))
    assert old.public in deployment.users.revoked(Home.CORE)


def test_the_operators_keys_are_never_made_a_second_time(deployment: Deployment) -> None:
    for file in deployment.operator.path.iterdir():
        file.unlink()
    with pytest.raises(KeysUnusable, match="restore it from a copy"):
        Deployment.open(deployment.operator.path.parent)
    assert not list(deployment.operator.path.glob("*.seed"))


def test_an_account_that_is_missing_is_not_made_again_either(deployment: Deployment) -> None:
    deployment.operator.remove("core.seed")
    with pytest.raises(KeysUnusable, match=r"core\.seed: is missing"):
        Deployment.open(deployment.operator.path.parent)


def test_a_first_start_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    Deployment(tmp_path).operator.make()
    Deployment(tmp_path).operator.pair_or_new("core", Kind.ACCOUNT)
    core = Deployment(tmp_path).account(Home.CORE)
    assert Deployment.open(tmp_path).account(Home.CORE) == core


@pytest.mark.parametrize("text", ["", "[]", '{"api": 7}', "\xff"])
def test_a_damaged_list_of_users_is_named(deployment: Deployment, text: str) -> None:
    deployment.operator.write(FILE, text)
    with pytest.raises(KeysUnusable, match=r"users\.json: cannot be read"):
        Deployment.open(deployment.operator.path.parent)


def test_the_inventory_shows_public_keys_and_no_secret(deployment: Deployment) -> None:
    found = secrets_below(deployment.operator.path.parent)
    assert signing_key(deployment) in {one.public for one in found}
    assert {one.public for one in found if one.name.endswith(".master")} == {None}
    secrets = [path.read_text() for path in deployment.operator.path.parent.rglob("*.seed")]
    assert secrets
    assert not any(secret in repr(found) for secret in secrets)
