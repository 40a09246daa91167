"""The layout of accounts: what CORE offers to islands, and what an island's account takes of it.

    operator
      SYS    the registrar and the auditor
      CORE   JetStream, every stream, our own components
      DOOR   the callout for islands that know only a password
      {id}   one account per island, no JetStream; its public key is the island's id

The server compares the marked token of every import with the importing account, so a subject says who spoke. The name
of a durable holds the id only as part of a token, which no position can check: those exports are private, and each
import carries an activation token for exactly this account and subject.
"""

from dataclasses import dataclass
from typing import Any, Final

from adapters.nats import subjects
from adapters.nats.accounts.jwt import UNLIMITED, Claims, mint
from adapters.nats.accounts.nkey import NKey

CLAIMS: Final = ("heartbeat", "status", "output", "progress", "image", "lease")  # Kept by streams.
CALLS: Final = ("ping", "pong")  # Heard by the edge; no stream may cover them.
SIGNALS: Final = ("cancel", "preload", "probe")  # From the coordinator; not stored.
HELLOS: Final = ("register", "pairing")
PENDING_CLAIMS: Final = ("heartbeat", "ping")
QUEUE_CALLS: Final = ("MSG.NEXT", "INFO")  # What an island may ask of its own durable.
ACKNOWLEDGEMENTS: Final = ("$JS.ACK.JOBS", "$JS.ACK.*.*.JOBS")
"""Both layouts of the subject on which a job is acknowledged: the server's flag `js_ack_fc_v2` chooses. Taking both
makes changing the flag a matter of the server alone."""
ANNOUNCEMENTS: Final = "net.announce.>"

CONNECTIONS_MAX: Final = 2
SUBSCRIPTIONS_MAX: Final = 24
USER_SUBSCRIPTIONS_MAX: Final = 16
PAYLOAD_BYTES_MAX: Final = 64 * 1024
PASSWORD_PAYLOAD_BYTES_MAX: Final = 8 << 20  # Such an island sends a whole image in one message.
IMPORTS_MAX: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandAccount:
    """What the registrar must know of an island to write its documents.

    `user_key` is the public key the island signs and connects with; without one it knows only a password. `local_id`
    is how it names itself in its own subjects, where that is not its id. Documents of users issued before
    `revoked_before_s` (Unix seconds) are worth nothing.
    """

    island_id: str
    user_key: str | None = None
    local_id: str | None = None
    is_paired: bool = False
    revoked_before_s: int = 0

    @property
    def home_id(self) -> str:
        """The island's name at home."""
        return self.local_id or self.island_id

    @property
    def payload_bytes_max(self) -> int:
        return PAYLOAD_BYTES_MAX if self.user_key else PASSWORD_PAYLOAD_BYTES_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSigner:
    """CORE's public key, and the key that signs activation tokens for it."""

    account: str
    signing: NKey


def core_exports() -> list[Claims]:
    public = [
        *(service(f"host.*.{kind}", position=2) for kind in (*CLAIMS, *CALLS)),
        *(service(f"coordinator.hosts.{kind}.*", position=4) for kind in HELLOS),
        *(_export("stream", f"host.*.{kind}", position=2) for kind in (*SIGNALS, "jobs")),
        _export("stream", ANNOUNCEMENTS),
    ]
    private = [
        *(
            service(
                f"$JS.API.CONSUMER.{call}.JOBS.*", response="Stream" if call == "MSG.NEXT" else "Singleton"
            )
            for call in QUEUE_CALLS
        ),
        *(service(f"{acknowledgement}.>") for acknowledgement in ACKNOWLEDGEMENTS),
    ]
    return public + [{**export, "token_req": True} for export in private]


def service(subject: str, *, position: int = 0, response: str = "Singleton") -> Claims:
    return {**_export("service", subject, position=position), "response_type": response}


def _export(kind: str, subject: str, *, position: int = 0) -> Claims:
    export: Claims = {"name": subject, "subject": subject, "type": kind}
    return export | ({"account_token_position": position} if position else {})


