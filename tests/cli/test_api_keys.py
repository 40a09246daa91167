"""API keys by the command line, from their making to their end."""

from tests.cli.commands import Up, typed


def test_a_key_is_made_used_listed_and_revoked(network: Up) -> None:
    made = network.typed(
        "api-key", "make", "nightly", "--scopes", "read", "--expires", "2099-01-01T00:00:00Z"
    )
    key, key_id = made.out.strip(), made.out[3:11]
    assert key.startswith("ak_")
    assert made.err.endswith(f"Take it back with: archipelago api-key revoke {key_id}\n")
    assert typed("account", "--json", "--url", network.url, "--key", key).json["account_id"] == "local"
    [row] = [row for row in network.typed("api-key", "list", "--json").json if row["key_id"] == key_id]
    assert (row["name"], row["scopes"], row["expires_at"][:10]) == ("nightly", "read", "2099-01-01")
    assert row["last_used_at"] > row["created_at"]
    shown = network.typed("api-key", "list").out
    assert key_id in shown
    assert key not in shown
    assert network.typed("api-key", "revoke", key_id).out == f"Revoked {key_id}.\n"
    assert typed("account", "--url", network.url, "--key", key).code == 1
    assert key_id not in network.typed("api-key", "list").out


def test_what_a_key_lacks_it_cannot_give(network: Up) -> None:
    key = network.typed("api-key", "make", "small").out.strip()
    refused = typed("api-key", "make", "big", "--scopes", "admin", "--url", network.url, "--key", key)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("error: scopes: this key has no admin to give\n")


def test_a_moment_that_is_none_is_named(network: Up) -> None:
    refused = network.typed("api-key", "make", "odd", "--expires", "tomorrow")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("error: expires_at: ")
