"""The authority that `archipelago up --tls` makes: kept, closed to others, and its certificates renewed in time."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from adapters.embedded.certificates import RENEWED_BEFORE, SERVER_LIFE, Certificates, read_pair
from adapters.tls import TlsUnusable

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMES = ("archipelago.example", "192.0.2.7")


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    made = Certificates(tmp_path / "tls")
    assert made.renewed(NAMES, NOW)
    return made


def shown(certificates: Certificates) -> x509.Certificate:
    return read_pair(certificates.server).certificate


def test_the_chain_holds_by_the_rules_of_the_web(certificates: Certificates) -> None:
    authority = x509.load_pem_x509_certificate(certificates.ca_file.read_bytes())
    policy = PolicyBuilder().store(Store([authority])).time(NOW + timedelta(days=300))
    verifier = policy.build_server_verifier(x509.DNSName("archipelago.example"))
    assert verifier.verify(shown(certificates), []) == [shown(certificates), authority]


def test_the_keys_are_closed_to_others(certificates: Certificates) -> None:
    folder = certificates.ca_file.parent
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca.key": 0o600, "server.pem": 0o644, "server.key": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_is_good_is_kept(certificates: Certificates) -> None:
    before = shown(certificates)
    in_time = NOW + SERVER_LIFE - RENEWED_BEFORE - timedelta(seconds=1)
    assert not certificates.renewed(NAMES, in_time)
    assert shown(certificates) == before


def test_a_certificate_is_renewed_a_month_before_its_end_by_the_same_authority(
    certificates: Certificates,
) -> None:
    authority, before = certificates.ca_file.read_bytes(), shown(certificates)
    later = NOW + SERVER_LIFE - RENEWED_BEFORE
    assert certificates.renewed(NAMES, later)
    assert shown(certificates) != before
    assert shown(certificates).not_valid_after_utc == later + SERVER_LIFE
    assert certificates.ca_file.read_bytes() == authority


@pytest.mark.parametrize("names", [("archipelago.example",), (*NAMES, "192.0.2.8")])
def test_other_names_need_another_certificate(certificates: Certificates, names: tuple[str, ...]) -> None:
    assert certificates.renewed(names, NOW)
    assert not certificates.renewed(names, NOW)


def test_the_order_and_spelling_of_names_does_not_matter(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path / "tls")
    assert certificates.renewed(("2001:db8::1", "archipelago.example"), NOW)
    assert not certificates.renewed(("archipelago.example", "2001:0db8:0::1"), NOW)


@pytest.mark.parametrize("lost", ["server.pem", "server.key"])
def test_half_a_certificate_is_made_anew(certificates: Certificates, lost: str) -> None:
    (certificates.ca_file.parent / lost).unlink()
    assert certificates.renewed(NAMES, NOW)
    assert not certificates.renewed(NAMES, NOW)


def test_a_certificate_of_another_authority_is_made_anew(certificates: Certificates, tmp_path: Path) -> None:
    another = Certificates(tmp_path / "another")
    another.renewed(NAMES, NOW)
    for name in ("ca.pem", "ca.key"):
        (another.ca_file.parent / name).replace(certificates.ca_file.parent / name)
    assert certificates.renewed(NAMES, NOW)
    assert not certificates.renewed(NAMES, NOW)


def test_an_authority_that_lost_its_certificate_is_not_replaced_in_silence(
    certificates: Certificates,
) -> None:
    certificates.ca_file.unlink()
    with pytest.raises(TlsUnusable, match=str(certificates.ca_file)):
        certificates.renewed(NAMES, NOW)


def test_an_authority_that_is_damaged_is_named(certificates: Certificates) -> None:
    certificates.ca_file.write_text("nothing of the kind")
    with pytest.raises(TlsUnusable, match=str(certificates.ca_file)):
        certificates.renewed(NAMES, NOW)


def test_an_authority_with_the_key_of_another_is_named(certificates: Certificates, tmp_path: Path) -> None:
    another = Certificates(tmp_path / "another")
    another.renewed(NAMES, NOW)
    (another.ca_file.parent / "ca.key").replace(certificates.ca_file.parent / "ca.key")
    with pytest.raises(TlsUnusable, match="does not belong to the key"):
        certificates.renewed(NAMES, NOW)
