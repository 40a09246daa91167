"""The envelope proves who made a claim: nothing that was changed, copied or left out passes."""

import base64
import json

import pytest
from hypothesis import given, strategies

from adapters.claim_envelope import CLAIM, SIGNATURE, SIGNED_PREFIX, opened, seal
from adapters.nats.accounts.nkey import Kind, NKey
from domain.claim import ClaimRejected, ClaimRejection

USER = NKey.new(Kind.USER)
ISLAND = NKey.new(Kind.ACCOUNT).public
BODY = b'{"job_id":"j-1","state":"started","timestamp":1}'


def sealed(user: NKey = USER, island_id: str = ISLAND, kind: str = "status", n: int = 1) -> dict[str, str]:
    return seal(
        user,
        island_id=island_id,
        kind=kind,
        job="j-1",
        attempt=1,
        n=n,
        claim_id="c" * 32,
        at_ms=5,
        body=BODY,
    )


def signed_text(text: bytes) -> dict[str, str]:
    """An envelope of any text at all, rightly signed."""
    raw = {CLAIM: text, SIGNATURE: USER.sign(SIGNED_PREFIX + text)}
    return {name: base64.urlsafe_b64encode(part).decode().rstrip("=") for name, part in raw.items()}


def rejection(headers: dict[str, str], body: bytes = BODY) -> ClaimRejection:
    with pytest.raises(ClaimRejected) as rejected:
        opened(headers, island_id=ISLAND, kind="status", body=body, user_key=USER.public)
    return rejected.value.code


def test_a_sealed_claim_opens_to_what_was_sealed() -> None:
    envelope = opened(sealed(), island_id=ISLAND, kind="status", body=BODY, user_key=USER.public)
    assert (envelope.id, envelope.job, envelope.attempt, envelope.n, envelope.ts) == (
        "c" * 32,
        "j-1",
        1,
        1,
        5,
    )


def test_the_header_is_canonical_json_with_the_fields_of_the_protocol() -> None:
    text = base64.urlsafe_b64decode(sealed()[CLAIM] + "==")
    fields = json.loads(text)
    assert list(fields) == ["attempt", "id", "isl", "job", "kind", "n", "sha", "ts", "v"]
    assert json.dumps(fields, separators=(",", ":")).encode() == text


def test_a_changed_body_is_a_bad_signature() -> None:
    assert rejection(sealed(), BODY + b" ") == ClaimRejection.BAD_SIGNATURE


def test_another_islands_key_is_a_bad_signature() -> None:
    assert rejection(sealed(NKey.new(Kind.USER))) == ClaimRejection.BAD_SIGNATURE


@pytest.mark.parametrize("missing", [CLAIM, SIGNATURE])
def test_half_an_envelope_is_a_bad_signature(missing: str) -> None:
    headers = sealed()
    del headers[missing]
    assert rejection(headers) == ClaimRejection.BAD_SIGNATURE


def test_an_envelope_for_another_island_is_an_id_mismatch() -> None:
    assert rejection(sealed(island_id=NKey.new(Kind.ACCOUNT).public)) == ClaimRejection.ID_MISMATCH


def test_an_envelope_for_another_kind_is_an_id_mismatch() -> None:
    assert rejection(sealed(kind="lease")) == ClaimRejection.ID_MISMATCH


def test_a_signed_connection_nonce_is_no_claim() -> None:
    headers = sealed()
    text = base64.urlsafe_b64decode(headers[CLAIM] + "==")
    headers[SIGNATURE] = base64.urlsafe_b64encode(USER.sign(text)).decode().rstrip("=")
    assert rejection(headers) == ClaimRejection.BAD_SIGNATURE


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[" * 700,
        b"\xff\xfe",
        b'{"attempt":NaN}',
        json.dumps({"v": 2, "id": "c", "isl": ISLAND, "kind": "status", "job": "", "attempt": 0}).encode(),
    ],
)
def test_rightly_signed_nonsense_is_a_bad_signature(text: bytes) -> None:
    assert rejection(signed_text(text)) == ClaimRejection.BAD_SIGNATURE


@pytest.mark.parametrize("field", [{"v": 2}, {"n": -1}, {"n": 1 << 60}, {"id": ""}, {"id": "a b"}])
def test_a_field_outside_its_bounds_is_a_bad_signature(field: dict[str, object]) -> None:
    fields = json.loads(base64.urlsafe_b64decode(sealed()[CLAIM] + "=="))
    assert rejection(signed_text(json.dumps(fields | field).encode())) == ClaimRejection.BAD_SIGNATURE


@pytest.mark.parametrize("text", ["", "=", "a", "é", "a b", "a+/b", "A" * 4096])
@pytest.mark.parametrize("name", [CLAIM, SIGNATURE])
def test_a_header_that_is_no_base64url_is_a_bad_signature(name: str, text: str) -> None:
    assert rejection(sealed() | {name: text}) == ClaimRejection.BAD_SIGNATURE


@given(strategies.text(), strategies.text())
def test_no_text_at_all_passes_for_an_envelope(claim: str, signature: str) -> None:
    assert rejection({CLAIM: claim, SIGNATURE: signature}) == ClaimRejection.BAD_SIGNATURE
