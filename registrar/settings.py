"""What an operator may set for the registrar and for the door. Read once, at their start, and never anywhere else.

Every value may be given in the environment under its name, with the prefix `ARCHIPELAGO_REGISTRAR_` for the one program
and `ARCHIPELAGO_DOOR_` for the other.
"""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    nats_url: str = Field(
        default="nats://127.0.0.1:4222",
        description="NATS server of the network; no user and no password in it.",
    )
    nats_keys: Path = Field(
        default=Path("keys"), description="Folder with this program's keys and credentials."
    )
    nats_ca_file: Path | None = Field(
        default=None,
        description="Certificate authority that signed the NATS server's certificate; empty: the system's list.",
    )


class RegistrarSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="ARCHIPELAGO_REGISTRAR_", frozen=True)

    nats_keys: Path = Field(
        default=Path("keys/registrar"),
        description="Folder with the registrar's keys and credentials, made by `archipelago keys refresh`.",
    )


class DoorSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="ARCHIPELAGO_DOOR_", frozen=True)

    nats_keys: Path = Field(
        default=Path("keys/door"),
        description="Folder with the door's keys and credentials, made by `archipelago keys refresh`.",
    )
