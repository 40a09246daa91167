"""The keys and documents of a whole network, and the part of the server's configuration that names them.

Used by `archipelago up` and `archipelago keys`, at deployment and never at run time. Everything is made where it is
missing and left as it is otherwise; credentials are written anew each time, so they follow the code's permissions.
The operator's folder alone cannot be made a second time, because the streams belong to its accounts. What changes
secrets that exist is in `rotation.py`.
"""

import json
from pathlib import Path
from typing import Any, Final

from adapters.nats.accounts.jwt import UNLIMITED, Claims, mint
from adapters.nats.accounts.key_folder import KeyFolder, KeysUnusable
from adapters.nats.accounts.layout import account_limits, core_exports, user_claims
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.role_users import RoleUsers
from adapters.nats.accounts.roles import PERMISSIONS, Home, Role, subscriptions

OPERATOR: Final = "operator"
REGISTRAR: Final = "registrar"
DOOR: Final = "door"
COORDINATOR: Final = "coordinator"
OPERATOR_SIGNING: Final = "operator-signing"
PREVIOUS_SIGNING: Final = "operator-signing.previous"
CORE_ACTIVATION: Final = "core-activation"
ISLANDS_MASTER: Final = "islands"
EMAILS_MASTER: Final = "emails"
PASSWORD_ISLANDS_MASTER: Final = "password-islands"  # noqa: S105 - a file's name
SUBJECTS_MASTER: Final = "subjects"
DOOR_SIGNING: Final = "door-signing"
CHECKPOINTS: Final = "checkpoints"

FOLDER_OF: Final = {
    Role.COORDINATOR: COORDINATOR,
    Role.PROJECTOR: COORDINATOR,
    Role.API: COORDINATOR,
    Role.EDGE: COORDINATOR,
    Role.ERASER: COORDINATOR,
    Role.AUDITOR: COORDINATOR,
    Role.APPLICATION: COORDINATOR,
    Role.REGISTRAR: REGISTRAR,
    Role.REGISTRAR_CORE: REGISTRAR,
    Role.DOOR: DOOR,
    Role.DOOR_CORE: DOOR,
    Role.DEPLOY: OPERATOR,
}
EPOCH_S: Final = 1  # Documents of a deployment do not age; changing them is what makes them new.


