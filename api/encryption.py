"""What the coordinator encrypts, and what it refuses to say in plaintext.

Used by `api.main` before anything listens. Beyond this machine everything is encrypted unless the operator says in so
many words that something else sees to it.
"""

import logging
import ssl
from typing import Final

from adapters.tls import Certificate, is_exposed, is_loopback, server_context
from api.settings import Settings

CERTIFICATE: Final = "Set ARCHIPELAGO_TLS_CERT_FILE and ARCHIPELAGO_TLS_KEY_FILE"
PROXY: Final = (
    "behind a proxy that ends TLS set ARCHIPELAGO_PUBLIC_URL to its https:// address "
    "and ARCHIPELAGO_ALLOW_PLAINTEXT=true"
)

log = logging.getLogger(__name__)


class Unencrypted(Exception):
    """Settings under which keys, jobs and results could be read on the way; the text names what to set."""


def https_context(settings: Settings) -> ssl.SSLContext | None:
    """What to serve HTTPS with; None for plain HTTP. Raises `Unencrypted` and `TlsUnusable`."""
    certificate = _certificate_of(settings)
    reasons = list(_exposures(settings, certificate))
    if reasons and not settings.allow_plaintext:
        raise Unencrypted(reasons[0])
    for reason in reasons:
        log.warning("plaintext_allowed", extra={"instead_of": reason})
    return None if certificate is None else server_context(certificate)


def _certificate_of(settings: Settings) -> Certificate | None:
    cert_file, key_file = settings.tls_cert_file, settings.tls_key_file
    if cert_file is None and key_file is None:
        return None
    if cert_file is None or key_file is None:
        missing = "ARCHIPELAGO_TLS_CERT_FILE" if cert_file is None else "ARCHIPELAGO_TLS_KEY_FILE"
        raise Unencrypted(f"{missing}: must be set, too: a certificate is of no use without its key")
    return Certificate(cert_file=cert_file, key_file=key_file)


def _exposures(settings: Settings, certificate: Certificate | None) -> list[str]:
    found = []
    if certificate is None and not is_loopback(settings.host):
        found.append(
            f"ARCHIPELAGO_HOST: other machines reach {settings.host}, and nothing is encrypted. "
            f"{CERTIFICATE}; {PROXY}."
        )
    if settings.public_url and is_exposed(settings.public_url):
        found.append(
            f"ARCHIPELAGO_PUBLIC_URL: at {settings.public_url} keys and jobs would travel in plaintext. "
            f"{CERTIFICATE} and name an https:// address, or {PROXY}."
        )
    if is_exposed(settings.nats_url_of_islands):
        found.append(
            f"ARCHIPELAGO_ISLAND_NATS_URL: to {settings.nats_url_of_islands} islands would speak in plaintext. "
            "Give the NATS server a certificate and name it as tls://host:port; "
            "in a network that you trust set ARCHIPELAGO_ALLOW_PLAINTEXT=true."
        )
    return found
