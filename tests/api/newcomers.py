"""An island that wants to join, as the API sees it: two keys, and requests signed with them."""

from dataclasses import dataclass
from typing import Any, Self

import httpx

from adapters.enrolment_proof import Purpose, prove
from adapters.nats.accounts.nkey import Kind, NKey
from domain.ids import IslandId


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    account: NKey
    user: NKey

    @classmethod
    def new(cls) -> Self:
        return cls(account=NKey.new(Kind.ACCOUNT), user=NKey.new(Kind.USER))

    def with_new_user_key(self) -> "Newcomer":
        return Newcomer(account=self.account, user=NKey.new(Kind.USER))

    @property
    def island_id(self) -> IslandId:
        return IslandId(self.account.public)

    @property
    def keys(self) -> dict[str, str]:
        return {"account_key": self.account.public, "user_key": self.user.public}

    def enrolment(self, nonce: str, api_key: str | None = None) -> dict[str, Any]:
        signed = {"nonce": nonce, **self.keys}
        return {
            **signed,
            "name": "Shed",
            "platform": "linux-x86_64",
            "account_signature": prove(self.account, Purpose.ENROL, **signed, api_key=api_key),
            "user_signature": prove(self.user, Purpose.ENROL, **signed, api_key=api_key),
        }

    def renewal(self, nonce: str) -> dict[str, Any]:
        signed = {"nonce": nonce, **self.keys}
        return {**signed, "user_signature": prove(self.user, Purpose.RENEW, **signed)}

    async def enrol(
        self, http: httpx.AsyncClient, headers: dict[str, str] | None = None, **changes: Any
    ) -> httpx.Response:
        """With a fresh nonce; with an API key where headers hold one. `changes` come after it was signed."""
        body = self.enrolment(await fresh_nonce(http), api_key_of(http, headers)) | changes
        return await http.post("/islands/enrol", json=body, headers=headers)

    async def renew(self, http: httpx.AsyncClient) -> httpx.Response:
        return await http.post("/islands/renew", json=self.renewal(await fresh_nonce(http)))


def api_key_of(http: httpx.AsyncClient, headers: dict[str, str] | None = None) -> str | None:
    """The key that requests of this client show."""
    shown = (headers or http.headers).get("Authorization")
    return None if shown is None else shown.removeprefix("Bearer ")


async def fresh_nonce(http: httpx.AsyncClient) -> str:
    return str((await http.get("/islands/nonce")).json()["nonce"])
