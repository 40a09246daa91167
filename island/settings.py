"""What an owner may set for an island. Read once, at its start; `archipelago island join` has options for some.

Every value may be given in the environment under its name with the prefix `ARCHIPELAGO_ISLAND_`.
"""

import sys
from decimal import Decimal
from pathlib import Path
from socket import gethostname
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, FilePath, SecretStr, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.category import CATEGORIES_MAX, CATEGORY, CATEGORY_CHARACTERS_MAX
from island.opening_hours import STRETCHES_MAX, opening_hours

Category = Annotated[str, StringConstraints(pattern=CATEGORY, max_length=CATEGORY_CHARACTERS_MAX)]
Credits = Annotated[Decimal, Field(gt=0, decimal_places=6)]


def default_state_folder() -> Path:
    return user_data_path("archipelago", appauthor=False) / "island"


def default_name() -> str:
    return gethostname()[:100] or "island"


def without_slash(url: str) -> str:
    return url.rstrip("/")


def readable_hours(hours: tuple[str, ...]) -> tuple[str, ...]:
    """Raises ValueError."""
    opening_hours(hours)
    return hours


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ARCHIPELAGO_ISLAND_", frozen=True)

    coordinator_url: Annotated[str, AfterValidator(without_slash)] | None = Field(
        default=None,
        pattern=r"^https?://[^\s/]+",
        description="The coordinator whose network the island joins at its first start. Later starts go on where it "
        "joined, and with another URL it joins there.",
    )
    key: SecretStr | None = Field(
        default=None,
        description="API key with the scope `islands`: the island is that account's as soon as it joins. Without one "
        "it shows a code for its owner to type in. It is not kept.",
    )
    joins_again: bool = Field(
        default=False,
        description="Join even where the island has joined, or was removed or revoked; a revoked key is replaced. "
        "`archipelago island join` sets it.",
    )
    nats_url: str | None = Field(
        default=None,
        pattern=r"^(nats|tls)://[^\s@]+$",
        description="Address of the NATS server, instead of the one that the coordinator names.",
    )
    ca_file: FilePath | None = Field(
        default=None,
        description="PEM file of the authorities to believe, for coordinator and NATS server, instead of the "
        "system's list.",
    )
    allow_plaintext: bool = Field(
        default=False,
        description="Speak unencrypted with other machines, too. Whoever is on the way can then read and change "
        "everything, inputs and results of jobs among it.",
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
    categories: tuple[Category, ...] = Field(
        default=(),
        max_length=CATEGORIES_MAX,
        description='Run only cargos of these categories, as a JSON list such as `["language", "media"]`; cargos that '
        "name none are `other`. All, if not given.",
    )
    categories_refused: tuple[Category, ...] = Field(
        default=(),
        max_length=CATEGORIES_MAX,
        description="Run no cargos of these categories, as a JSON list.",
    )
    hours: Annotated[tuple[str, ...], AfterValidator(readable_hours)] = Field(
        default=(),
        max_length=STRETCHES_MAX,
        description='When to take jobs, as a JSON list such as `["mon-fri 18:00-07:00", "sat 00:00-24:00"]`, by this '
        "machine's clock. Outside of it the island finishes or gives back what it has within 30 s, and stays in the "
        "network. Always, if not given.",
    )
    region: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$",
        description="Where the machine stands, such as `eu-west`. Jobs may ask for a region, and near ones are "
        "preferred.",
    )
    cpu_cores: int | None = Field(
        default=None, ge=1, le=4096, description="Lend at most so many cores; all of them if not given."
    )
    ram_mb: int | None = Field(
        default=None, ge=256, description="Lend at most so much memory; all of it if not given."
    )
    lends_gpu: bool = Field(default=True, description="Whether the GPU may be used.")
    runtimes: tuple[Literal["wasm"], ...] = Field(
        default=("wasm",), min_length=1, description="Runtimes to offer, as a JSON list."
    )


def read_settings() -> Settings | None:
    """The settings in the environment. None where one cannot be used; then each fault was printed by its name."""
    try:
        return Settings()
    except ValidationError as wrong:
        for one in wrong.errors():
            sys.stderr.write(f"error: ARCHIPELAGO_ISLAND_{str(one['loc'][0]).upper()}: {one['msg']}\n")
        return None
