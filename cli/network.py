"""Where the network on this machine is: one file, `run/network.json`, that `archipelago up` writes once all runs.

Read by every other command, so that on the same machine none of them needs an option. The file holds passwords, so only
its owner can read it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from adapters.embedded.data_directory import DataDirectory, default_root
from cli.failure import CommandFailed

FILE: Final = "network.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """`key_file` holds the API key of the local account, with every scope; the folder `nats_keys` the coordinator's
    credentials for NATS. The database's password stands in the DSN. `ca_file` holds the authority to believe over
    HTTPS and TLS; empty: the system's list.
    """

    url: str
    key_file: str
    nats_url: str
    nats_keys: str
    postgres_dsn: str
    ca_file: str = ""

    @property
    def authority(self) -> Path | None:
        return Path(self.ca_file) if self.ca_file else None


def write_network(directory: DataDirectory, network: Network) -> None:
    """Complete or not at all: a reader never sees half a file."""
    draft = directory.run / f"{FILE}.draft"
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(network), indent=2))
    draft.replace(directory.run / FILE)


def forget_network(directory: DataDirectory) -> None:
    """No error where nothing is written."""
    (directory.run / FILE).unlink(missing_ok=True)


def find_network(data_dir: Path | None) -> Network | None:
    """The network of that data directory as it was written last; None where none was."""
    path = DataDirectory(data_dir or default_root()).run / FILE
    try:
        return Network(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise CommandFailed(
            f"{path}: cannot be read: {error}",
            next_step="stop the network and start it again: archipelago up",
        ) from error
