"""A certificate authority of one's own, for a network on one machine or in one local network.

Used by `archipelago up --tls`. It makes an authority once and a certificate for the servers' names, and makes the
certificate again before it expires or when the names change; whoever trusts the authority notices nothing. Everything
lies in one folder:

    ca.pem       the authority's certificate: what other machines are given
    ca.key       its key, readable by the owner only
    server.pem   the servers' certificate
    server.key   its key, readable by the owner only
"""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from adapters.tls import Certificate, TlsUnusable

AUTHORITY_LIFE: Final = timedelta(days=3650)
SERVER_LIFE: Final = timedelta(days=365)
RENEWED_BEFORE: Final = timedelta(days=30)
CLOCK_DIFFERENCE_MAX: Final = timedelta(hours=1)
"""Certificates are valid a little before they are made: another machine's clock may be behind ours."""
OWN_NAMES: Final = ("localhost", "127.0.0.1", "::1")

SIGNS_DATA: Final = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
SIGNS_CERTIFICATES: Final = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and the key that belongs to it."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey

    @property
    def subject_key(self) -> x509.SubjectKeyIdentifier:
        return x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())


class Certificates:
    """The authority and the servers' certificate in one folder. `renewed` makes what is missing or too old."""

    def __init__(self, folder: Path) -> None:
        """Touches nothing yet."""
        self.ca_file = folder / "ca.pem"
        self._authority = Certificate(cert_file=self.ca_file, key_file=folder / "ca.key")
        self.server = Certificate(cert_file=folder / "server.pem", key_file=folder / "server.key")
        self._folder = folder

    def renewed(self, names: tuple[str, ...], now: datetime) -> bool:
        """See to a certificate for these host names and addresses and this machine's own; whether one was made.

        Raises `TlsUnusable` where a file cannot be read or written.
        """
        wanted = tuple(dict.fromkeys((*names, *OWN_NAMES)))
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            authority = self._authority_or_new(now)
            if self._is_good(authority, wanted, now):
                return False
            issued = issued_by(authority, wanted, now)
            write_pair(self.server, issued)
        except OSError as fault:
            raise TlsUnusable(f"{self._folder}: {fault.strerror}") from fault
        return True

    def _authority_or_new(self, now: datetime) -> Pair:
        """The one that is there, even shortly before its end: another one would be trusted by nobody."""
        if not self._authority.key_file.exists():
            write_pair(self._authority, new_authority(now))
        return read_pair(self._authority)

    def _is_good(self, authority: Pair, names: tuple[str, ...], now: datetime) -> bool:
        if not self.server.cert_file.exists():
            return False
        try:
            found = read_pair(self.server).certificate
            found.verify_directly_issued_by(authority.certificate)
        except (TlsUnusable, ValueError, TypeError, InvalidSignature):
            return False
        shown = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        has_time = now + RENEWED_BEFORE < found.not_valid_after_utc
        return has_time and set(shown) == set(map(_general, names))


def new_authority(now: datetime) -> Pair:
    """Signs itself, and may sign servers' certificates but no other authorities."""
    key = generate_private_key(SECP256R1())
    name = _name("Archipelago authority")
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _begun(name, key, now, AUTHORITY_LIFE)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(SIGNS_CERTIFICATES, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, SHA256())
    )
    return Pair(certificate, key)


def issued_by(
    authority: Pair, names: tuple[str, ...], now: datetime, *, life: timedelta = SERVER_LIFE
) -> Pair:
    """A server's certificate for these host names and addresses, with a key of its own."""
    key = generate_private_key(SECP256R1())
    by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority.subject_key)
    certificate = (
        _begun(_name("Archipelago"), key, now, life)
        .issuer_name(authority.certificate.subject)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(SIGNS_DATA, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(by, critical=False)
        .sign(authority.key, SHA256())
    )
    return Pair(certificate, key)


def _begun(
    subject: x509.Name, key: EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_DIFFERENCE_MAX)
        .not_valid_after(now + life)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def read_pair(files: Certificate) -> Pair:
    """Raises `TlsUnusable` where they are no certificate and its key."""
    try:
        certificate = x509.load_pem_x509_certificate(files.cert_file.read_bytes())
        key = load_pem_private_key(files.key_file.read_bytes(), password=None)
    except OSError as fault:
        raise TlsUnusable(f"{fault.filename}: {fault.strerror}") from fault
    except (ValueError, TypeError) as fault:
        raise TlsUnusable(
            f"{files.cert_file} with the key {files.key_file}: cannot be read: {fault}"
        ) from fault
    if not isinstance(key, EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise TlsUnusable(
            f"{files.cert_file}: does not belong to the key {files.key_file}; bring back both, or remove both"
        )
    return Pair(certificate, key)


def write_pair(files: Certificate, pair: Pair) -> None:
    """The key last: an interruption leaves a certificate without a key, which is made again."""
    _write(files.cert_file, pair.certificate.public_bytes(Encoding.PEM), mode=0o644)
    _write(
        files.key_file, pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600
    )


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Whole or not at all: an interruption leaves no half of a file."""
    draft = path.with_name(f".{path.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
