"""How an island asks to join and for newer documents: over HTTP, with proof that it holds its keys.

Called by the composition root and by `island.renewal`. An API key is optional: with one the island is its account's at
once, without one it waits until somebody pairs it.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

import httpx
import msgspec

from adapters.enrolment_proof import Purpose, prove
from adapters.nats.accounts.jwt import BadDocument, read
from adapters.nats.accounts.nkey import NKey
from adapters.tls import Distrust, distrust_of, is_encrypted, told
from island.credentials import Credentials
from island.identity import Identity

Answer = TypeVar("Answer")

API: Final = "/api/v1/islands"
TIMEOUT_S: Final = 15.0
ANSWER_CHARACTERS_MAX: Final = 300
PAIRED: Final = "paired"
HOW_TO_JOIN: Final = "archipelago island join URL"
WHAT_TO_CHECK: Final = {
    Distrust.UNKNOWN_AUTHORITY: "name the file of that authority with --ca-file, or ARCHIPELAGO_ISLAND_CA_FILE",
    Distrust.EXPIRED: "check the clock of this machine, and tell whoever runs the network",
    Distrust.OTHER_NAME: "use the name that the certificate is for",
    Distrust.NOT_ENCRYPTED: "where nothing is encrypted the address begins with http://",
    Distrust.UNREADABLE: "tell whoever runs the network",
}


class NotEnrolled(Exception):
    """There is no answer, or a useless one; the text says what to do next."""


class Expulsion(StrEnum):
    """The answers after which an island has nothing to do in this network."""

    REMOVED = "island_removed"  # By its owner.
    KEY_REVOKED = "key_revoked"  # By an operator, or because the island has a newer key.
    UNKNOWN = "not_found"  # The coordinator has never heard of it.


EXPULSIONS: Final = {
    # Whoever was removed may join again.
    Purpose.ENROL: frozenset({Expulsion.KEY_REVOKED}),
    Purpose.RENEW: frozenset(Expulsion),
}
FAREWELLS: Final = {
    Expulsion.REMOVED: "this island was removed by its owner",
    Expulsion.KEY_REVOKED: "this island's key was revoked",
    Expulsion.UNKNOWN: "the coordinator does not know this island",
}


class Expelled(Exception):
    """The text is for the owner."""

    def __init__(self, reason: Expulsion, coordinator_url: str) -> None:
        again = HOW_TO_JOIN.replace("URL", coordinator_url)
        super().__init__(f"{FAREWELLS[reason]}; to join again: {again} (with the options of the first time)")
        self.reason = reason


class _Nonce(msgspec.Struct):
    nonce: str


class _Admission(msgspec.Struct):
    """The answer to an enrolment and to a renewal."""

    host_id: str
    name: str
    status: str
    nats_url: Annotated[str, msgspec.Meta(pattern=r"^(nats|tls)://[^\s@]+$")]
    user_jwt: str
    expires_at_s: int
    pair_url: str


class CoordinatorDoor:
    """The routes of one coordinator for islands. `client` believes whom it shall believe."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self.url = url
        self._client = client

    async def enrol(self, identity: Identity, *, key: str | None, name: str, platform: str) -> Credentials:
        """Join, or join again. Raises `NotEnrolled` and `Expelled`."""
        body = {"name": name, "platform": platform}
        signers = {"account_signature": identity.account, "user_signature": identity.user}
        return await self._ask(Purpose.ENROL, identity, body, signers, key)

    async def renew(self, identity: Identity) -> Credentials:
        """The newest document. Raises `NotEnrolled` and `Expelled`."""
        return await self._ask(Purpose.RENEW, identity, {}, {"user_signature": identity.user}, None)

    async def _ask(
        self,
        purpose: Purpose,
        identity: Identity,
        body: dict[str, str],
        signers: dict[str, NKey],
        api_key: str | None,
    ) -> Credentials:
        keys = {"account_key": identity.account.public, "user_key": identity.user.public}
        nonce = _decoded(await self._call("GET", "/nonce"), _Nonce).nonce
        signatures = {
            name: prove(key, purpose, nonce=nonce, **keys, api_key=api_key) for name, key in signers.items()
        }
        answer = await self._call(
            "POST",
            f"/{purpose}",
            EXPULSIONS[purpose],
            json={**keys, "nonce": nonce, **body, **signatures},
            headers={} if api_key is None else {"Authorization": f"Bearer {api_key}"},
        )
        return self._credentials(_decoded(answer, _Admission), identity)

    async def _call(
        self, method: str, path: str, expulsions: Collection[Expulsion] = (), **request: Any
    ) -> httpx.Response:
        try:
            answer = await self._client.request(method, self.url + API + path, timeout=TIMEOUT_S, **request)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise NotEnrolled(self._unreachable(fault)) from fault
        if not answer.is_success:
            code, message = _error(answer)
            if code in expulsions:
                raise Expelled(Expulsion(code), self.url)
            raise NotEnrolled(_what_to_do(answer.status_code, message))
        return answer

    def _unreachable(self, fault: Exception) -> str:
        distrust = distrust_of(fault)
        if distrust is not None:
            return f"coordinator_url: {self.url} {told(distrust)}; {WHAT_TO_CHECK[distrust]}"
        what_to_check = "check the address and that the coordinator runs"
        if isinstance(fault, httpx.RemoteProtocolError) and not is_encrypted(self.url):
            what_to_check = "where a coordinator is encrypted its address begins with https://"
        return f"coordinator_url: no answer from {self.url} ({type(fault).__name__}); {what_to_check}"

    def _credentials(self, admission: _Admission, identity: Identity) -> Credentials:
        if admission.host_id != identity.island_id:
            raise NotEnrolled("host_id: the coordinator answered for another island than this one")
        try:
            subject = read(admission.user_jwt)["sub"]
        except (BadDocument, KeyError) as fault:
            raise NotEnrolled(f"user_jwt: the coordinator's answer holds no document ({fault})") from fault
        if subject != identity.user.public:
            raise NotEnrolled("user_jwt: the coordinator's document is for another key than this island's")
        return Credentials(
            host_id=admission.host_id,
            user_key=identity.user.public,
            name=admission.name,
            coordinator_url=self.url,
            nats_url=admission.nats_url,
            user_jwt=admission.user_jwt,
            expires_at_s=admission.expires_at_s,
            pair_url=admission.pair_url,
            is_paired=admission.status == PAIRED,
        )


def _decoded(answer: httpx.Response, kind: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise NotEnrolled(
            f"the coordinator's answer is not what an island needs ({fault}); is this its address?"
        ) from fault


def _what_to_do(status: int, message: str) -> str:
    match status:
        case httpx.codes.UNAUTHORIZED:
            return "key: the coordinator does not know this API key; make one with the scope `islands`"
        case httpx.codes.FORBIDDEN:
            return f"key: this API key may not enrol islands; make one with the scope `islands` ({message})"
        case httpx.codes.TOO_MANY_REQUESTS:
            return f"too many islands are joining from this address; try again in a minute ({message})"
        case _:
            return f"the coordinator refused with status {status}: {message}"


def _error(answer: httpx.Response) -> tuple[str, str]:
    """The code and the message of a failure; what is not ours has no code."""
    try:
        body = answer.json()
        return str(body["error"]["code"]), str(body["message"])[:ANSWER_CHARACTERS_MAX]
    except (ValueError, LookupError, TypeError):
        return "", answer.text[:ANSWER_CHARACTERS_MAX]
