"""What an island's documents let it say: little before pairing, its own name afterwards, never another's."""

from typing import Any

import pytest

from adapters.nats.accounts.island_keys import IslandKeys
from adapters.nats.accounts.jwt import read
from adapters.nats.accounts.layout import (
    IMPORTS_MAX,
    CoreSigner,
    IslandAccount,
    core_exports,
    island_imports,
)
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import PERMISSIONS, Role

ISLAND = NKey.derived(Kind.ACCOUNT, b"seed", "island").public
USER = NKey.derived(Kind.USER, b"seed", "user").public
CORE = CoreSigner(
    account=NKey.derived(Kind.ACCOUNT, b"seed", "core").public,
    signing=NKey.derived(Kind.ACCOUNT, b"seed", "activation"),
)
KEYS = IslandKeys(
    operator_signing=NKey.derived(Kind.OPERATOR, b"seed", "operator"),
    core=CORE,
    islands_master=b"islands",
    password_islands_master=b"password islands",
)
PENDING = IslandAccount(island_id=ISLAND, user_key=USER)
PAIRED = IslandAccount(island_id=ISLAND, user_key=USER, is_paired=True)
PASSWORD = IslandAccount(island_id=ISLAND, local_id="5b1f0c9e-old", is_paired=True)


def names(island: IslandAccount) -> set[str]:
    return {found["subject"] for found in island_imports(island, CORE)}


def test_a_pending_island_may_say_hello_and_that_it_lives() -> None:
    assert names(PENDING) == {
        f"coordinator.hosts.register.{ISLAND}",
        f"coordinator.hosts.pairing.{ISLAND}",
        f"host.{ISLAND}.heartbeat",
        f"host.{ISLAND}.ping",
    }


@pytest.mark.parametrize("island", [PENDING, PAIRED, PASSWORD])
def test_every_name_an_island_takes_holds_its_own_id(island: IslandAccount) -> None:
    assert all(ISLAND in name for name in names(island) - {"net.announce.>"})
    assert len(names(island)) <= IMPORTS_MAX


def test_an_island_with_a_key_pulls_and_one_with_a_password_listens() -> None:
    assert any("MSG.NEXT" in name for name in names(PAIRED))
    assert f"host.{ISLAND}.jobs" not in names(PAIRED)
    assert not any("$JS" in name for name in names(PASSWORD))
    assert f"host.{ISLAND}.jobs" in names(PASSWORD)


def test_a_password_island_keeps_its_name_at_home_only() -> None:
    assert not any("5b1f0c9e" in name for name in names(PASSWORD))
    local = {found.get("local_subject", "") for found in island_imports(PASSWORD, CORE)}
    assert "host.5b1f0c9e-old.status" in local


def test_private_names_carry_a_proof_for_this_island_and_this_name_alone() -> None:
    private = [found for found in island_imports(PAIRED, CORE) if "token" in found]
    assert len(private) == 4
    for found in private:
        claims = read(found["token"])
        assert (claims["iss"], claims["sub"]) == (CORE.signing.public, ISLAND)
        assert claims["nats"]["subject"] == found["subject"]


def test_every_import_meets_an_export_that_checks_who_asks() -> None:
    exports = {export["subject"]: export for export in core_exports()}
    for found in island_imports(PAIRED, CORE) + island_imports(PASSWORD, CORE):
        matching = [export for subject, export in exports.items() if covers(subject, found["subject"])]
        assert matching, found["subject"]
        for export in matching:
            checks = "account_token_position" in export or export.get("token_req")
            assert checks or found["subject"] == "net.announce.>"


def covers(pattern: str, subject: str) -> bool:
    head, _, tail = pattern.partition(".")
    first, _, rest = subject.partition(".")
    if head == ">":
        return True
    return head in ("*", first) and (covers(tail, rest) if tail and rest else tail == rest)


def test_documents_are_a_function_of_the_facts() -> None:
    assert KEYS.account_jwt(PAIRED, issued_at_s=5) == KEYS.account_jwt(PAIRED, issued_at_s=5)
    assert KEYS.account_jwt(PAIRED, issued_at_s=5) != KEYS.account_jwt(PENDING, issued_at_s=5)


def claims_of(jwt: str) -> dict[str, Any]:
    nats: dict[str, Any] = read(jwt)["nats"]
    return nats


def test_an_islands_account_is_bounded_and_has_no_streams() -> None:
    claims = claims_of(KEYS.account_jwt(PAIRED, issued_at_s=5))
    limits = claims["limits"]
    assert (limits["conn"], limits["subs"], limits["payload"], limits["exports"]) == (2, 24, 65536, 0)
    assert not {"mem_storage", "disk_storage", "streams", "consumer"} & set(limits)
    assert "exports" not in claims


def test_a_users_document_is_signed_by_a_key_its_account_names() -> None:
    account = claims_of(KEYS.account_jwt(PAIRED, issued_at_s=5))
    user = read(KEYS.user_jwt(PAIRED, issued_at_s=5, expires_at_s=9))
    assert user["iss"] in account["signing_keys"]
    assert (user["sub"], user["nats"]["issuer_account"]) == (USER, ISLAND)


def test_a_document_issued_in_the_second_of_a_revocation_is_a_later_one() -> None:
    revoked = IslandAccount(island_id=ISLAND, user_key=USER, is_paired=True, revoked_before_s=50)
    assert claims_of(KEYS.account_jwt(revoked, issued_at_s=50))["revocations"] == {"*": 50}
    assert read(KEYS.user_jwt(revoked, issued_at_s=50, expires_at_s=99))["iat"] == 51


def test_only_a_person_may_touch_streams() -> None:
    forbidden = ("STREAM.CREATE", "STREAM.UPDATE", "STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.DELETE")
    for role in set(Role) - {Role.DEPLOY}:
        if role is Role.ERASER:
            continue  # Deletes single messages of one stream: tests/adapters/nats/accounts/test_roles.py.
        for subject in PERMISSIONS[role].publish:
            reach = subject.removeprefix("$JS.API.")
            assert not any(word.startswith(reach.rstrip("*>.")) for word in forbidden), (role, subject)
            assert not reach.startswith(forbidden), (role, subject)
