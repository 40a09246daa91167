"""What an island shows when it enrols or renews: two public keys, our nonce, and signatures over all of it.

Fields of the requests in `api.routes.islands`, and the checks that need more than the field itself.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from adapters.enrolment_proof import Purpose, is_proven
from adapters.nats.accounts.nkey import Kind, is_public_key
from api.errors import invalid
from api.nonces import LIFE_S, Nonces


def account_key(text: str) -> str:
    if not is_public_key(text, Kind.ACCOUNT):
        raise ValueError("must be the public key of an account: A and 55 letters or digits")
    return text


def user_key(text: str) -> str:
    if not is_public_key(text, Kind.USER):
        raise ValueError("must be the public key of a user: U and 55 letters or digits")
    return text


Encoded = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]


class Proof(BaseModel):
    """`account_key` is the island's id. Nonce and signatures are URL-safe base64 without padding."""

    model_config = ConfigDict(extra="forbid")

    account_key: Annotated[str, AfterValidator(account_key)]
    user_key: Annotated[str, AfterValidator(user_key)]
    nonce: Encoded
    user_signature: Encoded

    def check(self, purpose: Purpose, nonces: Nonces, *, api_key: str | None = None) -> None:
        """Raises `ApiError` unless the holder of the user key signed this, for this purpose and just now.

        `api_key` vouches for the island, where one does.
        """
        if not nonces.is_fresh(self.nonce):
            rule = f"is none of ours or older than {LIFE_S} s; take a new one from /islands/nonce"
            raise invalid("nonce", rule)
        self.check_signature(
            purpose, self.user_key, self.user_signature, field="user_signature", api_key=api_key
        )

    def check_signature(
        self, purpose: Purpose, signer: str, signature: str, *, field: str, api_key: str | None = None
    ) -> None:
        keys = {"account_key": self.account_key, "user_key": self.user_key}
        if not is_proven(signer, signature, purpose, nonce=self.nonce, **keys, api_key=api_key):
            raise invalid(field, "does not prove that you hold the key, or was made with another API key")
