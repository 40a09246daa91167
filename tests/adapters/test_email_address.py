"""One address, one spelling, one index, which only the network's secret leads to."""

import pytest

from adapters.email_address import CHARACTERS_MAX, EmailIndex, email_address


@pytest.mark.parametrize("text", ["ada@example.org", " Ada@Example.ORG\n", "a.b+c@x-y.example"])
def test_an_address_has_one_spelling(text: str) -> None:
    assert email_address(text) == text.strip().lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@example..org",
        "ada@-example.org",
        "ada@example.org, eve@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
        "<ada@example.org>",
        '"ada"@example.org',
        f"{'a' * 65}@example.org",
        f"ada@{'e' * 63}.{'e' * 63}.{'e' * 63}.{'e' * 63}",
    ],
)
def test_whatever_else_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(ValueError, match="one e-mail address"):
        email_address(text)


def test_the_longest_address_fits() -> None:
    labels = ".".join(["e" * 61] * 3)
    longest = f"{'a' * 64}@{labels}.{'e' * (CHARACTERS_MAX - 66 - len(labels))}"
    assert len(longest) == CHARACTERS_MAX
    assert email_address(longest) == longest


def test_an_index_is_always_the_same_and_another_secret_gives_another() -> None:
    index = EmailIndex(b"secret")
    assert index.of("ada@example.org") == EmailIndex(b"secret").of("ada@example.org")
    others = {
        index.of("ada@example.org"),
        index.of("eve@example.org"),
        EmailIndex(b"other").of("ada@example.org"),
    }
    assert len(others) == 3
    assert all(len(other) == 32 for other in others)
