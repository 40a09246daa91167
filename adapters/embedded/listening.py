"""Where the servers of an embedded network listen, and how those who connect can be sure of them.

Made by `archipelago up` from its options; used by the servers of this package and for the programs beside them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.embedded.ports import LOOPBACK
from adapters.tls import Certificate, address_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Without a certificate everything is plaintext.

    `ca_file` holds the authority that signed it; None where it is one that every system knows.
    """

    host: str = LOOPBACK
    certificate: Certificate | None = None
    ca_file: Path | None = None

    def http_url(self, port: int) -> str:
        return address_of("http" if self.certificate is None else "https", self.host, port)

    def nats_url(self, port: int) -> str:
        return address_of("nats" if self.certificate is None else "tls", self.host, port)


ON_LOOPBACK: Final = Listening()
