"""The coordinator says nothing in plaintext beyond this machine unless it is told to."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.embedded.certificates import Certificates
from adapters.tls import TlsUnusable
from api.encryption import Unencrypted, https_context
from api.main import CannotStart, serve
from api.settings import Settings

ELSEWHERE = "192.0.2.7"


@pytest.fixture
def encrypted(tmp_path: Path) -> dict[str, Path]:
    made = Certificates(tmp_path / "tls")
    made.renewed((ELSEWHERE,), datetime.now(UTC))
    return {"tls_cert_file": made.server.cert_file, "tls_key_file": made.server.key_file}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_this_machine_alone_nothing_needs_to_be_set(host: str) -> None:
    assert https_context(Settings(host=host)) is None


def test_with_a_certificate_it_may_listen_anywhere(encrypted: dict[str, Any]) -> None:
    told = {"public_url": f"https://{ELSEWHERE}", "island_nats_url": f"tls://{ELSEWHERE}"}
    assert https_context(Settings(**(encrypted | told), host=ELSEWHERE)) is not None


@pytest.mark.parametrize(
    ("exposed", "told"),
    [
        ({"host": ELSEWHERE}, "ARCHIPELAGO_HOST: .*ARCHIPELAGO_TLS_CERT_FILE and ARCHIPELAGO_TLS_KEY_FILE;"),
        ({"host": "::"}, "ARCHIPELAGO_HOST: "),
        ({"public_url": f"http://{ELSEWHERE}"}, "ARCHIPELAGO_PUBLIC_URL: "),
        ({"island_nats_url": f"nats://{ELSEWHERE}"}, "ARCHIPELAGO_ISLAND_NATS_URL: .*tls://host:port"),
        ({"nats_url": f"nats://{ELSEWHERE}"}, f"ARCHIPELAGO_ISLAND_NATS_URL: to nats://{ELSEWHERE}"),
    ],
)
def test_what_could_be_read_on_the_way_is_refused_unless_it_is_allowed(
    exposed: dict[str, Any], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Unencrypted, match=f"^{told}.*ARCHIPELAGO_ALLOW_PLAINTEXT=true"):
        https_context(Settings(**exposed))
    with caplog.at_level(logging.WARNING):
        assert https_context(Settings(**exposed, allow_plaintext=True)) is None
    assert [record.msg for record in caplog.records] == ["plaintext_allowed"]


def test_a_certificate_for_http_does_not_encrypt_nats(encrypted: dict[str, Any]) -> None:
    with pytest.raises(Unencrypted, match="ARCHIPELAGO_ISLAND_NATS_URL"):
        https_context(Settings(host=ELSEWHERE, island_nats_url=f"nats://{ELSEWHERE}", **encrypted))


def test_islands_are_sent_to_our_own_server_unless_another_address_is_named() -> None:
    assert Settings(nats_url="tls://inside:1").nats_url_of_islands == "tls://inside:1"
    named = Settings(nats_url="tls://inside:1", island_nats_url="tls://outside:2")
    assert named.nats_url_of_islands == "tls://outside:2"


@pytest.mark.parametrize("missing", ["tls_cert_file", "tls_key_file"])
def test_a_certificate_and_its_key_belong_together(encrypted: dict[str, Any], missing: str) -> None:
    del encrypted[missing]
    with pytest.raises(Unencrypted, match=f"^ARCHIPELAGO_{missing.upper()}: "):
        https_context(Settings(**encrypted))


def test_a_certificate_that_cannot_be_used_is_named(encrypted: dict[str, Any]) -> None:
    encrypted["tls_key_file"].write_text("nothing of the kind")
    with pytest.raises(TlsUnusable, match=str(encrypted["tls_key_file"])):
        https_context(Settings(**encrypted))


async def test_the_program_does_not_start_in_plaintext() -> None:
    with pytest.raises(CannotStart, match=r"^ARCHIPELAGO_HOST: "):
        await serve(Settings(host=ELSEWHERE))


async def test_the_program_does_not_start_with_half_a_certificate(encrypted: dict[str, Any]) -> None:
    encrypted["tls_cert_file"].unlink()
    with pytest.raises(CannotStart, match=str(encrypted["tls_cert_file"])):
        await serve(Settings(**encrypted))
