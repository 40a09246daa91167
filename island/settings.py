"""What an owner may set for an island. Read once, at its start; `archipelago island run` has options for some.

Every value may be given in the environment under its name with the prefix `ARCHIPELAGO_ISLAND_`.
"""

from decimal import Decimal
from pathlib import Path
from socket import gethostname
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Credits = Annotated[Decimal, Field(gt=0, decimal_places=6)]


def default_state_folder() -> Path:
    return user_data_path("archipelago", appauthor=False) / "island"


def default_name() -> str:
    return gethostname()[:100] or "island"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ARCHIPELAGO_ISLAND_", frozen=True)

    coordinator_url: str = Field(
        default="http://127.0.0.1:4000",
        pattern=r"^https?://[^\s/]+",
        description="Where the coordinator answers; asked once, at the first start.",
    )
    key: SecretStr | None = Field(
        default=None,
        description="API key with the scope `islands`. Needed at the first start only; it is not kept.",
    )
    nats_url: str | None = Field(
        default=None,
        pattern=r"^(nats|tls)://[^\s]+$",
        description="NATS server to use instead of the one the coordinator names; may hold user and password.",
    )
    state_dir: Path = Field(
        default_factory=default_state_folder,
        description="Folder of the island's identity, credentials, unfinished work and downloaded cargos.",
    )
    name: str = Field(
        default_factory=default_name,
        min_length=1,
        max_length=100,
        description="How people call this island; the host's name if not given. Settled at the first start.",
    )
    slots: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="Jobs to run side by side; never more than half the cores and one for each 2 GB of memory.",
    )
    asks: dict[str, Credits] = Field(
        default={},
        max_length=200,
        description="Credits asked for a job, as JSON from cargo slug to price; `_default` is for all others. "
        "Without an ask the cargo's own price counts.",
    )
    trust_level_min: int = Field(
        default=0, ge=0, le=3, description="Run only cargos of at least this trust level: 0 takes all."
    )
    runtimes: tuple[Literal["wasm"], ...] = Field(
        default=("wasm",), min_length=1, description="Runtimes to offer, as a JSON list."
    )
