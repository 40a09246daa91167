"""Where `archipelago up` listens and what it encrypts, from its options.

A network that other machines reach is encrypted, with a certificate that it is given or with one of an authority of its
own; plaintext there has to be asked for.
"""

import socket
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from adapters.embedded.certificates import Certificates
from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.listening import Listening
from adapters.embedded.ports import family_of
from adapters.tls import Certificate, TlsUnusable, is_loopback, server_context
from cli.failure import CommandFailed, wrong_usage

ANY_PORT: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningOptions:
    """As they were typed. A certificate that is given counts more than `tls`, which has one made."""

    host: str
    tls: bool
    cert_file: Path | None
    key_file: Path | None
    ca_file: Path | None
    allow_plaintext: bool


def listening_on(directory: DataDirectory, options: ListeningOptions, now: datetime) -> Listening:
    """Makes or renews the certificate where one is asked for. Raises CommandFailed."""
    check_host(options.host)
    try:
        listening = encrypted(directory, options, now)
    except TlsUnusable as fault:
        raise CommandFailed(f"--tls: {fault}") from fault
    if listening.certificate is None and not options.allow_plaintext and not is_loopback(options.host):
        raise wrong_usage(
            "--host",
            f"other machines would reach {options.host} in plaintext",
            next_step="add --tls, or --allow-plaintext in a network that you trust",
        )
    return listening


def encrypted(directory: DataDirectory, options: ListeningOptions, now: datetime) -> Listening:
    """Raises TlsUnusable, and CommandFailed where options do not fit together."""
    cert_file, key_file = options.cert_file, options.key_file
    if cert_file is not None and key_file is not None:
        given = Certificate(cert_file=cert_file.absolute(), key_file=key_file.absolute())
        server_context(given)
        ca_file = options.ca_file.absolute() if options.ca_file else None
        return Listening(host=options.host, certificate=given, ca_file=ca_file)
    if cert_file is not None or key_file is not None:
        raise wrong_usage("--tls-key" if key_file is None else "--tls-cert", "must be given, too")
    if options.ca_file is not None:
        raise wrong_usage("--tls-ca", "belongs to a certificate that is given with --tls-cert and --tls-key")
    if not options.tls:
        return Listening(host=options.host)
    own = Certificates(directory.keys / "tls")
    own.renewed((options.host,), now)
    return Listening(host=options.host, certificate=own.server, ca_file=own.ca_file)


def check_host(host: str) -> None:
    """Raises CommandFailed where it is not one address, or name, of this machine."""
    if is_wildcard(host):
        raise wrong_usage("--host", "must be one address of this machine, as other machines name it")
    with socket.socket(family_of(host)) as probe:
        try:
            probe.bind((host, ANY_PORT))
        except (OSError, UnicodeError) as fault:
            raise wrong_usage("--host", f"{host!r} is no address of this machine") from fault


def is_wildcard(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return not host