class Deployment:
    """All keys of one network below `root`. Made by `open`."""

    def __init__(self, root: Path) -> None:
        self.operator = KeyFolder(root / OPERATOR)
        self.registrar = KeyFolder(root / REGISTRAR)
        self.door = KeyFolder(root / DOOR)
        self.coordinator = KeyFolder(root / COORDINATOR)
        self.users = RoleUsers(self.operator)

    @classmethod
    def open(cls, root: Path) -> "Deployment":
        """Makes what is missing, and the credentials anew. Raises `KeysUnusable`."""
        deployment = cls(root)
        for folder in (deployment.operator, deployment.registrar, deployment.door, deployment.coordinator):
            folder.make()
        deployment._make_operator()
        deployment._make_secrets()
        for role in Role:
            deployment._write_credentials(role)
        return deployment

    def _make_operator(self) -> None:
        if self.operator.has(f"{OPERATOR}.seed"):
            return
        for other in (self.registrar, self.door, self.coordinator):
            if any(other.path.glob("*.seed")):
                raise KeysUnusable(
                    f"{self.operator.path}: its keys are missing, though {other.path} has its own; "
                    "restore it from a copy: the streams belong to its accounts"
                )
        for name in (*Home, "core-signing", "system-signing"):
            self.operator.pair_or_new(name, Kind.ACCOUNT)
        # The last: where it is, the others are, and none of them is ever made a second time.
        self.operator.pair_or_new(OPERATOR, Kind.OPERATOR)

    def _make_secrets(self) -> None:
        self.registrar.pair_or_new(OPERATOR_SIGNING, Kind.OPERATOR)
        self.registrar.pair_or_new(CORE_ACTIVATION, Kind.ACCOUNT)
        self.registrar.master_or_new(ISLANDS_MASTER)
        share(PASSWORD_ISLANDS_MASTER, self.registrar, self.door)
        for name in (EMAILS_MASTER, SUBJECTS_MASTER):
            if self.coordinator.has(f"{name}.master") and not self.operator.has(f"{name}.master"):
                share(name, self.coordinator, self.operator)  # The operator's folder was lost.
            share(name, self.operator, self.coordinator)
        self.door.pair_or_new(DOOR_SIGNING, Kind.ACCOUNT)
        self.coordinator.pair_or_new(CHECKPOINTS, Kind.USER)

    def _write_credentials(self, role: Role) -> None:
        folder = self.folder(role)
        user = self.users.pair(role, folder)
        wanted = PERMISSIONS[role]
        claims = user_claims(
            list(wanted.publish), subscriptions(role), account=self.account(wanted.home), **wanted.limits()
        )
        jwt = mint(self._signer(wanted.home), user.public, "user", claims, issued_at_s=EPOCH_S, name=role)
        folder.write_credentials(role, jwt, user)

    def folder(self, role: Role) -> KeyFolder:
        """Where the credentials of that role lie."""
        return KeyFolder(self.operator.path.parent / FOLDER_OF[role])

    def _signer(self, home: Home) -> NKey:
        match home:
            case Home.CORE:
                return self.operator.pair("core-signing", Kind.ACCOUNT)
            case Home.SYSTEM:
                return self.operator.pair("system-signing", Kind.ACCOUNT)
            case Home.DOOR:
                return self.door.pair(DOOR_SIGNING, Kind.ACCOUNT)

    def account(self, home: Home) -> str:
        """The public key of one of our own accounts."""
        return self.operator.pair(home, Kind.ACCOUNT).public

    def server_settings(self, resolver_folder: Path) -> str:
        """What a server's configuration says of accounts. The server keeps islands' accounts in `resolver_folder`."""
        preload = "\n".join(f"  {self.account(home)}: {self._account_jwt(home)}" for home in Home)
        return f"""\
operator: {self._operator_jwt()}
system_account: {self.account(Home.SYSTEM)}
resolver: {{ type: full, dir: {json.dumps(str(resolver_folder))}, allow_delete: true, interval: "2m" }}
resolver_preload: {{
{preload}
}}
default_sentinel: {self._sentinel_jwt()}
"""

    def _operator_jwt(self) -> str:
        operator = self.operator.pair(OPERATOR, Kind.OPERATOR)
        names = [
            OPERATOR_SIGNING,
            *([PREVIOUS_SIGNING] if self.registrar.has(f"{PREVIOUS_SIGNING}.seed") else []),
        ]
        claims: Claims = {
            "signing_keys": [self.registrar.pair(name, Kind.OPERATOR).public for name in names],
            "system_account": self.account(Home.SYSTEM),
            # An account's own key then issues nobody, so it does not matter who made it or where it lies.
            "strict_signing_key_usage": True,
        }
        return mint(operator, operator.public, "operator", claims, issued_at_s=EPOCH_S, name="archipelago")

    def _account_jwt(self, home: Home) -> str:
        signer = self.registrar.pair(OPERATOR_SIGNING, Kind.OPERATOR)
        claims: Claims = {"limits": account_limits(), "signing_keys": [self._signer(home).public]}
        match home:
            case Home.CORE:
                claims |= self._core_claims()
            case Home.DOOR:
                door = self.door.pair(f"{Role.DOOR}-user", Kind.USER).public
                claims["authorization"] = {"auth_users": [door], "allowed_accounts": ["*"]}
            case Home.SYSTEM:
                pass
        revoked = self.users.revoked(home)
        if revoked:
            claims["revocations"] = dict.fromkeys(revoked, EPOCH_S)
        return mint(signer, self.account(home), "account", claims, issued_at_s=EPOCH_S, name=home.upper())

    def _core_claims(self) -> Claims:
        activation = self.registrar.pair(CORE_ACTIVATION, Kind.ACCOUNT).public
        nothing: Claims = {"pub": {"deny": [">"]}, "sub": {"deny": [">"]}, "subs": 1, "data": 1, "payload": 1}
        # The registrar signs activation tokens with a key that could make only users without any right.
        scope = {"kind": "user_scope", "key": activation, "role": "activation", "template": nothing}
        storage = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), UNLIMITED)
        return {
            "limits": account_limits(**storage),
            "exports": core_exports(),
            "signing_keys": [self._signer(Home.CORE).public, scope],
        }

    def _sentinel_jwt(self) -> str:
        """The user that a connection without a document becomes. It may do nothing but be asked about."""
        signing = self._signer(Home.DOOR)
        public = NKey.derived(Kind.USER, bytes(signing.signer), "sentinel").public
        claims: dict[str, Any] = user_claims([], [], account=self.account(Home.DOOR), bearer_token=True)
        return mint(signing, public, "user", claims, issued_at_s=EPOCH_S, name="sentinel")


def share(name: str, original: KeyFolder, other: KeyFolder) -> None:
    """One secret in two folders, made where it is missing; a copy that is right keeps its age."""
    secret = original.master_or_new(name)
    if not other.has(f"{name}.master") or other.master(name) != secret:
        other.write(f"{name}.master", secret.hex())
