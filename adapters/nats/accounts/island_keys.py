"""The keys that sign for islands' accounts, and the documents they make. Held by the registrar, and half by the door.

Signing keys are derived from a master secret and the island's id, so nothing has to be kept per island and the
registrar can be built again from the log and its folder.
"""

from dataclasses import dataclass
from typing import Self

from adapters.nats.accounts.deployment import (
    CORE_ACTIVATION,
    ISLANDS_MASTER,
    OPERATOR_SIGNING,
    PASSWORD_ISLANDS_MASTER,
)
from adapters.nats.accounts.jwt import mint, read
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.accounts.layout import CoreSigner, IslandAccount, island_claims, island_user_claims
from adapters.nats.accounts.nkey import Kind, NKey
from adapters.nats.accounts.roles import Role

NAME_CHARACTERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandKeys:
    """What the registrar signs with."""

    operator_signing: NKey
    core: CoreSigner
    islands_master: bytes
    password_islands_master: bytes

    @classmethod
    def of_registrar(cls, folder: KeyFolder) -> Self:
        """Raises `KeysUnusable`."""
        core_user = folder.credentials(Role.REGISTRAR_CORE).read_text().splitlines()[1]
        return cls(
            operator_signing=folder.pair(OPERATOR_SIGNING, Kind.OPERATOR),
            core=CoreSigner(
                account=read(core_user)["nats"]["issuer_account"],
                signing=folder.pair(CORE_ACTIVATION, Kind.ACCOUNT),
            ),
            islands_master=folder.master(ISLANDS_MASTER),
            password_islands_master=folder.master(PASSWORD_ISLANDS_MASTER),
        )

    def _signer_of(self, island: IslandAccount) -> NKey:
        master = self.islands_master if island.user_key else self.password_islands_master
        return island_signing_key(master, island.island_id)

    def account_jwt(self, island: IslandAccount, *, issued_at_s: int) -> str:
        """The account of an island, as the server shall know it from now on."""
        claims = island_claims(island, self.core, signing_key=self._signer_of(island).public)
        return mint(
            self.operator_signing,
            island.island_id,
            "account",
            claims,
            issued_at_s=issued_at_s,
            name=f"island-{island.island_id[:NAME_CHARACTERS]}",
        )

    def user_jwt(self, island: IslandAccount, *, issued_at_s: int, expires_at_s: int) -> str:
        """What an island with a key connects with."""
        assert island.user_key is not None
        return mint(
            self._signer_of(island),
            island.user_key,
            "user",
            island_user_claims(island),
            # One that was issued in the second of a revocation would be revoked with the others.
            issued_at_s=max(issued_at_s, island.revoked_before_s + 1),
            expires_at_s=expires_at_s,
            name=f"island-{island.island_id[:NAME_CHARACTERS]}",
        )

    def deletion_jwt(self, island_ids: list[str], *, issued_at_s: int) -> str:
        """The order to forget accounts."""
        signer = self.operator_signing
        return mint(signer, signer.public, "generic", {"accounts": island_ids}, issued_at_s=issued_at_s)


def island_signing_key(master: bytes, island_id: str) -> NKey:
    return NKey.derived(Kind.ACCOUNT, master, f"island\0{island_id}")
