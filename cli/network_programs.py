"""The programs of the network on this machine: what each is told of the others.

Used by `local_network.py`, which starts and stops them.
"""

import os
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.listening import Listening
from adapters.nats.accounts.deployment import Deployment
from adapters.tls import is_exposed
from cli.local_mail import mail_folder
from cli.local_program import LocalProgram
from cli.network import Network

COORDINATOR_STOP_S: Final = 15.0
REGISTRAR_STOP_S: Final = 5.0
ISLAND_STOP_S: Final = 35.0
"""An island may take 30 s to finish or give back what it runs."""
ISLAND_SENT_AWAY: Final = 3
"""The exit code of an island that was removed or revoked: `island.main`."""

RATE_SETTING: Final = "ARCHIPELAGO_REQUESTS_PER_MINUTE"
LOCAL_REQUESTS_PER_MINUTE: Final = "6000"
"""Whoever runs the whole network needs no protection from themselves; their own setting wins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPrograms:
    """`key` is that of the local account, which owns the island, too."""

    directory: DataDirectory
    network: Network
    listening: Listening
    deployment: Deployment
    key: str

    def coordinator(self) -> LocalProgram:
        settings = {
            "ARCHIPELAGO_HOST": self.listening.host,
            "ARCHIPELAGO_PORT": str(urlsplit(self.network.url).port),
            "ARCHIPELAGO_PUBLIC_URL": self.network.url,
            "ARCHIPELAGO_NATS_URL": self.network.nats_url,
            "ARCHIPELAGO_NATS_KEYS": self.network.nats_keys,
            "ARCHIPELAGO_ISLAND_NATS_URL": self.network.nats_url,
            "ARCHIPELAGO_POSTGRES_DSN": self.network.postgres_dsn,
            "ARCHIPELAGO_LOCAL_KEY": self.key,
            "ARCHIPELAGO_MAIL_FOLDER": str(mail_folder(self.directory)),
            RATE_SETTING: os.environ.get(RATE_SETTING, LOCAL_REQUESTS_PER_MINUTE),
        }
        settings |= self._believing("ARCHIPELAGO_NATS_CA_FILE") | self._allowing(
            "ARCHIPELAGO_ALLOW_PLAINTEXT"
        )
        shown = self.listening.certificate
        if shown is not None:
            settings["ARCHIPELAGO_TLS_CERT_FILE"] = str(shown.cert_file)
            settings["ARCHIPELAGO_TLS_KEY_FILE"] = str(shown.key_file)
        return LocalProgram("coordinator", self.directory, settings, module="api", stop_s=COORDINATOR_STOP_S)

    def registrar(self) -> LocalProgram:
        settings = {
            "ARCHIPELAGO_REGISTRAR_NATS_URL": self.network.nats_url,
            "ARCHIPELAGO_REGISTRAR_NATS_KEYS": str(self.deployment.registrar.path),
        } | self._believing("ARCHIPELAGO_REGISTRAR_NATS_CA_FILE")
        return LocalProgram(
            "registrar", self.directory, settings, module="registrar", stop_s=REGISTRAR_STOP_S
        )

    def door(self) -> LocalProgram:
        settings = {
            "ARCHIPELAGO_DOOR_NATS_URL": self.network.nats_url,
            "ARCHIPELAGO_DOOR_NATS_KEYS": str(self.deployment.door.path),
        } | self._believing("ARCHIPELAGO_DOOR_NATS_CA_FILE")
        return LocalProgram(
            "door", self.directory, settings, module="registrar.door", stop_s=REGISTRAR_STOP_S
        )

    def island(self) -> LocalProgram:
        settings = {
            "ARCHIPELAGO_ISLAND_COORDINATOR_URL": self.network.url,
            "ARCHIPELAGO_ISLAND_KEY": self.key,
            # The one it was given at enrolment names a port that may have changed since.
            "ARCHIPELAGO_ISLAND_NATS_URL": self.network.nats_url,
            "ARCHIPELAGO_ISLAND_STATE_DIR": str(self.directory.island),
        }
        settings |= self._believing("ARCHIPELAGO_ISLAND_CA_FILE")
        settings |= self._allowing("ARCHIPELAGO_ISLAND_ALLOW_PLAINTEXT")
        return LocalProgram(
            "island",
            self.directory,
            settings,
            module="island",
            stop_s=ISLAND_STOP_S,
            final_code=ISLAND_SENT_AWAY,
        )

    def _believing(self, setting: str) -> dict[str, str]:
        """Whom to believe, where it is not whom the system believes."""
        return {setting: self.network.ca_file} if self.network.ca_file else {}

    def _allowing(self, setting: str) -> dict[str, str]:
        """Plaintext beyond this machine: whoever started the network asked for it."""
        return {setting: "true"} if is_exposed(self.network.url) else {}
