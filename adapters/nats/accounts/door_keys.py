"""What the door answers the server with: a document for who may enter, and a refusal for everybody else.

The door holds the signing keys of islands that know only a password, and no others: whoever takes it over can speak for
those islands alone. Format: the authorization callout of nats-server 2.15.
"""

from dataclasses import dataclass
from typing import Any, Self

from adapters.nats.accounts.deployment import DOOR_SIGNING, PASSWORD_ISLANDS_MASTER
from adapters.nats.accounts.island_keys import island_signing_key
from adapters.nats.accounts.jwt import BadDocument, mint, read
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.layout import IslandAccount, island_user_claims
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks to be let in, as a server tells it. `user_key` is the name it gave the connection."""

    server_id: str
    user_key: str
    user: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorKeys:
    """`account` is the public key of the door's own account."""

    account: str
    signing: NKey
    password_islands_master: bytes

    @classmethod
    def of_door(cls, folder: KeyFolder) -> Self:
        """Raises `KeysUnusable`."""
        user = folder.credentials(Role.DOOR).read_text().splitlines()[1]
        return cls(
            account=read(user)["nats"]["issuer_account"],
            signing=folder.pair(DOOR_SIGNING, Kind.ACCOUNT),
            password_islands_master=folder.master(PASSWORD_ISLANDS_MASTER),
        )

    def admission(self, caller: Caller, island: IslandAccount, *, issued_at_s: int, expires_at_s: int) -> str:
        """Lets the caller in as that island, in the island's own account, until then."""
        user_jwt = mint(
            island_signing_key(self.password_islands_master, island.island_id),
            caller.user_key,
            "user",
            island_user_claims(island),
            # One that was issued in the second of a revocation would be revoked with the others.
            issued_at_s=max(issued_at_s, island.revoked_before_s + 1),
            expires_at_s=expires_at_s,
            name=caller.user,
        )
        return self._answer(caller, {"jwt": user_jwt}, issued_at_s)

    def refusal(self, caller: Caller, *, issued_at_s: int) -> str:
        return self._answer(caller, {"error": "wrong user or password"}, issued_at_s)

    def _answer(self, caller: Caller, body: dict[str, Any], issued_at_s: int) -> str:
        return mint(
            self.signing,
            caller.user_key,
            "authorization_response",
            {**body, "issuer_account": self.account},
            issued_at_s=issued_at_s,
            audience=caller.server_id,
        )


def caller_of(request: str) -> Caller:
    """Who a server's question is about. Raises `BadDocument`."""
    asked = read(request)
    try:
        options = asked["nats"]["connect_opts"]
        return Caller(
            server_id=asked["nats"]["server_id"]["id"],
            user_key=asked["nats"]["user_nkey"],
            user=options.get("user", ""),
            password=options.get("pass", ""),
        )
    except (KeyError, TypeError, AttributeError) as fault:
        raise BadDocument("not a server's question") from fault
