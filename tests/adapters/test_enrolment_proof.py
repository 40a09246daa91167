"""A signature of an enrolment proves one key, for one purpose, one nonce and one pair of keys."""

import base64

import nkeys  # type: ignore[import-untyped]  # the library ships no types
import pytest

from adapters.enrolment_proof import Purpose, is_proven, prove
from adapters.nats.accounts.nkey import Kind, NKey, is_public_key

ACCOUNT = NKey.derived(Kind.ACCOUNT, b"test", "account")
USER = NKey.derived(Kind.USER, b"test", "user")
OTHER = NKey.derived(Kind.USER, b"test", "other")
SIGNED = {"nonce": "fresh", "account_key": ACCOUNT.public, "user_key": USER.public}


@pytest.mark.parametrize("key", [ACCOUNT, USER])
def test_what_a_key_signed_is_proven_by_that_key_alone(key: NKey) -> None:
    signature = prove(key, Purpose.ENROL, **SIGNED)
    assert is_proven(key.public, signature, Purpose.ENROL, **SIGNED)
    assert not is_proven(OTHER.public, signature, Purpose.ENROL, **SIGNED)


@pytest.mark.parametrize(
    "change", [{"nonce": "stale"}, {"account_key": OTHER.public}, {"user_key": OTHER.public}]
)
def test_a_signature_proves_nothing_about_another_text(change: dict[str, str]) -> None:
    signature = prove(USER, Purpose.ENROL, **SIGNED)
    assert not is_proven(USER.public, signature, Purpose.ENROL, **{**SIGNED, **change})


def test_an_enrolment_is_no_renewal() -> None:
    signature = prove(USER, Purpose.ENROL, **SIGNED)
    assert not is_proven(USER.public, signature, Purpose.RENEW, **SIGNED)


def test_a_signature_for_one_api_key_proves_nothing_with_another_or_without() -> None:
    signature = prove(USER, Purpose.ENROL, **SIGNED, api_key="ak_mine")
    assert is_proven(USER.public, signature, Purpose.ENROL, **SIGNED, api_key="ak_mine")
    for other in ("ak_other", "", None):
        assert not is_proven(USER.public, signature, Purpose.ENROL, **SIGNED, api_key=other)


@pytest.mark.parametrize("signature", ["", "A", "not base64!", "ä", "A" * 86, "A" * 100_000])
def test_a_malformed_signature_proves_nothing(signature: str) -> None:
    assert not is_proven(USER.public, signature, Purpose.ENROL, **SIGNED)


def test_the_signed_text_is_what_the_protocol_says() -> None:
    text = b"enrol\0fresh\0" + ACCOUNT.public.encode() + b"\0" + USER.public.encode()
    signature = prove(USER, Purpose.ENROL, **SIGNED)
    assert "=" not in signature
    assert USER.signer.verify_key.verify(text, base64.urlsafe_b64decode(signature + "=="))


@pytest.mark.parametrize("point", [b"\0" * 32, b"\x01" + b"\0" * 31, b"\xec" + b"\xff" * 30 + b"\x7f"])
def test_a_key_that_everything_verifies_under_proves_nothing(point: bytes) -> None:
    body = bytes([Kind.ACCOUNT]) + point
    weak = base64.b32encode(body + nkeys.crc16_checksum(body)).decode().rstrip("=")
    assert is_public_key(weak, Kind.ACCOUNT)
    for made in (b"\0" * 64, point + b"\0" * 32, b"\x01" + b"\0" * 63):
        signature = base64.urlsafe_b64encode(made).decode().rstrip("=")
        assert not is_proven(weak, signature, Purpose.ENROL, **SIGNED)
