"""Documents: signed, repeatable, and refused where a byte of them was changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.nats.accounts.jwt import BadDocument, decode64, encode64, mint, read
from adapters.nats.accounts.nkey import Kind, NKey

ISSUER = NKey.derived(Kind.ACCOUNT, b"seed", "issuer")
DOCUMENT = mint(
    ISSUER, "UABC", "user", {"pub": {"allow": ["host.x.status"]}}, issued_at_s=7, expires_at_s=9, name="atlas"
)


def test_a_document_says_what_it_was_made_of() -> None:
    claims = read(DOCUMENT)
    assert (claims["iss"], claims["sub"], claims["iat"], claims["exp"]) == (ISSUER.public, "UABC", 7, 9)
    assert claims["nats"] == {"pub": {"allow": ["host.x.status"]}, "type": "user", "version": 2}
    assert "aud" not in claims


def test_minting_again_changes_nothing() -> None:
    again = mint(
        ISSUER,
        "UABC",
        "user",
        {"pub": {"allow": ["host.x.status"]}},
        issued_at_s=7,
        expires_at_s=9,
        name="atlas",
    )
    assert again == DOCUMENT


@given(position=st.integers(0, len(DOCUMENT) - 1), letter=st.sampled_from("AZaz09-_."))
def test_a_changed_document_is_refused(position: int, letter: str) -> None:
    changed = DOCUMENT[:position] + letter + DOCUMENT[position + 1 :]
    if changed != DOCUMENT and not is_same_content(changed):
        with pytest.raises(BadDocument):
            read(changed)


def is_same_content(changed: str) -> bool:
    """The last letter of a base64 text carries bits that nobody reads."""
    try:
        return [decode64(part) for part in changed.split(".")] == [
            decode64(part) for part in DOCUMENT.split(".")
        ]
    except ValueError:
        return False


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "e30.e30.e30", "e30.bnVsbA.e30", "\xff.\xff.\xff"])
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(BadDocument):
        read(text)


@given(raw=st.binary(max_size=100))
def test_base64_comes_back(raw: bytes) -> None:
    assert decode64(encode64(raw)) == raw