def island_imports(island: IslandAccount, core: CoreSigner) -> list[Claims]:
    """What the island's account takes from CORE: little until it is paired."""
    own, home = island.island_id, island.home_id
    kinds = (*CLAIMS, *CALLS) if island.is_paired else PENDING_CLAIMS
    imports = [
        *(_import(core, "service", f"coordinator.hosts.{k}.{own}", f"coordinator.hosts.{k}") for k in HELLOS),
        *(_import(core, "service", f"host.{own}.{kind}", f"host.{home}.{kind}") for kind in kinds),
    ]
    if not island.is_paired:
        return imports
    imports += [_import(core, "stream", f"host.{own}.{kind}", f"host.{home}.{kind}") for kind in SIGNALS]
    imports.append(_import(core, "stream", ANNOUNCEMENTS))
    if island.user_key is None:
        return [*imports, _import(core, "stream", f"host.{own}.jobs", f"host.{home}.jobs")]
    return imports + [_private(core, own, *names) for names in _queue_names(island)]


def _queue_names(island: IslandAccount) -> list[tuple[str, str]]:
    """The island's own durable, as CORE names it and as the island does.

    Every account has an import of `$JS.API.>` from the system account, which answers first. So CORE's API appears
    under the name of a JetStream domain.
    """
    domain, own, home = subjects.CORE_DOMAIN, island.island_id, island.home_id
    calls = [
        (f"$JS.API.CONSUMER.{call}.JOBS.host-{own}", f"$JS.{domain}.API.CONSUMER.{call}.JOBS.host-{home}")
        for call in QUEUE_CALLS
    ]
    return calls + [(f"{one}.host-{own}.>",) * 2 for one in ACKNOWLEDGEMENTS]


def _import(core: CoreSigner, kind: str, subject: str, local: str | None = None) -> Claims:
    found: Claims = {"name": subject, "subject": subject, "account": core.account, "type": kind}
    return found if local in (None, subject) else {**found, "local_subject": local}


def _private(core: CoreSigner, importer: str, subject: str, local: str) -> Claims:
    return {
        **_import(core, "service", subject, local),
        "token": activation(core, importer, subject, "service"),
    }


def activation(core: CoreSigner, importer: str, subject: str, kind: str) -> str:
    """The proof that `importer` may take `subject` from CORE."""
    nats = {"subject": subject, "kind": kind, "issuer_account": core.account}
    return mint(core.signing, importer, "activation", nats, issued_at_s=0)


def island_claims(island: IslandAccount, core: CoreSigner, *, signing_key: str) -> Claims:
    """The account of one island. Without limits for JetStream there is none in it."""
    claims: Claims = {
        "limits": account_limits(
            conn=CONNECTIONS_MAX,
            subs=SUBSCRIPTIONS_MAX,
            payload=island.payload_bytes_max,
            imports=IMPORTS_MAX,
            exports=0,
            wildcards=False,
            leaf=0,
        ),
        "imports": island_imports(island, core),
        "signing_keys": [signing_key],
    }
    return claims | ({"revocations": {"*": island.revoked_before_s}} if island.revoked_before_s else {})


def island_user_claims(island: IslandAccount) -> Claims:
    """The second fence: even inside its own account an island uses these names only."""
    home = island.home_id
    publish = [
        *(f"host.{home}.{kind}" for kind in (*CLAIMS, *CALLS)),
        *(f"coordinator.hosts.{kind}" for kind in HELLOS),
    ]
    hear = [*(f"host.{home}.{kind}" for kind in SIGNALS), ANNOUNCEMENTS]
    if island.user_key is None:
        # It asks for the queue, is told at once that there is none, and listens instead of waiting for an answer.
        publish.append("$JS.API.STREAM.INFO.JOBS")
        hear += ["_INBOX.>", f"host.{home}.jobs"]
    else:
        publish += [local for _, local in _queue_names(island)]
        hear.append(f"{subjects.inbox_prefix(home)}.>")
    return user_claims(
        publish,
        hear,
        account=island.island_id,
        subs=USER_SUBSCRIPTIONS_MAX,
        payload=island.payload_bytes_max,
        allowed_connection_types=["STANDARD"],
    )


def account_limits(**limits: Any) -> Claims:
    """No limits but the given ones. JetStream stays off unless its own limits are given."""
    unlimited = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), UNLIMITED)
    return {**unlimited, "wildcards": True, **limits}


def user_claims(publish: list[str], subscribe: list[str], *, account: str, **limits: Any) -> Claims:
    """A user whose document an account's signing key signs. An empty list of permissions allows nothing."""
    return {
        "pub": {"allow": publish} if publish else {"deny": [">"]},
        "sub": {"allow": subscribe} if subscribe else {"deny": [">"]},
        "subs": UNLIMITED,
        "data": UNLIMITED,
        "payload": UNLIMITED,
        "issuer_account": account,
        **limits,
    }
