"""Transport encryption, in one place: what counts as this machine, what we believe, what we show.

Used by every program of ours that connects or listens, over HTTP or NATS. It promises TLS 1.3 and nothing older on both
sides, certificates and names that are always checked, and a sentence where a certificate is not believed.
"""

import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Final, assert_never
from urllib.parse import urlsplit

ENCRYPTED_SCHEMES: Final = frozenset({"https", "tls", "wss"})
# What OpenSSL says of a certificate: the numbers of its X509_V_ERR_… list.
UNKNOWN_AUTHORITY_CODES: Final = frozenset({18, 19, 20, 21})
EXPIRED_CODES: Final = frozenset({9, 10})
OTHER_NAME_CODES: Final = frozenset({62, 64})
CAUSES_MAX: Final = 10


class TlsUnusable(Exception):
    """A certificate, a key or an authority's file cannot be used; the text names the file."""


class Distrust(StrEnum):
    """Why an encrypted connection was not made."""

    UNKNOWN_AUTHORITY = "unknown_authority"  # Signed by nobody we believe.
    EXPIRED = "expired"  # Not valid at this time of our clock.
    OTHER_NAME = "other_name"  # Valid, and somebody else's.
    NOT_ENCRYPTED = "not_encrypted"  # The other side speaks something else, or TLS older than 1.3.
    UNREADABLE = "unreadable"  # Anything else that is wrong with it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a server shows: its certificate, followed by those between it and the authority, and its key, in PEM."""

    cert_file: Path
    key_file: Path


def is_loopback(host_or_url: str) -> bool:
    """Whether that is this very machine, whatever network it is in. A name counts only if it is `localhost`."""
    host = host_of(host_or_url)
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return False


def is_encrypted(url: str) -> bool:
    return urlsplit(url).scheme in ENCRYPTED_SCHEMES


def is_exposed(url: str) -> bool:
    """Whether what goes to that URL can be read on the way."""
    return not is_encrypted(url) and not is_loopback(url)


def host_of(host_or_url: str) -> str:
    """The host alone, without brackets, in lower case; empty where there is none."""
    if "://" not in host_or_url:
        return host_or_url.removeprefix("[").removesuffix("]").lower()
    with suppress(ValueError):
        return urlsplit(host_or_url).hostname or ""
    return ""


def address_of(scheme: str, host: str, port: int) -> str:
    """The URL of a port of that host; IPv6 addresses get their brackets."""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def client_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Believes the authorities in that file and no others, or the system's list. Raises `TlsUnusable`."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as fault:  # ssl.SSLError is one too.
        raise TlsUnusable(
            f"{ca_file}: holds no certificate of an authority in PEM ({fault.strerror})"
        ) from fault
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """Shows that certificate. Raises `TlsUnusable`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(certificate.cert_file, certificate.key_file, password=_no_password)
    except OSError as fault:
        raise TlsUnusable(
            f"{certificate.cert_file} with the key {certificate.key_file}: cannot be used ({fault.strerror})"
        ) from fault
    return context


def distrust_of(error: BaseException) -> Distrust | None:
    """Why the other side was not believed, where that is what `error` or one of its causes says."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return judged(cause)
        if isinstance(cause, ssl.SSLError):
            return Distrust.NOT_ENCRYPTED
    return None


def told(distrust: Distrust) -> str:
    """The end of a sentence that begins with the address."""
    match distrust:
        case Distrust.UNKNOWN_AUTHORITY:
            return "shows a certificate of an authority that is not known here"
        case Distrust.EXPIRED:
            return "shows a certificate that is not valid at this time"
        case Distrust.OTHER_NAME:
            return "shows a certificate for another name or address"
        case Distrust.NOT_ENCRYPTED:
            return "does not speak TLS 1.3"
        case Distrust.UNREADABLE:
            return "shows a certificate that cannot be verified"
        case _:
            assert_never(distrust)


def judged(error: ssl.SSLCertVerificationError) -> Distrust:
    if error.verify_code in UNKNOWN_AUTHORITY_CODES:
        return Distrust.UNKNOWN_AUTHORITY
    if error.verify_code in EXPIRED_CODES:
        return Distrust.EXPIRED
    return Distrust.OTHER_NAME if error.verify_code in OTHER_NAME_CODES else Distrust.UNREADABLE


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    for _ in range(CAUSES_MAX):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__


def _no_password() -> bytes:
    """A key that is locked would otherwise be asked for on the terminal."""
    return b""
