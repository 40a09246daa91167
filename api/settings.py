"""What an operator may set for the coordinator. Read once, at its start, by `api.main`; never read anywhere else.

Every value may be given in the environment under its name with the prefix `ARCHIPELAGO_`.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict


def without_credentials(url: str) -> str:
    if urlsplit(url).username is not None:
        raise ValueError("must hold no user and no password: credentials lie in ARCHIPELAGO_NATS_KEYS")
    return url


NatsUrl = Annotated[str, AfterValidator(without_credentials)]


class SignUp(StrEnum):
    """Who may open an account by a link in a mail."""

    OPEN = "open"  # Everybody who reads a mailbox.
    INVITED = "invited"  # Those whom an operator invited: POST /admin/invitations.


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ARCHIPELAGO_", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=4000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    nats_url: NatsUrl = Field(
        default="nats://127.0.0.1:4222",
        description="NATS server with JetStream; no user and no password in it.",
    )
    nats_keys: Path = Field(
        default=Path("keys/coordinator"),
        description="Folder with this coordinator's NATS credentials, made by `archipelago keys refresh`.",
    )
    nats_ca_file: Path | None = Field(
        default=None,
        description="Certificate authority that signed the NATS server's certificate; empty: the system's list.",
    )
    island_nats_url: NatsUrl = Field(
        default="",
        description="The same server as islands reach it, no user and no password in it; empty: as this process does.",
    )
    tls_cert_file: Path | None = Field(
        default=None, description="Certificate chain to serve HTTPS with; empty: plain HTTP."
    )
    tls_key_file: Path | None = Field(default=None, description="Private key of that certificate.")
    allow_plaintext: bool = Field(
        default=False,
        description="Speak plaintext with other machines: only behind a proxy that ends TLS, "
        "or in a network that you trust.",
    )
    local_key: str = Field(
        default="",
        description="API key (ak_ and 40 letters or digits) of the account of whoever runs this network.",
    )
    postgres_dsn: str = Field(
        default="postgresql://127.0.0.1:5432/archipelago", description="PostgreSQL database of the read side."
    )
    archive_dsn: str = Field(
        default="",
        description="PostgreSQL database of the archive, best on another machine; empty: that of the read side.",
    )
    webhooks_to_loopback: bool = Field(
        default=False, description="Let webhooks call this very machine, also without https: for development."
    )
    public_url: str = Field(
        default="",
        description="How clients and islands reach this coordinator; empty: host and port of this process.",
    )
    cors_origins: tuple[str, ...] = Field(
        default=(),
        description="Web origins whose pages may call the API and open the WebSocket, as a JSON list.",
    )
    requests_per_minute: int = Field(default=100, ge=1, description="Requests a key may make in a minute.")
    job_reads_per_minute: int = Field(
        default=1200, ge=1, description="Reads of jobs a key may make in a minute, counted apart."
    )
    anonymous_per_minute: int = Field(
        default=600, ge=1, description="Requests without a valid key that an address may make in a minute."
    )
    wrong_keys_per_minute: int = Field(
        default=30,
        ge=1,
        description="Unknown keys that an address may show in a minute; from then on no further one is looked up.",
    )
    sign_ins_per_minute: int = Field(
        default=5,
        ge=1,
        description="Times in a minute that one address may ask for a link or open one, and that a link is asked "
        "for one e-mail.",
    )
    sign_up: SignUp = Field(
        default=SignUp.OPEN,
        description="Who may open an account by a link in a mail: `open`, everybody; `invited`, "
        "whom an operator invited.",
    )
    smtp_url: str = Field(
        default="",
        pattern=r"^(smtps?://[^?#\s]+)?$",
        description="Mail server for links to sign in with, as smtp://user:password@host:587 or smtps://…; "
        "empty: none.",
    )
    mail_from: str = Field(
        default="archipelago@localhost", pattern=r"^[^\s<>]+@[^\s<>]+$", description="Sender of that mail."
    )
    mail_folder: Path | None = Field(
        default=None,
        description="Folder to lay mail into where there is no mail server; `archipelago up` prints what it finds "
        "there.",
    )
    review_islands: bool = Field(
        default=False,
        description="An operator approves every new island before it gets jobs: see /admin/hosts/pending.",
    )
    chat_cargo: str = Field(
        default="llm-chat",
        description="Cargo that answers chat completions for `default`, `mistral-7b` and `gpt-3.5-turbo`.",
    )
    embedding_cargo: str = Field(
        default="text-embed",
        description="Cargo that makes embeddings for `default` and OpenAI's names of models.",
    )
    image_cargo: str = Field(
        default="sdxl", description="Cargo that makes images for `default` and OpenAI's names of models."
    )
    model_wait_s: float = Field(
        default=60,
        gt=0,
        le=600,
        description="How long a call of a model waits for an island before its job is cancelled.",
    )
    verification_url: str = Field(
        default="",
        pattern=r"^(https://[^?#\s]+)?$",
        description="Page of the provider that checks people's identities; empty: nobody is sent anywhere.",
    )
    release_keys: tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")], ...] = Field(
        default=(),
        description="Ed25519 public keys in hex that sign releases of the island program, as a JSON list; "
        "empty: no release is taken.",
    )
    cosign_keys: Path | None = Field(
        default=None,
        description="Folder of PEM files, the ECDSA P-256 keys that sign cargos; served at /signing-keys.",
    )
    network_credits: int = Field(
        default=10_000,
        ge=0,
        le=1_000_000_000,
        description="Credits granted to the account `network`, which pays for checking results. "
        "A number it never had before grants that many once more; 0 grants none.",
    )
    known_answer_percent: float = Field(
        default=1.0,
        ge=0,
        le=10,
        description="Percent of idle time that goes into jobs whose answers are known; 0 asks no island.",
    )
    checkpoint_wait_s: int = Field(
        default=300,
        ge=1,
        le=3600,
        description="How long a commit waits at most until a signed checkpoint of the log covers it.",
    )
    write_wait_s: float = Field(
        default=2.0,
        gt=0,
        le=30,
        description="How long a write, or a read with ?after=, waits for the read side.",
    )

    @property
    def nats_url_of_islands(self) -> str:
        return self.island_nats_url or self.nats_url
